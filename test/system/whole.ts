// The promise of the quick start, step by step, with the real `openstack` client: networks, two hosts, both families, a router, a
// floating IP, metadata, and rules that deny. Every denial stands beside something that passes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { tryRun } from '../../src/main/sandbox/run.ts';
import type { SwitchKind } from '../../src/main/state/switch.ts';
import { type Instance, WeftWorld } from './weft-world.ts';

export const noClient = (): string | false =>
  spawnSync('openstack', ['--version']).status === 0
    ? false
    : 'package: needs the openstack client (apt-get install python3-openstackclient)';

/** Serves one connection after the other: reads a line, answers 8 MiB that begin with it, and their digest at the end. */
const server = `
import hashlib, socket, sys
s = socket.create_server(('::', int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
print('listens', flush=True)
while True:
    c, _ = s.accept()
    word = c.makefile('rb').readline()
    data = word + bytes(8 << 20)
    c.sendall(data + hashlib.sha256(data).hexdigest().encode())
    c.close()
`;
const client = `
import hashlib, socket, sys
c = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)
c.settimeout(20)
c.sendall(b'weft\\n')
got = b''.join(iter(lambda: c.recv(1 << 16), b''))
assert hashlib.sha256(got[:-64]).hexdigest().encode() == got[-64:], 'damaged'
print(len(got))
`;
const wholeLength = String(5 + (8 << 20) + 64);

export function whole(switchKind: SwitchKind): void {
  let world: WeftWorld;
  let a: Instance;
  let b: Instance;
  let floating: string;

  before(async () => {
    world = await WeftWorld.open({ hosts: 2, more: ['--switch', switchKind] });
  });
  after(() => world[Symbol.asyncDispose]());

  const openstack = async (...argv: string[]): Promise<string> => {
    const env = { ...process.env, OS_CLIENT_CONFIG_FILE: world.cloudsYaml, OS_CLOUD: 'weft' };
    const done = await tryRun(['openstack', ...argv], { env, timeoutMs: 60_000 });
    assert.equal(done.code, 0, `openstack ${argv.join(' ')}: ${done.stderr}`);
    return done.stdout;
  };
  const portsOf = (host: string): Promise<string> =>
    switchKind === 'openvswitch' ? world.host(host, 'ovs-vsctl', 'list-ports', 'br-int') : Promise.resolve('');
  const json = async (...argv: string[]): Promise<unknown> => JSON.parse(await openstack(...argv, '-f', 'json'));

  const serve = async (vm: Instance, port: number): Promise<void> => {
    const job = world.spawn(vm, ['python3', '-c', server, String(port)]);
    await world.until(`${vm.name} listens on ${port}`, () => job.output().includes('listens'));
  };
  const fetches = async (vm: Instance, address: string, port: number): Promise<boolean> => {
    const done = await world.attempt(vm, 'python3', '-c', client, address, String(port));
    return done.stdout.trim() === wholeLength;
  };

  test('identity: a token, the catalog, the projects and the extensions', async () => {
    const token = (await json('token', 'issue')) as { id: string };
    assert.ok(token.id.length > 20);
    const catalog = (await json('catalog', 'list')) as { Type: string }[];
    assert.deepEqual(catalog.map(c => c.Type).sort(), ['identity', 'network']);
    assert.ok((await openstack('--os-cloud', 'weft-admin', 'project', 'list', '-f', 'value', '-c', 'Name')).split('\n').includes('weft'));
    assert.ok((await openstack('extension', 'list', '--network', '-f', 'value', '-c', 'Alias')).split('\n').includes('router'));
  });

  test('every agent of both hosts is alive', async () => {
    const agents = (await json('--os-cloud', 'weft-admin', 'network', 'agent', 'list')) as {
      'Agent Type': string;
      Host: string;
      Alive: boolean;
    }[];
    assert.deepEqual([...new Set(agents.map(x => x.Host))].sort(), ['h1', 'h2']);
    assert.equal(agents.length, 8);
    assert.ok(agents.every(x => x.Alive));
    const l2 = { linuxbridge: 'Linux bridge agent', openvswitch: 'Open vSwitch agent' }[switchKind];
    assert.equal(agents.filter(x => x['Agent Type'] === l2).length, 2);
  });

  test('a dual-stack network behind a router with a gateway', async () => {
    const network = (await json('network', 'create', 'blue')) as { mtu: number; status: string };
    assert.deepEqual([network.mtu, network.status], [1450, 'ACTIVE']);
    await openstack('subnet', 'create', '--network', 'blue', '--subnet-range', '10.1.0.0/24', '--dns-nameserver', '192.0.2.53', 'blue4');
    await openstack(
      'subnet',
      'create',
      '--network',
      'blue',
      '--ip-version',
      '6',
      '--ipv6-ra-mode',
      'slaac',
      '--ipv6-address-mode',
      'slaac',
      '--subnet-range',
      'fd00:b1::/64',
      'blue6',
    );
    await openstack('router', 'create', 'r1');
    await openstack('router', 'set', '--external-gateway', 'public', 'r1');
    await openstack('router', 'add', 'subnet', 'r1', 'blue4');
    await openstack('router', 'add', 'subnet', 'r1', 'blue6');
    await openstack('security', 'group', 'rule', 'create', '--protocol', 'icmp', 'default');
    await openstack('security', 'group', 'rule', 'create', '--protocol', 'tcp', '--dst-port', '8000', 'default');
    const router = (await json('router', 'show', 'r1')) as { interfaces_info: unknown[]; external_gateway_info: { enable_snat: boolean } };
    assert.equal(router.interfaces_info.length, 2);
    assert.equal(router.external_gateway_info.enable_snat, true);
  });

  test('instances on two hosts get addresses, routes, a resolver and the MTU from the network', async () => {
    [a, b] = await Promise.all([
      world.instance({ name: 'a', network: 'blue', host: 'h1' }),
      world.instance({ name: 'b', network: 'blue', host: 'h2' }),
    ]);
    assert.match(await world.inside(a, 'ip', 'route', 'show', 'default'), /default via 10\.1\.0\.1 /);
    assert.match(await world.inside(a, 'ip', '-6', 'route', 'show', 'default'), /default via fe80:/);
    assert.match(await world.inside(a, 'cat', '/etc/resolv.conf'), /nameserver 192\.0\.2\.53/);
    assert.match(await world.inside(a, 'ip', 'link', 'show', 'eth0'), /mtu 1450/);
    await world.until('both ports are ACTIVE', async () => {
      const ports = (await json('port', 'list', '--device-owner', 'compute:nova')) as { Status: string }[];
      return ports.length === 2 && ports.every(p => p.Status === 'ACTIVE');
    });
  });

  test('they ping and hold a TCP transfer, over IPv4 and IPv6', async () => {
    await serve(b, 8000);
    for (const address of [b.v4, b.v6]) {
      assert.ok(await world.pings(a, address), `ping ${address}`);
      assert.ok(await fetches(a, address, 8000), `TCP ${address}`);
    }
  });

  test('a full-size packet passes, and one byte more is refused', async () => {
    assert.equal((await world.attempt(a, 'ping', '-n', '-c1', '-W2', '-M', 'do', '-s', String(1450 - 28), b.v4)).code, 0);
    assert.notEqual((await world.attempt(a, 'ping', '-n', '-c1', '-W2', '-M', 'do', '-s', String(1450 - 27), b.v4)).code, 0);
  });

  test('the floating IP answers from the public side, and goes out as itself', async () => {
    floating = (await openstack('floating', 'ip', 'create', 'public', '-f', 'value', '-c', 'floating_ip_address')).trim();
    await openstack('floating', 'ip', 'set', '--port', b.port, floating);
    await world.until(
      'it is ACTIVE',
      async () => (await openstack('floating', 'ip', 'show', floating, '-f', 'value', '-c', 'status')).trim() === 'ACTIVE',
    );
    const pinged = await world.public('ping', '-n', '-c2', '-W2', floating);
    assert.equal(pinged.code, 0, pinged.stdout);
    const fetched = await world.public('python3', '-c', client, floating, '8000');
    assert.equal(fetched.stdout.trim(), wholeLength, fetched.stderr);
    assert.ok(await world.pings(b, '172.24.4.1'));
    assert.ok(await world.pings(a, '172.24.4.1'), 'without a floating IP, by source NAT');
    const outside = await world.weft(['public', 'exec'], ['--', 'ping', '-n', '-c1', '-W2', floating]);
    assert.equal(outside.code, 0, outside.stderr);
  });

  test('single ports of a floating IP, and a range, lead to an instance', async () => {
    const shared = (await openstack('floating', 'ip', 'create', 'public', '-f', 'value', '-c', 'floating_ip_address')).trim();
    const { id } = (await json('floating', 'ip', 'show', shared)) as { id: string };
    const to = ['--internal-ip-address', a.v4, '--port', a.port, '--protocol', 'tcp'];
    const ports = ['--external-protocol-port', '2222', '--internal-protocol-port', '8000'];
    const one = (await json('floating', 'ip', 'port', 'forwarding', 'create', ...to, ...ports, shared)) as { id: string };
    await openstack('floating', 'ip', 'port', 'forwarding', 'show', shared, one.id);
    // The client has no words for ranges.
    const range = { external_port_range: '7000:7009', internal_port_range: '7999:8008' };
    const wanted = { internal_port_id: a.port, internal_ip_address: a.v4, protocol: 'tcp', ...range };
    const refused = await world.member.post(`/floatingips/${id}/port_forwardings`, { port_forwarding: wanted }).catch(e => String(e));
    assert.match(String(refused), /collides: 8000:8000 and 7999:8008/);
    await serve(a, 8000);
    await openstack('floating', 'ip', 'port', 'forwarding', 'set', '--internal-protocol-port', '8009', shared, one.id);
    await world.member.post(`/floatingips/${id}/port_forwardings`, { port_forwarding: wanted });
    await openstack('security', 'group', 'rule', 'create', '--protocol', 'tcp', '--dst-port', '8009', 'default');
    await serve(a, 8009);
    await world.until(
      'it is ACTIVE',
      async () => (await openstack('floating', 'ip', 'show', shared, '-f', 'value', '-c', 'status')).trim() === 'ACTIVE',
    );
    const fetched = async (port: string): Promise<string> => (await world.public('python3', '-c', client, shared, port)).stdout.trim();
    await world.until('the single port leads there', async () => (await fetched('2222')) === wholeLength);
    assert.equal(await fetched('7001'), wholeLength, 'the second of the range leads to the second inside');
    assert.notEqual(await fetched('8000'), wholeLength, 'what is not forwarded leads nowhere');
    const all = (await json('floating', 'ip', 'port', 'forwarding', 'list', shared)) as { ID: string }[];
    await openstack('floating', 'ip', 'port', 'forwarding', 'delete', shared, ...all.map(m => m.ID));
    await world.until('it leads nowhere any more', async () => (await fetched('2222')) === '');
    await openstack('floating', 'ip', 'delete', shared);
  });

  test('what the rules deny from outside is dropped, beside what they allow', async () => {
    await serve(b, 8001);
    const denied = await world.public('python3', '-c', client, floating, '8001');
    assert.match(denied.stderr, /timed out|TimeoutError/);
    assert.equal((await world.public('python3', '-c', client, floating, '8000')).stdout.trim(), wholeLength);
  });

  test('metadata answers, with the identity of who asks', async () => {
    for (const vm of [a, b]) {
      const text = await world.inside(vm, 'curl', '-s', '-m', '10', 'http://169.254.169.254/openstack/latest/meta_data.json');
      const meta = JSON.parse(text) as { uuid: string; hostname: string };
      assert.deepEqual([meta.uuid, meta.hostname], [vm.view.id, vm.name]);
    }
    const spoofed = await world.inside(
      a,
      'curl',
      '-s',
      '-m',
      '10',
      '-H',
      `X-Forwarded-For: ${b.v4}`,
      '-H',
      'X-Instance-ID: x',
      'http://169.254.169.254/latest/meta-data/instance-id',
    );
    assert.ok(!spoofed.includes(b.view.id), 'headers of the client do not count');
  });

  test('a rule taken away is denied from the next packet on', async () => {
    const rules = (await json('security', 'group', 'rule', 'list', 'default', '--protocol', 'icmp')) as {
      ID: string;
      'IP Protocol': string;
    }[];
    const icmp = rules.find(r => r['IP Protocol'] === 'icmp');
    assert.ok(icmp);
    assert.equal((await world.public('ping', '-n', '-c1', '-W1', floating)).code, 0);
    await openstack('security', 'group', 'rule', 'delete', icmp.ID);
    await world.until('the ping is denied', async () => (await world.public('ping', '-n', '-c1', '-W1', floating)).code !== 0);
    assert.equal((await world.public('python3', '-c', client, floating, '8000')).stdout.trim(), wholeLength, 'TCP still passes');
    assert.ok(await world.pings(a, b.v4), 'members of the group still reach each other');
  });

  test('everything can be taken away again', async () => {
    await openstack('floating', 'ip', 'delete', floating);
    await world.deleteInstance(a);
    await world.deleteInstance(b);
    await openstack('router', 'remove', 'subnet', 'r1', 'blue4');
    await openstack('router', 'remove', 'subnet', 'r1', 'blue6');
    await openstack('router', 'delete', 'r1');
    await openstack('network', 'delete', 'blue');
    for (const host of ['h1', 'h2']) {
      await world.until(
        `nothing is left on ${host}`,
        async () =>
          !/\b(brq|tap|vxlan-|q(router|dhcp|r|g)-)/.test(
            (await world.host(host, 'ip', '-br', 'link')) + (await world.host(host, 'ip', 'netns')) + (await portsOf(host)),
          ),
      );
    }
    assert.deepEqual(await json('port', 'list'), []);
  });
}
