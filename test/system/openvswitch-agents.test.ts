// DHCP servers and routers in Open vSwitch, on two hosts: what their ports say, and what is left of their packets when agents, the switch
// and its database end and begin again.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { noSandbox, noSwitch } from './need.ts';
import { type RoutedPair, routedPair } from './routed-pair.ts';
import { describePackets, describeTransfer, endWithoutLoss, type Place, startPackets, startTransfer } from './traffic.ts';
import { type Instance, WeftWorld } from './weft-world.ts';

const hosts = ['h1', 'h2'] as const;
const publicGateway = '172.24.4.1';

interface PortWords {
  readonly name: string;
  readonly row: string;
  readonly tag: number | undefined;
  readonly ids: Readonly<Record<string, string>>;
}

interface InsideLink {
  readonly ifname: string;
  readonly address: string;
  readonly mtu: number;
  readonly flags: readonly string[];
}

describe('DHCP and routers on Open vSwitch', { skip: noSandbox() || noSwitch() }, () => {
  let world: WeftWorld;
  let pair: RoutedPair;
  let onPublic: Place;

  before(async () => {
    world = await WeftWorld.open({ hosts: 2, more: ['--switch', 'openvswitch'] });
    pair = await routedPair(world);
    onPublic = await world.publicPlace();
  });
  after(() => world[Symbol.asyncDispose]());

  const at =
    (vm: Instance): Place =>
    argv =>
      world.spawn(vm, argv);

  const portsOf = async (host: string): Promise<PortWords[]> => {
    const table = async (name: string, columns: string): Promise<unknown[][]> =>
      JSON.parse(await world.host(host, 'ovs-vsctl', '-f', 'json', `--columns=${columns}`, 'list', name)).data;
    const [ports, devices] = await Promise.all([table('Port', '_uuid,name,tag'), table('Interface', 'name,external_ids')]);
    const ids = new Map(devices.map(([name, map]) => [name, Object.fromEntries((map as [string, [string, string][]])[1])]));
    const words = ports.map(([row, name, tag]) => ({
      name: String(name),
      row: JSON.stringify(row),
      tag: typeof tag === 'number' ? tag : undefined,
      ids: ids.get(name) ?? {},
    }));
    return words.sort((a, b) => (a.name < b.name ? -1 : 1));
  };

  /** Ports of DHCP servers and routers on a host, with their devices, which are in namespaces. */
  const plugged = async (host: string): Promise<(PortWords & { readonly netns: string; readonly link: InsideLink })[]> => {
    const names = (await world.host(host, 'ip', 'netns', 'list')).split('\n').flatMap(line => line.split(' ')[0] || []);
    const links = await Promise.all(
      names.map(async netns => ({ netns, links: JSON.parse(await world.host(host, 'ip', '-j', '-n', netns, 'link')) as InsideLink[] })),
    );
    return (await portsOf(host)).flatMap(port => {
      const found = links.flatMap(({ netns, links }) => links.filter(l => l.ifname === port.name).map(link => ({ ...port, netns, link })));
      return found;
    });
  };
  const routerHost = async (): Promise<string> => {
    for (const host of hosts) if ((await plugged(host)).some(p => p.name.startsWith('qr-'))) return host;
    throw new Error('the router is nowhere');
  };

  const daemon = async (host: string, name: string): Promise<{ pid: number; restarts: number }> => {
    const found = (await world.status()).hosts.find(h => h.name === host)?.daemons?.find(d => d.name === name);
    return { pid: found?.pid ?? 0, restarts: found?.restarts ?? -1 };
  };
  const killDaemon = async (host: string, name: string): Promise<void> => {
    const { pid, restarts } = await daemon(host, name);
    process.kill(pid, 'SIGKILL');
    await world.until(`${name} of ${host} is started again`, async () => {
      const now = await daemon(host, name);
      return now.restarts > restarts && now.pid > 0 && now.pid !== pid;
    });
  };

  /** Everything that the hosts do for instances, asked for anew. */
  const allWorks = async (): Promise<void> => {
    const { a, b, floating } = pair;
    for (const vm of [a, b]) {
      await world.until(`${vm.name} gets its lease`, async () => (await leaseOf(vm)) === vm.v4);
      const metadata = ['curl', '-s', '-m', '5', 'http://169.254.169.254/latest/meta-data/hostname'];
      await world.until(`${vm.name} gets its metadata`, async () => (await world.attempt(vm, ...metadata)).stdout === vm.name);
    }
    await world.until('a and b reach each other, IPv4', async () => (await world.pings(a, b.v4)) && (await world.pings(b, a.v4)));
    await world.until('a and b reach each other, IPv6', async () => (await world.pings(a, b.v6)) && (await world.pings(b, a.v6)));
    await world.until('the floating IP answers', async () => (await world.public('ping', '-n', '-c1', '-W1', floating)).code === 0);
    await world.until('source NAT', () => world.pings(b, publicGateway));
  };
  /** Of a client that asks for one as if it had none. */
  const leaseOf = async (vm: Instance): Promise<string | undefined> => {
    const asked = await world.attempt(vm, 'udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-t', '3', '-T', '1', '-s', '/bin/true');
    return /lease of (\S+) obtained/.exec(asked.stdout + asked.stderr)?.[1];
  };

  test('ports say whose they are and are wired; their devices are in namespaces, with MAC and MTU', async () => {
    await allWorks();
    for (const host of hosts) {
      const ports = await plugged(host);
      assert.ok(ports.some(p => p.netns.startsWith('qdhcp-') && p.name.startsWith('tap')));
      for (const { name, tag, ids, link } of ports) {
        assert.deepEqual([ids['iface-status'], ids['attached-mac']], ['active', link.address], name);
        assert.equal(ids['iface-id']?.slice(0, 11), name.replace(/^(tap|qr-|qg-)/, ''));
        assert.ok(tag !== undefined && tag > 0 && tag < 4095, `${name}: ${tag}`);
        assert.equal(link.mtu, name.startsWith('qg-') ? 1500 : 1450);
      }
      const outside = await world.host(host, 'ip', '-br', 'link');
      assert.doesNotMatch(outside, /^(qr-|qg-)/m);
    }
    const names = (await plugged(await routerHost())).map(p => p.name.slice(0, 3));
    assert.deepEqual([names.filter(n => n === 'qr-').length, names.filter(n => n === 'qg-').length], [4, 1]);
  });

  test('a namespace that was there is plugged by "weft plug", and gets its lease', async () => {
    const port = await world.create(world.admin, 'port', { network_id: pair.net1.id });
    await world.host('h2', 'ip', 'netns', 'add', 'lab');
    const done = await world.weft(['plug', port.id], ['--netns', 'lab', '--host', 'h2']);
    assert.equal(done.code, 0, done.stderr);
    const ask = ['udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-t', '5', '-T', '1', '-s', '/bin/true'];
    await world.until('it has its lease', async () =>
      world.host('h2', 'ip', 'netns', 'exec', 'lab', ...ask).then(
        () => true,
        () => false,
      ),
    );
    assert.ok((await portsOf('h2')).some(p => p.ids['iface-id'] === port.id && p.tag !== 4095));
    await world.host('h2', 'ovs-vsctl', 'del-port', 'br-int', `tap${port.id.slice(0, 11)}`);
    await world.host('h2', 'ip', 'netns', 'delete', 'lab');
    await world.admin.delete(`/ports/${port.id}`);
  });

  test('addresses by stateful DHCPv6 come through the switch', async () => {
    const count = async (): Promise<number> => (await Promise.all(hosts.map(portsOf))).flat().filter(p => /^(tap|qr-)/.test(p.name)).length;
    const before = await count();
    const network = await world.create(world.member, 'network', { name: 'stateful' });
    const modes = { ipv6_ra_mode: 'dhcpv6-stateful', ipv6_address_mode: 'dhcpv6-stateful' };
    const subnet = await world.create(world.member, 'subnet', { network_id: network.id, ip_version: 6, cidr: '2001:db8:9::/64', ...modes });
    await world.member.put(`/routers/${pair.router.id}/add_router_interface`, { subnet_id: subnet.id });
    const c = await world.instance({ name: 'c', network: network.id, host: 'h2' });
    assert.match(c.v6, /^2001:db8:9::/);
    await world.until('it is routed', () => world.pings(c, pair.a.v6));
    await world.deleteInstance(c);
    await world.member.put(`/routers/${pair.router.id}/remove_router_interface`, { subnet_id: subnet.id });
    await world.member.delete(`/networks/${network.id}`);
    await world.until('its ports are gone', async () => (await count()) === before);
  });

  test('agents that are killed and started again lose no packet, and touch no port', async t => {
    const { a, b, floating } = pair;
    const before = await Promise.all(hosts.map(portsOf));
    const flows = await Promise.all([
      startPackets({ name: 'UDP a → b, IPv4', from: at(a), to: at(b), address: b.v4, port: 5101 }),
      startPackets({ name: 'UDP b → a, IPv6', from: at(b), to: at(a), address: a.v6, port: 5102 }),
      startPackets({ name: 'UDP public → floating IP', from: onPublic, to: at(a), address: floating, port: 5103 }),
      startPackets({ name: 'UDP b → public, SNAT', from: at(b), to: onPublic, address: publicGateway, port: 5104 }),
    ]);
    for (const host of hosts) await world.agentBack(await world.killAgent(host));
    await endWithoutLoss(t, flows);
    assert.deepEqual(await Promise.all(hosts.map(portsOf)), before);
  });

  test('a TCP transfer through the router and one by a floating IP outlive killed agents', async t => {
    const { a, b, floating } = pair;
    const flows = await Promise.all([
      startTransfer({ name: 'TCP a → b, IPv4', from: at(a), to: at(b), address: b.v4, port: 5105 }),
      startTransfer({ name: 'TCP public → floating IP', from: onPublic, to: at(a), address: floating, port: 5106 }),
    ]);
    for (const host of hosts) await world.agentBack(await world.killAgent(host));
    await endWithoutLoss(t, flows);
  });

  test('the database begins again: no packet is missing, and what is plugged afterwards is wired', async t => {
    const { a, b } = pair;
    const flows = [await startPackets({ name: 'UDP a → b while the databases end', from: at(a), to: at(b), address: b.v4, port: 5111 })];
    for (const host of hosts) await killDaemon(host, 'ovsdb-server');
    await endWithoutLoss(t, flows);
    const d = await world.instance({ name: 'd', network: pair.net2.id, host: 'h1' });
    await world.until('it is wired', () => world.pings(d, a.v4));
    await world.deleteInstance(d);
  });

  test('the switch begins again: DHCP servers and routers are plugged anew, and a transfer goes on', async t => {
    const { a, b } = pair;
    const rows = new Map((await Promise.all(hosts.map(portsOf))).flat().map(p => [p.name, `${p.row} ${p.tag}`]));
    const packets = await startPackets({ name: 'UDP a → b while the switches end', from: at(a), to: at(b), address: b.v4, port: 5121 });
    const transfer = await startTransfer({ name: 'TCP b → a while the switches end', from: at(b), to: at(a), address: a.v4, port: 5122 });
    for (const host of hosts) {
      await killDaemon(host, 'ovs-vswitchd');
      await world.until('packets pass again', () => world.pings(a, b.v4));
      await sleep(1500);
    }
    const [counted, carried] = await Promise.all([packets.end(), transfer.end()]);
    t.diagnostic(describePackets(counted));
    t.diagnostic(describeTransfer(carried));
    assert.ok(counted.missing.length > 0, 'the control: a switch that is away carries nothing');
    assert.ok(counted.missing.length < counted.sent / 2, describePackets(counted));
    assert.ok(carried.intact, describeTransfer(carried));
    await allWorks();
    for (const host of hosts) {
      const now = await plugged(host);
      assert.ok(now.length > 0);
      for (const { name, row, tag, link } of now) {
        assert.equal(`${row} ${tag}`, rows.get(name), `${name} is the port that it was`);
        assert.ok(!link.flags.includes('NO-CARRIER'), `${name} is dead`);
      }
      assert.doesNotMatch(await world.host(host, 'ip', '-br', 'link'), /^(qr-|qg-)/m);
    }
  });

  test('database, switch and agents begin again at once', async () => {
    for (const host of hosts) {
      const killed = await world.killAgent(host);
      await Promise.all(['ovsdb-server', 'ovs-vswitchd'].map(name => killDaemon(host, name)));
      await world.agentBack(killed);
    }
    await allWorks();
  });

  test("a router's port that somebody takes away comes again", async () => {
    const { a, b } = pair;
    const host = await routerHost();
    const ports = (await plugged(host)).filter(p => p.name.startsWith('q'));
    await world.host(host, 'ovs-vsctl', ...ports.flatMap(p => ['--', 'del-port', 'br-int', p.name]));
    await world.until('it is plugged anew', async () => {
      const now = new Map((await plugged(host)).map(p => [p.name, p]));
      return ports.every(p => now.has(p.name) && now.get(p.name)?.row !== p.row);
    });
    await world.until('packets pass', async () => (await world.pings(a, b.v4)) && (await world.pings(b, publicGateway)));
  });

  test('a network and a router that go leave no port behind', async () => {
    const { a, b, router, net1, net2 } = pair;
    await Promise.all([a, b].map(vm => world.deleteInstance(vm)));
    const { ports } = await world.member.get<{ ports: { fixed_ips: { subnet_id: string }[] }[] }>(`/ports?device_id=${router.id}`);
    await world.member.put(`/routers/${router.id}`, { router: { external_gateway_info: null } }).catch(() => {});
    const { floatingips } = await world.member.get<{ floatingips: { id: string }[] }>('/floatingips');
    for (const { id } of floatingips) await world.member.delete(`/floatingips/${id}`);
    await world.member.put(`/routers/${router.id}`, { router: { external_gateway_info: null } });
    for (const subnet_id of new Set(ports.flatMap(p => p.fixed_ips.map(f => f.subnet_id))))
      await world.member.put(`/routers/${router.id}/remove_router_interface`, { subnet_id }).catch(() => {});
    await world.member.delete(`/routers/${router.id}`);
    for (const { id } of [net1, net2]) await world.member.delete(`/networks/${id}`);
    for (const host of hosts)
      await world.until(`nothing is left on ${host}`, async () => {
        const text = (await portsOf(host)).map(p => p.name).join('\n') + (await world.host(host, 'ip', 'netns', 'list'));
        return !/^(tap|q)/m.test(text);
      });
  });
});
