// The DHCP agent on a real kernel, with dnsmasq, haproxy, and clients that people use: udhcpc and dhclient.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { NET, networkDict, SUB4, SUB6, subnet4, subnet6, VM1, VM2, vm, vm1, vm2 } from '../../src/agent/desired/dhcp/samples.suite.ts';
import type { Dict, SimNetwork } from '../../src/agent/dhcp/sim-server.suite.ts';
import { dnsmasqArgv } from '../../src/agent/render/dnsmasq.ts';
import { DhcpWorld } from './dhcp-world.ts';
import { asNobody, noSandbox, noUserNamespaces } from './need.ts';

const NS = `qdhcp-${NET}`;
const MAC1 = 'fa:16:3e:56:49:45';
const MAC2 = 'fa:16:3e:1c:e4:0d';
const OTHER = 'e6a99dde-0a55-4b6d-8605-02e72a1e8b06';
const SUB_OTHER = 'aaaaa130-a68e-4594-ac0f-8f414c07d24d';
const VM3 = 'ccccbce1-f469-4735-9d79-dcc98c4c26c6';

const host_routes = [{ destination: '192.168.7.0/24', nexthop: '10.50.0.99' }];
const ntp = { extra_dhcp_opts: [{ opt_name: 'ntp-server', opt_value: '192.0.2.123', ip_version: 4 }] };
const evil = {
  extra_dhcp_opts: [
    { opt_name: 'bootfile-name', opt_value: 'x\ndhcp-option=6,6.6.6.6', ip_version: 4 },
    { opt_name: 'domain-search', opt_value: 'good.example', ip_version: 4 },
  ],
};

function dualStack(): SimNetwork {
  const subnets = [subnet4({ host_routes }), subnet6('dhcpv6-stateful', { dns_nameservers: ['2001:db8::53'] })];
  return networkDict(subnets, [vm1(evil), vm2(ntp)], { mtu: 1400 }) as SimNetwork;
}

/** Another tenant's network with the same prefix. */
function twin(): SimNetwork {
  const port = vm(VM3, MAC1, ['10.50.0.33'], { network_id: OTHER, fixed_ips: [{ subnet_id: SUB_OTHER, ip_address: '10.50.0.33' }] });
  return { ...networkDict([subnet4({ id: SUB_OTHER, network_id: OTHER })], [port]), id: OTHER } as SimNetwork;
}

describe('DHCP agent', { skip: noSandbox() }, () => {
  let world: DhcpWorld;
  before(async () => {
    world = await DhcpWorld.open();
    world.server.add(dualStack());
    world.server.add(twin());
    await world.client('c1', 'br-a', MAC1);
    await world.client('c2', 'br-a', MAC2);
    await world.client('c3', 'br-b', MAC1);
    await world.start();
    await world.plug(NET, 'br-a');
    await world.plug(OTHER, 'br-b');
  });
  after(() => world?.[Symbol.asyncDispose]());

  const network = (): SimNetwork => world.server.networks.get(NET) ?? assert.fail();

  test('an IPv4 client gets address, MTU, nameserver, domain, name and routes', async () => {
    const lease = (await world.lease4('c1')) ?? assert.fail(world.log());
    assert.equal(lease.get('ip'), '10.50.0.227');
    assert.equal(lease.get('mask'), '24');
    assert.equal(lease.get('mtu'), '1400');
    assert.equal(lease.get('dns'), '8.8.8.8');
    assert.equal(lease.get('domain'), 'openstacklocal');
    assert.equal(lease.get('hostname'), 'host-10-50-0-227');
    assert.equal(lease.get('router'), '10.50.0.1');
    assert.equal(lease.get('lease'), '86400');
    assert.equal(lease.get('staticroutes'), '192.168.7.0/24 10.50.0.99 169.254.169.254/32 10.50.0.2 0.0.0.0/0 10.50.0.1');
    assert.match(await world.inside('c1', 'ip', 'route'), /192\.168\.7\.0\/24 via 10\.50\.0\.99/);
  });

  test('an option of a port is for that port; a bad one is for nobody, and stops nobody', async () => {
    const two = (await world.lease4('c2')) ?? assert.fail(world.log());
    assert.deepEqual([two.get('ip'), two.get('ntpsrv')], ['10.50.0.92', '192.0.2.123']);
    const one = (await world.lease4('c1')) ?? assert.fail(world.log());
    assert.deepEqual(
      [one.get('ntpsrv'), one.get('search'), one.get('boot_file'), one.get('dns')],
      [undefined, 'good.example', undefined, '8.8.8.8'],
    );
    assert.match(world.log(), /"bootfile-name\\?" is left out/);
  });

  test('two tenants with one prefix on one host: each client gets its own network’s answer', async () => {
    const lease = (await world.lease4('c3')) ?? assert.fail(world.log());
    assert.deepEqual([lease.get('ip'), lease.get('mtu')], ['10.50.0.33', '1450']);
  });

  test('an unknown client gets nothing', async () => {
    await world.client('c9', 'br-a', 'fa:16:3e:99:99:99');
    assert.equal(await world.lease4('c9'), undefined);
  });

  test('checksums of answers are complete on the wire', async () => {
    const capture = world.attempt('c1', 'timeout', '10', 'tcpdump', '-i', 'eth0', '-c', '2', '-vvv', '-n', 'udp', 'dst', 'port', '68');
    await world.until('tcpdump listens', async () => (await world.inside('c1', 'cat', '/proc/net/packet')).split('\n').length > 2);
    await world.lease4('c1');
    const { stdout } = await capture;
    assert.match(stdout, /\[udp sum ok\]/);
    assert.doesNotMatch(stdout, /bad udp cksum/);
    // The control: without the rule they are not.
    await world.inside(NS, 'iptables', '-t', 'mangle', '-F', 'POSTROUTING');
    const second = world.attempt('c1', 'timeout', '10', 'tcpdump', '-i', 'eth0', '-c', '2', '-vvv', '-n', 'udp', 'dst', 'port', '68');
    await world.until('tcpdump listens', async () => (await world.inside('c1', 'cat', '/proc/net/packet')).split('\n').length > 2);
    await world.lease4('c1');
    assert.match((await second).stdout, /bad udp cksum/);
    await world.inside(NS, 'iptables', '-t', 'mangle', '-A', 'POSTROUTING', '-j', 'neutron-dhcp-age-POSTROUTING');
  });

  test('stateful DHCPv6: the port’s address, nameserver and search domain', async () => {
    const lease = (await world.lease6('c1')) ?? assert.fail(world.log());
    assert.equal(lease.get('new_ip6_address'), '2001:db8:50::e3');
    assert.equal(lease.get('new_dhcp6_name_servers'), '2001:db8::53');
    assert.match(lease.get('new_dhcp6_domain_search') ?? '', /^openstacklocal\.?$/);
  });

  test('the names of ports resolve, both ways', async () => {
    const argv = ['busybox', 'nslookup', '-type=a'];
    assert.match(await world.inside('c1', ...argv, 'host-10-50-0-92.openstacklocal', '10.50.0.2'), /Address: 10\.50\.0\.92/);
    assert.match(await world.inside('c1', 'busybox', 'nslookup', '10.50.0.92', '10.50.0.2'), /host-10-50-0-92\.openstacklocal/);
  });

  /** Tells of new addresses of both clients, and asks for them. */
  async function readdress(revision: number, one: readonly [string, string], two: readonly [string, string]): Promise<void> {
    const moved = vm1({ fixed_ips: fixed(...one), dns_assignment: [], revision_number: revision });
    const heir = vm2({ fixed_ips: fixed(...two), dns_assignment: [], revision_number: revision });
    network().ports = [...network().ports.filter(p => p['device_owner'] === 'network:dhcp'), moved, heir] as SimNetwork['ports'];
    const before = world.server.ready().length;
    for (const port of [moved, heir]) await world.notify('port_update_end', { port: port as Dict, priority: 6 });
    await world.until('both are reported', async () => [VM1, VM2].every(id => world.server.ready().slice(before).includes(id)));
    assert.deepEqual([(await world.lease4('c1'))?.get('ip'), (await world.lease4('c2'))?.get('ip')], [one[0], two[0]]);
    assert.equal((await world.lease6('c2'))?.get('new_ip6_address'), two[1], world.log());
    assert.equal((await world.lease6('c1'))?.get('new_ip6_address'), one[1], world.log());
  }

  test('changed addresses: the new ones are served, and the old ones go to other ports at once', async () => {
    // Options of ports are tags in the hosts file, with which dnsmasq is started anew instead of reloaded.
    await readdress(2, ['10.50.0.44', '2001:db8:50::44'], ['10.50.0.227', '2001:db8:50::e3']);
    const pid = world.pidOf(NET, 'dnsmasq');
    await readdress(3, ['10.50.0.227', '2001:db8:50::e3'], ['10.50.0.91', '2001:db8:50::91']);
    await readdress(4, ['10.50.0.44', '2001:db8:50::44'], ['10.50.0.227', '2001:db8:50::e3']);
    assert.equal(world.pidOf(NET, 'dnsmasq'), pid, `released, not started anew: ${world.log()}`);
  });

  test('dnsmasq killed with -9 comes back', async () => {
    const pid = world.pidOf(NET, 'dnsmasq');
    await world.host('kill', '-9', String(pid));
    await world.until('another one runs', async () => ![0, pid].includes(world.pidOf(NET, 'dnsmasq')), 10_000);
    assert.equal((await world.lease4('c1'))?.get('ip'), '10.50.0.44');
  });

  test('an agent killed with -9: dnsmasq serves on, a new agent adopts it and catches up', async () => {
    const pids = (['dnsmasq', 'haproxy'] as const).map(d => world.pidOf(NET, d));
    world.kill();
    assert.equal((await world.lease4('c1'))?.get('ip'), '10.50.0.44', 'while nobody is there');
    network().ports = network().ports.map(p =>
      p.id === VM1 ? ({ ...p, fixed_ips: fixed('10.50.0.55', '2001:db8:50::55') } as typeof p) : p,
    );
    await world.start();
    assert.deepEqual(
      (['dnsmasq', 'haproxy'] as const).map(d => world.pidOf(NET, d)),
      pids,
    );
    assert.equal((await world.lease4('c1'))?.get('ip'), '10.50.0.55');
  });

  test('another MTU and another way of IPv6: dnsmasq is started anew, and clients see it', async () => {
    const pid = world.pidOf(NET, 'dnsmasq');
    network()['mtu'] = 1300;
    const stateless = subnet6('dhcpv6-stateless', { dns_nameservers: ['2001:db8::99'] });
    network().subnets = [subnet4(), stateless] as SimNetwork['subnets'];
    await world.notify('network_update_end', { network: { id: NET }, priority: 1 });
    await world.until('another one runs', async () => ![0, pid].includes(world.pidOf(NET, 'dnsmasq')));
    const lease = (await world.lease4('c1')) ?? assert.fail(world.log());
    assert.deepEqual([lease.get('ip'), lease.get('mtu')], ['10.50.0.55', '1300']);
    assert.match(await world.inside(NS, 'ip', 'link'), /ns-\S+ .*mtu 1300/);
    const options = (await world.lease6('c1', '-S')) ?? assert.fail(world.log());
    assert.equal(options.get('new_dhcp6_name_servers'), '2001:db8::99');
    assert.equal(options.get('new_ip6_address'), undefined);
  });

  test('a device taken away by hand is put back when the network is looked at', async () => {
    const inside = (await world.inside(NS, 'ip', '-br', 'link')).match(/ns-[^@ ]+/)?.[0] ?? assert.fail();
    await world.host('ip', '-n', NS, 'link', 'del', inside);
    await world.notify('subnet_update_end', { subnet: { network_id: NET }, priority: 3 });
    await world.until('it is back', async () => (await world.inside(NS, 'ip', '-br', 'addr')).includes('10.50.0.2/24'));
    await world.plug(NET, 'br-a');
    assert.equal((await world.lease4('c1'))?.get('ip'), '10.50.0.55');
  });

  test('a network that goes leaves nothing; its twin stays', async () => {
    world.server.networks.delete(NET);
    await world.notify('network_delete_end', { network_id: NET, priority: 2 });
    await world.until('its namespace is gone', async () => !(await world.host('ip', 'netns')).includes(NS));
    await world.until('its folder is gone', async () => !existsSync(`${world.state}/dhcp/${NET}`));
    assert.doesNotMatch(await world.host('ip', 'link'), /tapd4c9586b/);
    assert.doesNotMatch(await world.host('ps', '-eo', 'args'), new RegExp(`(dnsmasq|haproxy) .*${NET}`));
    for (const folder of ['ns-metadata-proxy', 'external/pids']) {
      assert.deepEqual(
        readdirSync(`${world.state}/${folder}`).filter(f => f.includes(NET)),
        [],
      );
    }
    assert.equal((await world.lease4('c3'))?.get('ip'), '10.50.0.33');
  });
});

test('daemons that keep their user', { skip: noSandbox() }, async () => {
  await using world = await DhcpWorld.open();
  world.server.add(dualStack());
  await world.client('c1', 'br-a', MAC1);
  await world.start('keep-user');
  await world.plug(NET, 'br-a');
  assert.equal((await world.lease4('c1'))?.get('ip'), '10.50.0.227');
  assert.match(await world.host('ps', '-eo', 'user,args'), /^root +dnsmasq .*--user=root/m);
});

test('dnsmasq starts where root is only root of a user namespace', { skip: noUserNamespaces() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-dhcp-'));
  try {
    chmodSync(folder, 0o777);
    const start = (user: object): number | null => {
      const command = { folder, ranges: [], mtu: 0, leaseSeconds: 60, maxLeases: 1, servers: [], domain: '', ...user };
      const argv = dnsmasqArgv(command).filter(a => !/^--dhcp-(hosts|opts)file|^--addn/.test(a));
      const inside = ['unshare', '--user', '--map-root-user', '--net', '--', ...argv];
      const done = spawnSync('setpriv', [...asNobody, ...inside], { encoding: 'utf8' });
      if (done.status === 0) process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')));
      return done.status;
    };
    assert.equal(start({ user: 'root' }), 0);
    assert.notEqual(start({}), 0, 'the control: it cannot become anybody else');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

function fixed(v4: string, v6: string): readonly Dict[] {
  return [
    { subnet_id: SUB4, ip_address: v4 },
    { subnet_id: SUB6, ip_address: v6 },
  ];
}
