// An agent process on the socket of a server that comes after it: it waits, reports, and is there again after a restart of the server.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { again, start, until } from './harness.ts';

const weft = join(import.meta.dirname, '../../src/main/weft.ts');

test('an agent without a broker meets the server at its socket', { timeout: 120_000 }, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-agent-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [file, logFile] = [join(folder, 'a.ini'), join(folder, 'a.log')];
  // The one agent that needs no root.
  writeFileSync(
    file,
    `[DEFAULT]\nhost = node-1\nstate_path = ${folder}\nlog_file = ${logFile}\nmetadata_proxy_socket_mode = user\n[agent]\nreport_interval = 1\n`,
  );
  const socket = join(folder, 'bus.sock');
  const argv = ['--disable-warning=ExperimentalWarning', weft, 'agent', 'metadata', '--bus-socket', socket, '--config-file', file];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const says = (words: RegExp) => async (): Promise<boolean> => {
    try {
      return words.test(readFileSync(logFile, 'utf8'));
    } catch {
      return false;
    }
  };
  await until('it waits', says(/no server at the socket; trying on/), 30_000);

  let h = await start();
  symlinkSync(join(h.stateDir, 'bus.sock'), socket);
  try {
    const reported = async () => (await h.admin.list('agents?host=node-1'))[0];
    const agent = await until('it reports', reported, 30_000);
    assert.deepEqual([agent['binary'], agent['alive']], ['neutron-metadata-agent', true]);
    h = await again(h, {});
    const since = String(agent['heartbeat_timestamp']);
    await until('it reports again', async () => String((await reported())?.['heartbeat_timestamp']) > since, 30_000);
  } finally {
    await h[Symbol.asyncDispose]();
  }
  const end = new Promise(resolve => child.once('exit', resolve));
  child.kill('SIGTERM');
  assert.equal(await end, 0);
});
