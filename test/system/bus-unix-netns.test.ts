// The bus over a Unix socket between processes: across network namespaces, and with clients that die by kill -9.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { UnixHub } from '../../src/adapters/bus-unix/unix-hub.ts';
import { systemClock as clock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root for network namespaces';
const log = textLog({ sink: { write: () => {} } });

class Client {
  readonly child: ChildProcess;
  readonly heard: string[] = [];

  constructor(path: string, host: string) {
    const args = [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      join(import.meta.dirname, 'fixtures/bus-client.ts'),
      path,
      host,
    ];
    this.child = spawn('unshare', ['--net', '--', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => this.heard.push(...text.trim().split('\n')));
  }

  async until(line: string): Promise<void> {
    for (let i = 0; i < 1000 && !this.heard.includes(line); i++) await clock.sleep(10);
    assert.ok(this.heard.includes(line), `${line} in ${this.heard.join(', ')}`);
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise(resolve => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await gone;
  }
}

test('calls both ways, casts and fan-outs between network namespaces; what a killed client misses waits for it', {
  skip,
  timeout: 60_000,
}, async t => {
  const directory = mkdtempSync(join(tmpdir(), 'weft-bus-netns-'));
  const path = join(directory, 'bus.sock');
  const started: Client[] = [];
  const start = async (host: string): Promise<Client> => {
    const client = new Client(path, host);
    started.push(client);
    await client.until('serving');
    return client;
  };
  t.after(async () => {
    for (const client of started) await client.kill();
    rmSync(directory, { recursive: true, force: true });
  });

  let hub = await UnixHub.listen(path, { clock, log });
  t.after(() => hub[Symbol.asyncDispose]());
  const serve = () =>
    hub.bus.serve({ topic: 'q-plugin', server: 'srv', endpoints: [{ version: '1.0', methods: { who: args => `for ${args['host']}` } }] });
  await serve();
  const [h1, h2] = await Promise.all([start('h1'), start('h2')]);
  assert.equal(await hub.bus.call({ topic: 't', server: 'h1' }, 'ask', {}), 'for h1');
  await hub.bus.cast({ topic: 't', fanout: true }, 'note', { n: 'all' });
  await Promise.all([h1.until('note all'), h2.until('note all')]);

  await h1.kill();
  for (let i = 0; i < 500 && hub.clients > 1; i++) await clock.sleep(10);
  await hub.bus.cast({ topic: 't', server: 'h1' }, 'note', { n: 'missed' });
  await hub.bus.cast({ topic: 't', server: 'h2' }, 'note', { n: 'not missed' });
  await h2.until('note not missed');
  await (await start('h1')).until('note missed');
  assert.ok(!h2.heard.includes('note missed'));

  // The server's process restarts: clients come back by themselves and serve again.
  await hub[Symbol.asyncDispose]();
  await h2.until('down');
  hub = await UnixHub.listen(path, { clock, log });
  await serve();
  await h2.until('up');
  assert.equal(await hub.bus.call({ topic: 't', server: 'h2' }, 'ask', {}), 'for h2');
});
