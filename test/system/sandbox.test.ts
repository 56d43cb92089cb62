// Contained hosts: they reach one another and the public side, their agents come back, and nothing outlives the process that made them.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/contracts/free-port.ts';
import { openContained } from '../../src/main/sandbox/contained.ts';
import { isAlive, processId } from '../../src/main/sandbox/proc.ts';
import { publish } from '../../src/main/sandbox/publish.ts';
import { run, tryRun } from '../../src/main/sandbox/run.ts';
import { enterArgv } from '../../src/main/sandbox/sandbox.ts';
import { nodeArgv } from '../../src/main/supervise/node.ts';
import { startProcess } from '../../src/main/supervise/process.ts';
import { networkOf, processesIn, processesNaming, untilNone } from './left.ts';
import { asNobody, noSandbox, noUserNamespaces } from './need.ts';

interface Said {
  readonly underlay: number;
  readonly hosts: readonly {
    readonly name: string;
    readonly init: number;
    readonly agent?: { state: string; pid?: number; restarts: number };
  }[];
}

const folder = mkdtempSync(join(tmpdir(), 'weft-sandbox-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const program = join(import.meta.dirname, 'programs/contained.ts');

/** Starts the program and reads what it says until `enough`. */
async function start(argv: readonly string[], enough: (said: Said) => boolean) {
  const [command = '', ...args] = argv;
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let errors = '';
  child.stderr.on('data', chunk => {
    errors += chunk;
  });
  const lines = readLines(child);
  const next = async (wanted: (said: Said) => boolean): Promise<Said> => {
    for (;;) {
      const line = await lines();
      if (line === undefined) throw new Error(`the program ended: ${errors}`);
      const said = JSON.parse(line) as Said;
      if (wanted(said)) return said;
    }
  };
  const said = await next(enough);
  const networks = new Set([said.underlay, ...said.hosts.map(h => h.init)].map(networkOf).filter(n => n !== undefined));
  return { child, said, next, networks };
}

function readLines(child: ChildProcess): () => Promise<string | undefined> {
  const lines: string[] = [];
  let rest = '';
  let ended = false;
  let wake = (): void => {};
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
    wake();
  });
  child.once('close', () => {
    ended = true;
    wake();
  });
  return async () => {
    while (lines.length === 0 && !ended)
      await new Promise<void>(resolve => {
        wake = resolve;
      });
    return lines.shift();
  };
}

const allRunning = (said: Said): boolean => said.hosts.every(host => host.agent?.state === 'running');
const programArgv = (count: number): string[] => nodeArgv([program, String(count), folder]);

describe('contained hosts', { skip: noSandbox() }, () => {
  test('two hosts ping over the underlay, with a frame that holds a full tenant packet in VXLAN', async () => {
    await using contained = await openContained(2);
    const [h1] = contained.hosts;
    assert.ok(h1);
    await run(h1.sandbox.enter(['ping', '-c1', '-W2', '-M', 'do', '-s', '1522', '198.18.0.2']));
    // The control: a larger one does not fit.
    const tooLarge = await tryRun(h1.sandbox.enter(['ping', '-c1', '-W2', '-M', 'do', '-s', '1600', '198.18.0.2']));
    assert.notEqual(tooLarge.code, 0);
  });

  test('a host has its own name, processes, /run and links', async () => {
    await using contained = await openContained(1);
    const inside = (...argv: string[]): Promise<string> => run(contained.hosts[0]?.sandbox.enter(argv) ?? []);
    assert.equal(await inside('hostname'), 'h1\n');
    assert.equal(await inside('ls', '/run'), 'netns\n');
    assert.match(await inside('ip', '-br', 'link'), /^lo\b.*\neth0@.*\neth1@.*\n$/);
    assert.ok((await inside('ps', '-e')).split('\n').length < 6);
    await inside('ip', 'netns', 'add', 'weft-sandbox-inner');
    assert.doesNotMatch(await run(['ip', 'netns', 'list']), /weft-sandbox-inner/);
  });

  test('the public side is reached from the underlay, and the machine has no way there', async () => {
    await using contained = await openContained(1);
    const [h1] = contained.hosts;
    assert.ok(h1);
    await run(h1.sandbox.enter(['ip', 'address', 'add', '172.24.4.77/24', 'dev', 'eth1']));
    await run(contained.underlay.enter(['ping', '-c1', '-W2', '172.24.4.77']));
    const routes = await run(['ip', 'route']);
    assert.doesNotMatch(routes, /172\.24\.4\./);
  });

  test('a published loopback port leads to an address on the public network, whole and with half-closed ends', async t => {
    await using contained = await openContained(1);
    const [h1] = contained.hosts;
    assert.ok(h1);
    await run(h1.sandbox.enter(['ip', 'address', 'add', '172.24.4.77/24', 'dev', 'eth1']));
    const server = spawn(enterArgv(h1.sandbox.init.pid, [])[0] ?? '', h1.sandbox.enter([process.execPath, '-e', echoServer]).slice(1), {
      stdio: 'ignore',
    });
    t.after(() => server.kill('SIGKILL'));
    const relaySocket = join(folder, 'relay.sock');
    const relay = await startProcess({
      place: contained.underlay,
      argv: nodeArgv([join(import.meta.dirname, '../../src/main/sandbox/relay.ts'), relaySocket]),
      outputFile: join(folder, 'relay.out'),
    });
    const free = await freePort();
    await using _ = await publish({ address: '127.0.0.1', port: free, toAddress: '172.24.4.77', toPort: 7 }, relaySocket);
    const sent = 'x'.repeat(300_000);
    let got = '';
    for (let tries = 0; tries < 1500 && got === ''; tries++) {
      got = await talk(free, sent).catch(() => '');
      if (got === '') await sleep(20);
    }
    assert.equal(got.length, sent.length);
    await relay.stop();
    await assert.rejects(
      talk(free, 'x').then(text => assert.notEqual(text, '')),
      'without the relay the connection ends',
    );
  });

  for (const [how, signal] of [
    ['killed with -9', 'SIGKILL'],
    ['asked to end', 'SIGTERM'],
  ] as const)
    test(`3 s after the maker was ${how}, no process and no namespace of it is left`, async t => {
      const { child, said, networks } = await start(programArgv(2), allRunning);
      t.after(() => child.kill('SIGKILL'));
      assert.equal(networks.size, 3);
      assert.ok(processesIn(networks).length >= 7, 'hosts, agents and their daemons run');
      process.kill(child.pid ?? 0, signal);
      assert.deepEqual(await untilNone(() => processesIn(networks), 3000), []);
      assert.deepEqual(await untilNone(() => processesNaming(folder), 500), []);
      for (const host of said.hosts) assert.equal(processId(host.init), undefined);
    });

  test('an agent that is killed with -9 comes back in the same host, and its daemon lives on', async t => {
    const { child, said, next, networks } = await start(programArgv(1), allRunning);
    t.after(() => child.kill('SIGTERM'));
    const [host] = said.hosts;
    const pid = host?.agent?.pid ?? 0;
    const daemons = (): string[] => processesIn(networks).filter(line => line.includes('sleep'));
    for (let tries = 0; tries < 3000 && daemons().length === 0; tries++) await sleep(10);
    const before = daemons();
    assert.equal(before.length, 1);
    process.kill(pid, 'SIGKILL');
    const again = await next(s => s.hosts[0]?.agent?.state === 'running' && s.hosts[0].agent.restarts === 1);
    assert.notEqual(again.hosts[0]?.agent?.pid, pid);
    assert.equal(again.hosts[0]?.init, host?.init);
    assert.equal(networkOf(again.hosts[0]?.agent?.pid ?? 0), networkOf(host?.init ?? 0));
    assert.ok(processesIn(networks).includes(before[0] ?? ''), 'the first daemon still runs');
  });

  test('killing only the nsenter that started an agent does not leave two of them', async t => {
    const { child, said, next } = await start(programArgv(1), allRunning);
    t.after(() => child.kill('SIGTERM'));
    const pid = said.hosts[0]?.agent?.pid ?? 0;
    const first = processId(pid);
    assert.ok(first);
    const nsenter = Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    process.kill(nsenter, 'SIGKILL');
    await next(s => s.hosts[0]?.agent?.state === 'running' && s.hosts[0].agent.restarts === 1);
    assert.equal(isAlive(first), false);
  });
});

test('an ordinary user builds contained hosts in a user namespace, and they go as well', {
  skip: noSandbox() || noUserNamespaces(),
}, async t => {
  const theirs = mkdtempSync(join(tmpdir(), 'weft-rootless-'));
  await run(['chown', '65534:65534', theirs]);
  const argv = ['setpriv', ...asNobody, 'unshare', '--user', '--map-root-user', ...nodeArgv([program, '2', theirs])];
  const { child, said, networks } = await start(argv, allRunning);
  t.after(() => child.kill('SIGKILL'));
  const [h1] = said.hosts;
  await run([
    'setpriv',
    ...asNobody,
    'nsenter',
    '-t',
    String(h1?.init),
    '-U',
    '--preserve-credentials',
    '-m',
    '-n',
    '-p',
    'ping',
    '-c1',
    '-W2',
    '198.18.0.2',
  ]);
  process.kill(child.pid ?? 0, 'SIGKILL');
  assert.deepEqual(await untilNone(() => processesIn(networks), 3000), []);
  rmSync(theirs, { recursive: true, force: true });
});

const echoServer = "require('node:net').createServer({allowHalfOpen:true},s=>s.pipe(s)).listen(7,'172.24.4.77')";

/** Sends, closes its own end, and answers all that comes back until the other end closes too. */
function talk(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ port, host: '127.0.0.1', allowHalfOpen: true });
    let got = '';
    socket.setEncoding('latin1').on('data', (part: string) => {
      got += part;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(got));
    socket.on('end', () => socket.end());
    socket.end(text);
  });
}
