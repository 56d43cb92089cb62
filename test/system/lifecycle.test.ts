// Weft comes and goes: however it ends, three seconds later nothing of it is left outside its state directory, and the next start finds
// the same networks, ports, routers and instances, and makes packets flow again.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { childrenOf, isAlive, type ProcessId, processId } from '../../src/main/sandbox/proc.ts';
import { run } from '../../src/main/sandbox/run.ts';
import type { SwitchKind } from '../../src/main/state/switch.ts';
import { startJob, until } from './job.ts';
import { networkOf, processesIn, processesNaming, untilNone } from './left.ts';
import { noSandbox, noSwitch } from './need.ts';
import { checkout, type Instance, type Made, WeftWorld } from './weft-world.ts';

const npmStart = ['npm', 'start', '--'];

/** How long everything may take to be gone. */
const goneWithinMs = 3000;

/** What of the machine itself a run could leave something in; the state directory and TMPDIR are the test's own. */
const places = ['/run', '/run/netns', '/var/lib', '/var/lib/dhcp', '/var/log', '/var/tmp', '/dev/shm', '/etc', '/root'];

const names = (folder: string): string[] => {
  try {
    return readdirSync(folder).map(name => join(folder, name));
  } catch {
    return [];
  }
};
/** A PostgreSQL that runs beside the test comes and goes when it likes; no Weft with embedded defaults starts one. */
const others = /^\/dev\/shm\/PostgreSQL\./;
const machineFiles = (): Set<string> => new Set(places.flatMap(names).filter(name => !others.test(name)));
const machineLinks = async (): Promise<string> => (await run(['ip', '-br', 'link'])).replace(/ .*/g, '');
const machineNamespaces = (): Promise<string> => run(['ip', 'netns', 'list']);

/** A process with all below it, by pid and start time. */
function familyOf(pid: number): ProcessId[] {
  const own = processId(pid);
  return own ? [own, ...childrenOf(pid).flatMap(familyOf)] : [];
}

/** Everything of a Weft that runs: its processes, and the networks that they are in and the machine is not. */
interface Footprint {
  readonly processes: readonly ProcessId[];
  readonly networks: ReadonlySet<string>;
}

function footprint(root: number): Footprint {
  const processes = familyOf(root);
  const machine = networkOf(process.pid);
  const networks = new Set(processes.map(({ pid }) => networkOf(pid)).filter(network => network !== undefined && network !== machine));
  return { processes, networks: networks as ReadonlySet<string> };
}

function left({ processes, networks }: Footprint, stateDir: string): string[] {
  return [...processes.filter(isAlive).map(({ pid }) => `process ${pid}`), ...processesIn(networks), ...processesNaming(stateDir)];
}

interface Ending {
  readonly name: string;
  readonly command?: readonly string[];
  /** Ends it; `main` is the process that serves the API. */
  end(world: WeftWorld, main: number): Promise<unknown>;
}

const npm = (world: WeftWorld): number => world.process.child.pid as number;

const allEndings: readonly Ending[] = [
  {
    name: 'weft down',
    async end(world) {
      const done = await world.weft(['down']);
      assert.equal(done.code, 0, done.stderr);
      assert.match(done.stdout, /^stopped process \d+$/m);
    },
  },
  // A terminal sends it to the whole foreground process group: npm, and what npm runs.
  { name: 'Ctrl-C in the terminal of npm start', command: npmStart, end: async world => process.kill(-npm(world), 'SIGINT') },
  { name: 'SIGTERM to npm', command: npmStart, end: async world => process.kill(npm(world), 'SIGTERM') },
  { name: 'kill -9 of npm', command: npmStart, end: async world => process.kill(npm(world), 'SIGKILL') },
  { name: 'kill -9 of the main process', end: async (_, main) => process.kill(main, 'SIGKILL') },
];

describe('the life of a Weft', { skip: noSandbox() }, () => lives('linuxbridge', allEndings));
const hard = allEndings.filter(({ name }) => name.startsWith('kill') || name === 'weft down');
describe('the life of a Weft on Open vSwitch', { skip: noSandbox() || noSwitch() }, () => lives('openvswitch', hard));

function lives(switchKind: SwitchKind, endings: readonly Ending[]): void {
  let scratch: string;
  /** TMPDIR of all that runs. */
  let temporary: string;
  let world: WeftWorld;
  let machineBefore: { links: string; namespaces: string; files: Set<string> };
  let made: { network: Made; router: Made; ports: readonly string[]; a: Instance; b: Instance };

  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'weft-lifecycle-'));
    temporary = join(scratch, 'tmp');
    mkdirSync(temporary);
    machineBefore = { links: await machineLinks(), namespaces: await machineNamespaces(), files: machineFiles() };
    world = await WeftWorld.make({
      hosts: 2,
      stateDir: join(scratch, 'state'),
      env: { TMPDIR: temporary },
      more: ['--switch', switchKind],
    });
  });
  after(async () => {
    await world[Symbol.asyncDispose]();
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  });

  test('the first start reaches ready, and two instances on two hosts ping', async t => {
    t.diagnostic(`first start: ready after ${Math.round(await world.start())} ms`);
    const network = await world.create(world.member, 'network', { name: 'net1' });
    const v4 = await world.create(world.member, 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/24' });
    const slaac = { ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
    const v6 = await world.create(world.member, 'subnet', { network_id: network.id, ip_version: 6, cidr: '2001:db8:1::/64', ...slaac });
    const router = await world.create(world.member, 'router', { name: 'router1' });
    for (const { id } of [v4, v6]) await world.member.put(`/routers/${router.id}/add_router_interface`, { subnet_id: id });
    const [a, b] = await Promise.all([
      world.instance({ name: 'a', network: network.id, host: 'h1' }),
      world.instance({ name: 'b', network: network.id, host: 'h2' }),
    ]);
    made = { network, router, ports: await portIds(world, network.id), a, b };
    await pingEachOther(world);
  });

  for (const ending of endings)
    test(`${ending.name}: three seconds later nothing is left; the next start realises the same again`, async t => {
      const { process: job } = world;
      const { pid: main } = await world.status();
      const up = footprint(main);
      // The control: while it runs there is something to find.
      assert.ok(up.processes.length > 20, `${up.processes.length} processes`);
      // The underlay, two hosts, two instances, at least one namespace of dnsmasq or a router.
      assert.ok(up.networks.size >= 6, `${up.networks.size} networks`);
      assert.ok(left(up, world.folder.path).length > 20);
      assert.equal(await machineLinks(), machineBefore.links, "a contained Weft makes no links on the machine's own network");
      assert.equal(await machineNamespaces(), machineBefore.namespaces);

      const began = performance.now();
      await ending.end(world, main);
      assert.deepEqual(await untilNone(() => left(up, world.folder.path), goneWithinMs), []);
      const gone = performance.now() - began;
      assert.equal(await machineLinks(), machineBefore.links);
      assert.equal(await machineNamespaces(), machineBefore.namespaces);
      assert.deepEqual(
        [...machineFiles()].filter(file => !machineBefore.files.has(file)),
        [],
      );
      assert.deepEqual(
        names(temporary).filter(name => !/node-compile-cache/.test(name)),
        [],
      );
      await job.done;

      const next = endings[endings.indexOf(ending) + 1];
      const ready = await world.start(next?.command);
      assert.doesNotMatch(world.process.output(), /install/i, 'the second start installs nothing');
      const { network, router, ports } = made;
      assert.equal((await world.member.get<{ network: Made }>(`/networks/${network.id}`)).network['name'], 'net1');
      assert.equal((await world.member.get<{ router: Made }>(`/routers/${router.id}`)).router['status'], 'ACTIVE');
      assert.deepEqual(await portIds(world, network.id), ports);
      await pingEachOther(world);
      const flowing = performance.now() - began - gone - ready;
      t.diagnostic(
        `gone after ${Math.round(gone)} ms, ready ${Math.round(ready)} ms after the next start, packets after ${Math.round(flowing)} ms more`,
      );
    });

  test('a second up on the same state says what is running where, and harms nothing', async () => {
    const { pid } = await world.status();
    const second = startJob([join(checkout, 'bin/weft'), 'up', '--state-dir', world.folder.path, '--listen', '127.0.0.1:0']);
    assert.equal(await second.done, 1);
    assert.match(second.output(), new RegExp(`already running: process ${pid}, API on ${world.listen.replaceAll('.', '\\.')}, since 20`));
    assert.equal((await world.status()).pid, pid);
    await pingEachOther(world);
  });

  test('agents that were killed are started again, and status tells of it', async () => {
    const killed = await world.killAgent('h2');
    const pid = await world.agentBack(killed);
    assert.notEqual(pid, killed.pid);
    const host = (await world.status()).hosts.find(h => h.name === 'h2');
    assert.deepEqual([host?.process.state, host?.process.pid, host?.process.restarts], ['running', pid, 1]);
    assert.match((await world.weft(['status'])).stdout, /host h2: agents running as \d+, restarted 1 times, last time: killed by SIGKILL/);
    await pingEachOther(world);
  });

  test('down twice: the second says that nothing runs', async () => {
    assert.equal((await world.weft(['down'])).code, 0);
    const other = switchKind === 'openvswitch' ? 'linuxbridge' : 'openvswitch';
    const refused = await world.weft(['up', '--switch', other]);
    assert.match(refused.stderr, new RegExp(`the hosts of this state directory have --switch ${switchKind}`));
    const again = await world.weft(['down']);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /Weft is not running on /);
  });

  async function pingEachOther(weft: WeftWorld): Promise<void> {
    await weft.until('both instances run', async () => (await weft.instances()).every(i => i.view.state === 'running'));
    for (const [from, to] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const)
      for (const address of [made[to].v4, made[to].v6])
        await weft.until(`${from} reaches ${address}`, async () => weft.pings(await byName(weft, from), address), 30_000);
  }
}

const byName = async (world: WeftWorld, name: string): Promise<Instance> =>
  (await world.instances()).find(i => i.name === name) as Instance;

async function portIds(world: WeftWorld, network: string): Promise<string[]> {
  const { ports } = await world.admin.get<{ ports: Made[] }>(`/ports?network_id=${network}&fields=id`);
  return ports.map(port => port.id).sort();
}

describe('state that is not for this Weft', { skip: noSandbox() }, () => {
  let scratch: string;
  before(() => {
    scratch = mkdtempSync(join(tmpdir(), 'weft-foreign-'));
  });
  after(() => rmSync(scratch, { recursive: true, force: true }));

  const refused = async (stateDir: string, words: RegExp): Promise<void> => {
    const job = startJob([join(checkout, 'bin/weft'), 'up', '--state-dir', stateDir, '--listen', '127.0.0.1:0']);
    await until('weft up has ended', () => job.child.exitCode !== null, { story: job.output }).finally(() => job.kill());
    await job.done;
    assert.equal(job.child.exitCode, 1, job.output());
    assert.match(job.output(), words);
    assert.doesNotMatch(job.output(), /^ready| at .*\.ts:\d/m, 'in words, without a stack');
    assert.deepEqual(processesNaming(stateDir), []);
  };
  const folder = (name: string): string => {
    mkdirSync(join(scratch, name));
    return join(scratch, name);
  };

  test('made by a newer version: refused, and untouched', async () => {
    const stateDir = folder('newer');
    await using world = await WeftWorld.open({ stateDir });
    await world.stop();
    const db = new DatabaseSync(join(stateDir, 'weft.db'));
    db.exec("UPDATE schema_meta SET value = '999' WHERE key = 'version'");
    const networks = db.prepare('SELECT count(*) AS n FROM networks').get();
    await refused(stateDir, /weft\.db was made by a newer Weft/);
    assert.deepEqual(db.prepare('SELECT count(*) AS n FROM networks').get(), networks);
    db.close();
  });

  test('a database of another program', async () => {
    const stateDir = folder('other-program');
    const db = new DatabaseSync(join(stateDir, 'weft.db'));
    db.exec('CREATE TABLE recipes (name TEXT)');
    db.close();
    await refused(stateDir, /weft\.db is a database of another program \(its tables: recipes\)/);
  });

  test('no database at all', async () => {
    const stateDir = folder('no-database');
    writeFileSync(join(stateDir, 'weft.db'), 'dear diary\n'.repeat(100));
    await refused(stateDir, /weft\.db is not a database/);
  });

  test('a damaged list of instances, or one of another version', async () => {
    const stateDir = folder('instances');
    writeFileSync(join(stateDir, 'instances.json'), '{"version": 2, "instances": []}');
    await refused(stateDir, /instances\.json is of another version of Weft/);
    writeFileSync(join(stateDir, 'instances.json'), '{"version": 1, "inst');
    await refused(stateDir, /instances\.json is damaged \(/);
  });

  test('users and passwords that cannot be read', async () => {
    const stateDir = folder('identity');
    writeFileSync(join(stateDir, 'identity.json'), '{}');
    await refused(stateDir, /clouds\.yaml is gone|identity\.json/);
  });

  test('a file where the directory should be', async () => {
    writeFileSync(join(scratch, 'file'), '');
    await refused(join(scratch, 'file'), /not a directory|EEXIST|ENOTDIR/i);
  });
});
