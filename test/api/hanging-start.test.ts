// Servers that hang at their start, or of which a worker does: they are told to end, and to read their files again, all the same.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { childrenOf, isAlive, processId } from '../../src/main/sandbox/proc.ts';
import { until } from './harness.ts';
import { processesOf, startService } from './service.ts';

const program = join(import.meta.dirname, '../../src/main/weft.ts');

/** A server of the files' word that nobody waits for. */
function begin(t: TestContext, text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'weft-hanging-'));
  const [file, state] = [join(folder, 'neutron.conf'), join(folder, 'state')];
  mkdirSync(state, { mode: 0o700 });
  writeFileSync(file, `[DEFAULT]\n${text}\n`);
  const argv = ['--disable-warning=ExperimentalWarning', program, 'server', '--config-file', file, '--state-dir', state];
  const start = () => {
    const child = spawn(process.execPath, [...argv, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'ignore', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    return child;
  };
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const log = (): string => readFileSync(join(state, 'logs/server.log'), 'utf8');
  return { file, state, start, log };
}

test('a worker that hangs at its start keeps nobody from reading the files again, and is no reason not to end', {
  timeout: 120_000,
}, async () => {
  await using service = await startService('api_workers = 2\nrpc_workers = 1\nrpc_state_report_workers = 1\ngraceful_shutdown_timeout = 0');
  const before = childrenOf(service.pid);
  const [old] = processesOf(await service.status(), 'api');
  assert.ok(old);
  process.kill(old.pid, 'SIGKILL');
  const fresh = (): number | undefined => childrenOf(service.pid).find(pid => !before.includes(pid));
  const hanging = await until('its successor begins', async () => fresh());
  process.kill(hanging, 'SIGSTOP');
  const stopped = processId(hanging);
  assert.equal((await service.status()).workers?.filter(worker => worker.state === 'starting').length, 1);
  for (const times of [1, 2]) {
    service.signal('SIGHUP');
    const read = async (): Promise<boolean> => (await service.logs('server.log')).split('the configuration was read again').length > times;
    await until(`the files are read again, ${times}`, read, 30_000);
  }
  service.signal('SIGTERM');
  assert.equal(await service.ended, '0');
  assert.ok(stopped && !isAlive(stopped));
});

for (const [processes, workers] of [
  ['of one process', 'api_workers = 0\nrpc_workers = 0'],
  ['of several', 'api_workers = 1\nrpc_workers = 1'],
] as const)
  test(`a server ${processes} whose database does not answer ends when it is told to, once`, { timeout: 60_000 }, async t => {
    const asked = Promise.withResolvers<void>();
    const silent = createServer(socket => {
      socket.on('error', () => {});
      asked.resolve();
    }).listen(0, '127.0.0.1');
    t.after(() => silent.close());
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const child = begin(t, `${workers}\n[database]\nconnection = mysql+pymysql://u:p@127.0.0.1:${port}/neutron`).start();
    const end = once(child, 'exit');
    await asked.promise;
    const family = [child.pid as number, ...childrenOf(child.pid as number)].map(pid => processId(pid)).filter(id => id !== undefined);
    child.kill('SIGTERM');
    assert.deepEqual(await end, [0, null]);
    await until('all are gone', async () => !family.some(isAlive));
  });

test('a hang-up that comes while a server starts is heard when it has', { timeout: 60_000 }, async t => {
  const { file, state, start, log } = begin(t, 'api_workers = 0\nrpc_workers = 0');
  const held = new DatabaseSync(join(state, 'weft.db'));
  held.exec('BEGIN EXCLUSIVE');
  const child = start();
  await until('it comes to its database', async () => existsSync(join(state, 'bus.sock')), 30_000);
  appendFileSync(file, 'debug = true\n');
  child.kill('SIGHUP');
  held.exec('COMMIT');
  held.close();
  await until('it has read the files again', async () => /the configuration was read again/.test(log()), 30_000);
});
