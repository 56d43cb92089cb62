// Weft on a machine's own network. The machine is played by a sandbox, so that this one is left alone: what Weft makes there is
// made in the sandbox's own network, and must be gone from it when Weft ends.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { control, type InstanceView } from '../../src/cli/control.ts';
import { stateFolder } from '../../src/cli/state.ts';
import { run, tryRun } from '../../src/main/sandbox/run.ts';
import { openSandbox, type Sandbox } from '../../src/main/sandbox/sandbox.ts';
import { type Job, startJob, until } from './job.ts';
import { noSandbox, noUserNamespaces } from './need.ts';
import { checkout } from './weft-world.ts';

/** Everything of a machine that Weft could add to. */
const looks = [
  ['ip', '-o', 'link'],
  ['ip', 'netns'],
  ['ip', 'route'],
  ['nft', 'list', 'ruleset'],
  ['ipset', 'list'],
  ['sysctl', 'net.bridge.bridge-nf-call-iptables', 'net.ipv4.ip_forward'],
  ['ls', '/run', '/run/netns'],
  ['ps', '-eo', 'args'],
] as const;

describe("on the machine's own network", { skip: noSandbox() }, () => {
  const state = mkdtempSync(join(tmpdir(), 'weft-on-host-'));
  const folder = stateFolder(state);
  let machine: Sandbox;
  let job: Job;

  const here = (...argv: string[]): Promise<string> => run(machine.enter(argv), { timeoutMs: 60_000 });
  const look = async (): Promise<string[]> => Promise.all(looks.map(async argv => (await tryRun(machine.enter(argv))).stdout));
  const weftArgv = (verb: string[], ...rest: string[]): string[] => [join(checkout, 'bin/weft'), ...verb, '--state-dir', state, ...rest];
  const openstack = async (...argv: string[]): Promise<string> => {
    const env = { OS_CLIENT_CONFIG_FILE: join(state, 'clouds.yaml'), OS_CLOUD: 'weft' };
    return (await run(machine.enter(['openstack', ...argv]), { env, timeoutMs: 60_000 })).trim();
  };
  const start = async (): Promise<void> => {
    job = startJob(machine.enter(weftArgv(['up', '--on-host'])));
    await until('ready', () => /^ready/m.test(job.output()), { withinMs: 30_000, story: job.output });
  };

  before(async () => {
    machine = await openSandbox('machine');
    await here('ip', 'link', 'set', 'lo', 'up');
    // What others have on the machine: it has to stay.
    await here('iptables', '-A', 'INPUT', '-p', 'tcp', '--dport', '2222', '-j', 'ACCEPT');
    await here('ip', 'netns', 'add', 'lab');
    await here('ip', 'link', 'add', 'br0', 'type', 'bridge');
  });
  after(async () => {
    job?.kill();
    await machine[Symbol.asyncDispose]();
    rmSync(state, { recursive: true, force: true, maxRetries: 5 });
  });

  let clean: string[];
  let floating: string;

  test('routers, DHCP and an instance stand on it, and a floating IP answers the machine directly', async () => {
    clean = await look();
    await start();
    await openstack('network', 'create', 'net1');
    await openstack('subnet', 'create', '--network', 'net1', '--subnet-range', '10.0.0.0/24', 'sub1');
    await openstack('router', 'create', '--external-gateway', 'public', 'r1').catch(async () => {
      // Older clients have no such option.
      await openstack('router', 'create', 'r1');
      await openstack('router', 'set', '--external-gateway', 'public', 'r1');
    });
    await openstack('router', 'add', 'subnet', 'r1', 'sub1');
    await openstack('security', 'group', 'create', 'ping');
    await openstack('security', 'group', 'rule', 'create', '--protocol', 'icmp', 'ping');
    const vm = await control<InstanceView>(folder, 'POST', '/instances', {
      name: 'vm',
      network: 'net1',
      security_groups: ['ping'],
      wait: 30,
    });
    assert.match(vm.addresses.join(), /^10\.0\.0\.\d+\/24$/);
    floating = await openstack('floating', 'ip', 'create', 'public', '--port', vm.port_id, '-f', 'value', '-c', 'floating_ip_address');
    await until('the floating IP answers', async () => (await tryRun(machine.enter(['ping', '-c1', '-W1', floating]))).code === 0);
    assert.match(await here('ip', 'netns'), /qdhcp-.*\n?/);
    assert.match(await here(...weftArgv(['status'])), /on the machine's own network/);
  });

  test('a second one on the same machine is refused, whatever its state directory', async () => {
    const other = mkdtempSync(join(tmpdir(), 'weft-on-host-'));
    const argv = [join(checkout, 'bin/weft'), 'up', '--on-host', '--state-dir', other, '--listen', '127.0.0.1:9797'];
    const done = await tryRun(machine.enter(argv), { timeoutMs: 30_000 });
    rmSync(other, { recursive: true, force: true });
    assert.equal(done.code, 1);
    assert.match(done.stderr, /already running: process \d+, API on 127\.0\.0\.1:9696/);
    await here('ping', '-c1', '-W1', floating);
  });

  for (const signal of ['TERM', 'KILL'])
    test(`3 s after SIG${signal}, the machine is as it was before; the next start makes packets flow again`, async () => {
      assert.notDeepEqual(await look(), clean);
      const { pid } = JSON.parse(readFileSync(folder.lock, 'utf8')) as { pid: number };
      // The lock tells pids as they are inside.
      await here('kill', `-${signal}`, String(pid));
      await until('the machine is clean', async () => JSON.stringify(await look()) === JSON.stringify(clean), {
        withinMs: 3000,
        story: () => JSON.stringify(clean),
      }).catch(async (error: unknown) => {
        assert.deepEqual(await look(), clean);
        throw error;
      });
      await job.done;
      await start();
      await until('the floating IP answers again', async () => (await tryRun(machine.enter(['ping', '-c1', '-W1', floating]))).code === 0);
    });

  test('what an earlier run left whose reaper was killed, too, goes with the next', async () => {
    const { pid } = JSON.parse(readFileSync(folder.lock, 'utf8')) as { pid: number };
    const reapers = (await here('pgrep', '-f', 'on-host/reaper.ts')).trim().split('\n');
    await here('kill', '-KILL', ...reapers, String(pid));
    await job.done;
    assert.notDeepEqual(await look(), clean);
    await start();
    assert.equal((await tryRun(machine.enter(weftArgv(['down'])))).code, 0);
    await job.done;
    const end = await look();
    // Killed with -9, nobody gave back the lock files; they name a process that is gone.
    assert.deepEqual(end, clean);
  });
});

test('without root it is refused in words', { skip: noSandbox() || noUserNamespaces() }, async () => {
  const argv = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', join(checkout, 'bin/weft'), 'up', '--on-host'];
  const done = await tryRun([...argv, '--state-dir', '/tmp/weft-never'], { timeoutMs: 20_000 });
  assert.equal(done.code, 1);
  assert.match(done.stderr, /needs root/);
});
