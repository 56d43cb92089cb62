// Weft on a machine's own network. The machine is played by a sandbox, so that this one is left alone: what Weft makes there is
// made in the sandbox's own network, and must be gone from it when Weft ends.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { control, type InstanceView } from '../../src/cli/control.ts';
import { stateFolder } from '../../src/cli/state.ts';
import { daemonState } from '../../src/main/on-host/names.ts';
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

async function makeUplink(here: (...argv: string[]) => Promise<string>): Promise<void> {
  await here('ip', 'link', 'add', 'uplink0', 'type', 'bridge');
  await here('ip', 'address', 'add', '192.0.2.7/24', 'dev', 'uplink0');
  await here('ip', 'link', 'set', 'uplink0', 'up');
}

describe("on the machine's own network", { skip: noSandbox() }, () => {
  const state = mkdtempSync(join(tmpdir(), 'weft-on-host-'));
  const folder = stateFolder(state);
  let machine: Sandbox;
  let job: Job;

  const here = (...argv: string[]): Promise<string> => run(machine.enter(argv), { timeoutMs: 60_000 });
  /** One after another: the last of them shows every process, also those that look. */
  const look = async (): Promise<string[]> => {
    const seen: string[] = [];
    for (const argv of looks) seen.push((await tryRun(machine.enter(argv))).stdout);
    return seen;
  };
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
    await makeUplink(here);
    await here('ip', 'route', 'add', 'default', 'via', '192.0.2.1');
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

  test('an audit finds what is wrong, asked of Weft or, as beside the agents of a cloud, of the machine by configuration files', async () => {
    const credentials = await control<Record<'admin', Record<string, string>>>(folder, 'GET', '/credentials');
    const { auth_url, username, password, project_name } = credentials.admin;
    const conf = join(state, 'audit.conf');
    const account = `auth_url = ${auth_url}\nusername = ${username}\npassword = ${password}\nproject_name = ${project_name}\n`;
    const scope = 'user_domain_name = Default\nproject_domain_name = Default\n';
    writeFileSync(conf, `[DEFAULT]\nhost = machine\nstate_path = ${daemonState}\n[keystone_authtoken]\n${account}${scope}`);
    const weft = [join(checkout, 'bin/weft'), 'audit'];
    const ways = [weftArgv(['audit']), [...weft, '--config-file', conf]];
    const audit = (argv: readonly string[], ...more: string[]) => tryRun(machine.enter([...argv, ...more]), { timeoutMs: 60_000 });
    const clean = async (): Promise<boolean> =>
      (await Promise.all(ways.map(way => audit(way)))).every(done => done.stdout === 'nothing found\n');
    await until('nothing is found', clean, { withinMs: 30_000, everyMs: 500 });
    await here('ip', 'link', 'add', 'brq0badc0de-00', 'type', 'bridge');
    for (const way of ways) {
      const done = await audit(way);
      assert.deepEqual([done.code, done.stdout.split(':')[0]], [3, 'orphan on machine'], done.stdout + done.stderr);
    }
    // Of a machine that others may use, too, Weft removes nothing that it may not have made; who says that it is his to audit does.
    assert.match((await audit(ways[0] ?? [], '--fix')).stdout, /not repaired: orphan on machine: brq0badc0de-00 .* left to you/);
    assert.match((await audit(ways[1] ?? [], '--fix')).stdout, /repaired: orphan on machine: brq0badc0de-00/);
    assert.ok(await clean());
    const nowhere = await audit(ways[1] ?? [], '--host', 'nowhere');
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.stderr, /which is machine and not nowhere/);
    rmSync(conf);
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
    test(`after SIG${signal} the machine is as it was before; the next start makes packets flow again`, async () => {
      assert.notDeepEqual(await look(), clean);
      const { pid } = JSON.parse(readFileSync(folder.lock, 'utf8')) as { pid: number };
      // The lock tells pids as they are inside.
      await here('kill', `-${signal}`, String(pid));
      await until('the machine is clean', async () => JSON.stringify(await look()) === JSON.stringify(clean), {
        // Under a second on a quiet machine; the limit leaves room for a busy one.
        withinMs: 10_000,
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

describe('what others have on the machine', { skip: noSandbox() }, () => {
  const state = mkdtempSync(join(tmpdir(), 'weft-on-host-'));
  const folder = stateFolder(state);
  const record = join(state, 'on-host.json');
  let machine: Sandbox;
  let job: Job | undefined;

  const here = (...argv: string[]): Promise<string> => run(machine.enter(argv), { timeoutMs: 60_000 });
  const works = async (...argv: string[]): Promise<boolean> => (await tryRun(machine.enter(argv))).code === 0;
  const weft = [join(checkout, 'bin/weft'), 'up', '--on-host', '--state-dir', state];
  const start = async (): Promise<string> => {
    const started = startJob(machine.enter([...weft, '--local-ip', '192.0.2.7']));
    job = started;
    await until('ready', () => /^ready/m.test(started.output()), { withinMs: 30_000, story: started.output });
    return started.output();
  };
  const refused = async (...options: readonly string[]): Promise<string> => {
    const done = await tryRun(machine.enter([...weft, ...options]), { timeoutMs: 10_000 });
    assert.equal(done.code, 1, done.stdout);
    return done.stderr;
  };
  const stop = async (): Promise<void> => {
    assert.equal((await tryRun(machine.enter([join(checkout, 'bin/weft'), 'down', '--state-dir', state]))).code, 0);
    await job?.done;
  };
  const killAll = async (): Promise<void> => {
    const { pid } = JSON.parse(readFileSync(folder.lock, 'utf8')) as { pid: number };
    const reapers = (await here('pgrep', '-f', 'on-host/reaper.ts')).trim().split('\n');
    await here('kill', '-KILL', ...reapers, String(pid));
    await job?.done;
  };

  /** Tracked connections in a zone that is not the machine's own. */
  const zoned = async (): Promise<string> =>
    (await here('conntrack', '-L'))
      .split('\n')
      .filter(flow => flow.includes(' zone='))
      .join('\n');

  before(async () => {
    machine = await openSandbox('machine');
    await here('ip', 'link', 'set', 'lo', 'up');
    await makeUplink(here);
  });
  after(async () => {
    job?.kill();
    await machine[Symbol.asyncDispose]();
    rmSync(state, { recursive: true, force: true, maxRetries: 5 });
  });

  const uuid = '11111111-2222-3333-4444-555555555555';
  const set = 'NIPv4aaaaaaaa-bbbb-cccc';
  /** How it is called in the refusal, how it is made, looked for, and removed. */
  const foreign: readonly (readonly [name: string, make: string, look: string, remove: string])[] = [
    ['link brq12345678-9a', 'ip link add brq12345678-9a type bridge', 'ip link show brq12345678-9a', 'ip link del brq12345678-9a'],
    ['link tap12345678-9a', 'ip tuntap add tap12345678-9a mode tap', 'ip link show tap12345678-9a', 'ip link del tap12345678-9a'],
    ['link vxlan-77', 'ip link add vxlan-77 type vxlan id 77 dstport 4789 dev lo', 'ip link show vxlan-77', 'ip link del vxlan-77'],
    [`namespace qrouter-${uuid}`, `ip netns add qrouter-${uuid}`, `ip netns exec qrouter-${uuid} true`, `ip netns del qrouter-${uuid}`],
    [`namespace qdhcp-${uuid}`, `ip netns add qdhcp-${uuid}`, `ip netns exec qdhcp-${uuid} true`, `ip netns del qdhcp-${uuid}`],
    [
      'chain neutron-linuxbri-mine',
      'iptables -N neutron-linuxbri-mine',
      'iptables -S neutron-linuxbri-mine',
      'iptables -X neutron-linuxbri-mine',
    ],
    ['chain neutron-l3-agent-x', 'ip6tables -N neutron-l3-agent-x', 'ip6tables -S neutron-l3-agent-x', 'ip6tables -X neutron-l3-agent-x'],
    [`ipset ${set}`, `ipset create ${set} hash:net`, `ipset list ${set}`, `ipset destroy ${set}`],
  ];

  test('with names of agents, it keeps Weft from starting, and stays', async () => {
    for (const [, make] of foreign) await here(...make.split(' '));
    const words = await refused();
    for (const [name, , look] of foreign) {
      assert.ok(words.includes(name), `${name} is not named: ${words}`);
      assert.ok(await works(...look.split(' ')), `${name} is gone`);
    }
    for (const [, , , remove] of foreign) await here(...remove.split(' '));
  });

  test('an agent of Neutron that runs, or another user of the public addresses, keeps it from starting', async () => {
    const agent = startJob(machine.enter(['bash', '-c', 'exec -a neutron-linuxbridge-agent sleep 600']));
    await until('the agent runs', () => works('pgrep', '-f', '^neutron-linuxbridge-agent'));
    assert.match(await refused(), /neutron-linuxbridge-agent, process \d+/);
    await here('pkill', '-f', '^neutron-linuxbridge-agent');
    await agent.done;
    await here('ip', 'link', 'add', 'br-ex', 'type', 'bridge');
    await here('ip', 'address', 'add', '172.24.4.1/24', 'dev', 'br-ex');
    assert.match(await refused(), /172\.24\.4\.0\/24 is in use .*172\.24\.4\.1\/24 on br-ex/);
    await here('ip', 'link', 'del', 'br-ex');
  });

  test('the address of tunnels has to be known, and one of the machine', async () => {
    assert.match(await refused(), /no default route .*--local-ip ADDRESS/);
    assert.match(await refused('--local-ip', '192.0.2.8'), /192\.0\.2\.8 is not an address of this machine; it has 192\.0\.2\.7/);
  });

  test('with IPv6 off, an instance gets an address; what will be touched is told before, and the machine is the public side', async () => {
    await here('sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1');
    const told = (await start()).split('\n');
    const line = (words: RegExp): number => told.findIndex(candidate => words.test(candidate));
    for (const words of [
      /bridge-nf-call-iptables and .* set to 1/,
      /bridge weft-public with 172\.24\.4\.1\/24/,
      /alias weft:.* tunnels from 192\.0\.2\.7/,
    ])
      assert.ok(line(words) >= 0 && line(words) < line(/the host is this machine/), `${words} in ${told.join('\n')}`);
    const env = { OS_CLIENT_CONFIG_FILE: join(state, 'clouds.yaml'), OS_CLOUD: 'weft' };
    const openstack = (...argv: string[]): Promise<string> => run(machine.enter(['openstack', ...argv]), { env, timeoutMs: 60_000 });
    await openstack('network', 'create', 'n0');
    await openstack('subnet', 'create', '--network', 'n0', '--subnet-range', '10.7.0.0/24', 's0');
    const groups = ['ping'];
    await openstack('security', 'group', 'create', 'ping');
    await openstack('security', 'group', 'rule', 'create', '--protocol', 'icmp', 'ping');
    const make = (name: string): Promise<InstanceView> =>
      control<InstanceView>(folder, 'POST', '/instances', { name, network: 'n0', security_groups: groups, wait: 30 });
    const [one, two] = [await make('one'), await make('two')];
    assert.match(one.addresses.join(), /^10\.7\.0\.\d+\/24$/);
    const cli = (...argv: string[]): Promise<string> => here(join(checkout, 'bin/weft'), ...argv);
    await cli('instance', 'exec', 'one', '--state-dir', state, '--', 'ping', '-c1', '-W2', two.fixed_ips[0] ?? '');
    assert.match(await zoned(), /zone=/);
    assert.match(
      await cli('public', 'exec', '--state-dir', state, '--', 'ip', '-o', 'address', 'show', 'weft-public'),
      /172\.24\.4\.1\/24/,
    );
    await stop();
    assert.equal(await zoned(), '');
    await here('sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=0', 'net.ipv6.conf.default.disable_ipv6=0');
  });

  test('made while Weft runs, it stays when Weft ends, and a tap that was plugged is given back', async () => {
    await start();
    const env = { OS_CLIENT_CONFIG_FILE: join(state, 'clouds.yaml'), OS_CLOUD: 'weft' };
    const openstack = (...argv: string[]): Promise<string> => run(machine.enter(['openstack', ...argv]), { env, timeoutMs: 60_000 });
    await openstack('network', 'create', 'n1');
    await openstack('subnet', 'create', '--network', 'n1', '--subnet-range', '10.0.0.0/24', 's1');
    const port = (await openstack('port', 'create', '--network', 'n1', 'p1', '-f', 'value', '-c', 'id')).trim();
    const tap = `tap${port.slice(0, 11)}`;
    await here('ip', 'tuntap', 'add', 'mytap0', 'mode', 'tap');
    await here(join(checkout, 'bin/weft'), 'plug', port, '--tap', 'mytap0', '--state-dir', state);
    await until('the tap is in a bridge', async () => / master brq/.test(await here('ip', '-o', 'link', 'show', tap)));
    await here('ip', 'link', 'add', 'vxlan-4242', 'type', 'vxlan', 'id', '4242', 'dstport', '4789', 'dev', 'lo');
    await here('ip', 'link', 'add', 'brqdeadbeef-00', 'type', 'bridge');
    await here('ip', 'netns', 'add', `qrouter-${uuid}`);
    const innocent = startJob(machine.enter(['sh', '-c', 'sleep 1000; true # /run/weft/']));
    // Agents that are started anew look for leftovers.
    const [agent = ''] = (await here('pgrep', '-f', 'main/agent.ts')).trim().split('\n');
    await here('kill', '-KILL', agent);
    await until(
      'new agents run',
      async () => !['', agent].includes((await tryRun(machine.enter(['pgrep', '-f', 'main/agent.ts']))).stdout.trim()),
    );
    await until('they wire', async () => (await here('ip', 'netns')).includes('qdhcp-'));
    const { pid } = JSON.parse(readFileSync(folder.lock, 'utf8')) as { pid: number };
    await here('kill', '-KILL', String(pid));
    await until('the bridge of Weft is gone', async () => !(await works('ip', 'link', 'show', 'weft-public')));
    await until('the record is gone', () => !existsSync(record));
    for (const link of ['vxlan-4242', 'brqdeadbeef-00', 'mytap0']) assert.ok(await works('ip', 'link', 'show', link), `${link} is gone`);
    assert.doesNotMatch(await here('ip', '-o', 'link', 'show', 'mytap0'), / master /);
    assert.equal((await here('ip', 'netns')).trim(), `qrouter-${uuid}`);
    assert.equal((await here('ip', '-o', 'link')).trim().split('\n').length, 5);
    assert.ok(innocent.child.exitCode === null && innocent.child.signalCode === null, 'a process that mentions /run/weft/ was killed');
    innocent.kill();
    await job?.done;
    for (const link of ['vxlan-4242', 'brqdeadbeef-00', 'mytap0']) await here('ip', 'link', 'del', link);
    await here('ip', 'netns', 'del', `qrouter-${uuid}`);
  });

  test('a record of another boot is not obeyed', async () => {
    await start();
    await killAll();
    const old = JSON.parse(readFileSync(record, 'utf8')) as { where: string; owner: { namespaces: string } };
    assert.ok(await works('ip', 'link', 'show', 'weft-public'));
    writeFileSync(record, JSON.stringify({ ...old, where: `of another boot ${old.where}` }));
    await here('ip', 'netns', 'add', `qdhcp-${uuid}`);
    const made = `${existsSync(old.owner.namespaces) ? readFileSync(old.owner.namespaces, 'utf8') : ''}qdhcp-${uuid}\n`;
    writeFileSync(old.owner.namespaces, made);
    const words = await refused();
    assert.match(words, /link weft-public \(alias weft:[0-9a-f]{16}\)/);
    assert.ok(words.includes(`namespace qdhcp-${uuid}`), words);
    assert.ok(await works('ip', 'netns', 'exec', `qdhcp-${uuid}`, 'true'));
    // The control: of this boot, it is.
    writeFileSync(record, JSON.stringify(old));
    writeFileSync(old.owner.namespaces, made);
    await start();
    assert.ok(!(await works('ip', 'netns', 'exec', `qdhcp-${uuid}`, 'true')));
    await stop();
  });
});

test('without root it is refused in words', { skip: noSandbox() || noUserNamespaces() }, async () => {
  const argv = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', join(checkout, 'bin/weft'), 'up', '--on-host'];
  const done = await tryRun([...argv, '--state-dir', '/tmp/weft-never'], { timeoutMs: 20_000 });
  assert.equal(done.code, 1);
  assert.match(done.stderr, /needs root/);
});
