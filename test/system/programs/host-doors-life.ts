// What only the real doors can show: daemons outlive a killed agent, its monitors do not, and the neighbours hear announcements.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openHost } from '../../../src/adapters/host/open-host.ts';
import { HostRefusal } from '../../../src/contracts/host/firewall.ts';
import type { LinkChange } from '../../../src/contracts/host/links.ts';
import { until } from '../../../src/contracts/host/under-test.ts';

const host = openHost();
const folder = mkdtempSync(join(tmpdir(), 'weft-host-life-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function taken(ns: string, ...batch: LinkChange[]): Promise<void> {
  assert.deepEqual(await host.links.apply(ns, batch), []);
}

/** Command lines of all processes in this pid namespace. */
function commandLines(): string[] {
  return readdirSync('/proc')
    .filter(p => /^\d+$/.test(p))
    .flatMap(p => {
      try {
        return readFileSync(`/proc/${p}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      } catch {
        return [];
      }
    });
}

/** Starts the stand-in agent; answers what it said, and a way to kill it. */
async function agent(ns: string): Promise<{ own: number; inner: number; kill: () => Promise<void> }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'host-doors-agent.ts'), folder, ns], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, TOKEN: 'of the agent' },
  });
  const said = await new Promise<string>(resolve => child.stdout.setEncoding('utf8').once('data', resolve));
  const kill = (): Promise<void> =>
    new Promise(resolve => {
      child.once('exit', () => resolve());
      child.kill('SIGKILL');
    });
  return { ...(JSON.parse(said) as { own: number; inner: number }), kill };
}

test('daemons outlive a killed agent and are found again; its monitor goes with it', { timeout: 30_000 }, async () => {
  await host.links.addNamespace('life');
  const first = await agent('life');
  assert.ok(commandLines().some(l => l.includes('ip -n life -o monitor link')));
  await first.kill();
  await until(() => !commandLines().some(l => l.includes('monitor link')), 'monitor gone', 1000);
  for (const name of ['own', 'inner']) assert.ok(await host.processes.alive(`${folder}/${name}.pid`, 'sleep 600'), name);
  const second = await agent('life');
  assert.deepEqual([second.own, second.inner], [first.own, first.inner]);
  await second.kill();
  const environment = readFileSync(`/proc/${first.inner}/environ`, 'utf8').split('\0');
  assert.ok(environment.includes('GREETING=hello'));
  assert.ok(!environment.some(e => e.startsWith('TOKEN=')), 'a daemon sees nothing of the agent’s environment');
  for (const name of ['own', 'inner']) await host.processes.stop(`${folder}/${name}.pid`, 'sleep');
  await host.links.delNamespace('life');
});

test('a daemon of an earlier namespace of that name makes way', { timeout: 30_000 }, async () => {
  const spec = { name: 'old', netns: 'again', argv: ['sleep', '601'], pidFile: `${folder}/old.pid`, selfPid: false };
  await host.links.addNamespace('again');
  const first = await host.processes.ensure(spec);
  await host.links.delNamespace('again');
  await host.links.addNamespace('again');
  const second = await host.processes.ensure(spec);
  assert.notEqual(second, first);
  assert.equal(commandLines().filter(l => l === 'sleep 601').length, 1, 'the first one is gone');
  await host.processes.stop(spec.pidFile, 'sleep');
  await host.links.delNamespace('again');
});

test('a daemon that will not end is killed, with what it started', { timeout: 30_000 }, async () => {
  const argv = ['sh', '-c', 'trap "" TERM; echo started; sleep 602 & while :; do sleep 602; done'];
  const spec = { name: 'stubborn', netns: '', argv, pidFile: `${folder}/stubborn.pid`, selfPid: false };
  await host.processes.ensure(spec);
  await until(() => commandLines().filter(l => l === 'sleep 602').length === 2, 'its children');
  assert.equal(await host.files.read(`${folder}/stubborn.log`), 'started\n');
  await host.processes.stop(spec.pidFile, 'trap');
  await until(() => !commandLines().some(l => l.includes('sleep 602')), 'all gone', 1000);
});

test('a command that takes too long is killed, and one that a signal ended says so', { timeout: 30_000 }, async () => {
  const slow = await host.processes.run('', ['sleep', '603'], { timeoutMs: 100 });
  assert.equal(slow.code, 124);
  assert.equal((await host.processes.run('', ['sh', '-c', 'kill -9 $$'])).code, 137);
  const forked = await host.processes.run('', ['sh', '-c', 'sleep 2 & echo done']);
  assert.equal(forked.stdout, 'done\n', 'a child that keeps the pipes does not keep the caller');
});

test('a name in /run/netns without a namespace behind it is made good', { timeout: 30_000 }, async () => {
  writeFileSync('/run/netns/hollow', '');
  await host.links.addNamespace('hollow');
  assert.equal((await host.links.list('hollow')).length, 1);
  await host.links.delNamespace('hollow');
});

test('neighbours hear an announcement, of either family, and the link stays up', { timeout: 30_000 }, async () => {
  for (const ns of ['here', 'there']) await host.links.addNamespace(ns);
  await taken(
    'here',
    { do: 'add-link', link: { kind: 'veth', name: 'va', peer: 'vb', peerNetns: 'there', mac: '02:00:00:00:00:0a' } },
    { do: 'set-link', name: 'va', up: true },
    { do: 'add-address', dev: 'va', cidr: '10.0.0.1/24' },
    { do: 'add-address', dev: 'va', cidr: 'fd00::1/64', nodad: true },
  );
  await taken(
    'there',
    { do: 'set-link', name: 'vb', up: true },
    { do: 'add-address', dev: 'vb', cidr: '10.0.0.2/24' },
    { do: 'add-address', dev: 'vb', cidr: 'fd00::2/64', nodad: true },
  );
  const known = async (ip: string): Promise<string | undefined> => (await host.links.neighbours('there')).find(n => n.ip === ip)?.mac;
  // what the neighbour believes is old: the address was at another MAC
  for (const ip of ['10.0.0.1', 'fd00::1']) {
    const stale = ['ip', 'neigh', 'replace', ip, 'lladdr', '02:00:00:00:00:99', 'dev', 'vb', 'nud', 'stale'];
    assert.equal((await host.processes.run('there', stale)).code, 0);
    assert.equal(await known(ip), '02:00:00:00:00:99');
  }
  const changes: string[] = [];
  let standing = false;
  await using _ = host.links.watch(
    'there',
    e => changes.push(e.kind),
    () => {
      standing = true;
    },
  );
  await until(() => standing, 'the watch');
  const before = performance.now();
  await host.links.announce('here', 'va', '10.0.0.1');
  await host.links.announce('here', 'va', 'fd00::1');
  assert.ok(performance.now() - before < 900, 'nobody waits for the wire');
  await until(async () => (await known('10.0.0.1')) === '02:00:00:00:00:0a', 'gratuitous ARP heard');
  await until(async () => (await known('fd00::1')) === '02:00:00:00:00:0a', 'unsolicited NA heard');
  assert.deepEqual(changes, [], 'the far end of the link saw no change of it');
  for (const ns of ['here', 'there']) await host.links.delNamespace(ns);
  await until(() => !commandLines().some(l => l.includes('arping')), 'arping gone with its namespace', 1000);
});

test('many doors at once share a bounded number of processes', { timeout: 30_000 }, async () => {
  let running = 0;
  const few = openHost({ parallel: 2, onSpawn: () => running++ });
  const lists = await Promise.all(Array.from({ length: 20 }, () => few.links.list('')));
  assert.equal(lists.length, 20);
  assert.equal(running, 20);
});

test('a file is replaced whole, with its mode', { timeout: 30_000 }, async () => {
  const path = `${folder}/secret`;
  await host.files.write(path, 'a', 0o600);
  const mode = async (): Promise<string> => (await host.processes.run('', ['stat', '-c', '%a', path])).stdout.trim();
  assert.equal(await mode(), '600');
  await host.files.write(path, 'b');
  assert.equal(await mode(), '644');
  assert.deepEqual(
    readdirSync(folder).filter(f => f.endsWith('.new')),
    [],
  );
  await assert.rejects(host.iptables.save('bad/name', 4), HostRefusal);
});
