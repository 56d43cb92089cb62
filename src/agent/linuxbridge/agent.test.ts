// The whole agent on a simulated host and a small server: every state reached from every other, failures on the way, messages that matter.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { localBus } from '../../adapters/bus-local/local-bus.ts';
import { systemClock } from '../../adapters/clock/system-clock.ts';
import { type SimHost, simHost } from '../../adapters/host/sim-host.ts';
import { textLog } from '../../adapters/log/text-log.ts';
import type { Bus } from '../../contracts/bus.ts';
import { HostRefusal } from '../../contracts/host/firewall.ts';
import type { AgentPart } from '../context.ts';
import { type Dict, type FakePort, FakeServer, tapOf } from '../l2/fake-server.suite.ts';
import { qosTable } from '../render/nft-qos.ts';
import { startLinuxbridgeAgent } from './agent.ts';

const out: Dict[] = ['IPv4', 'IPv6'].map(ethertype => ({ direction: 'egress', ethertype }));
const ssh: Dict = { direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 22, port_range_max: 22 };

class World implements AsyncDisposable {
  readonly host: SimHost = simHost();
  readonly lines: string[] = [];
  readonly log = textLog({ sink: { write: line => void this.lines.push(line) }, level: 'debug' });
  readonly bus = localBus({ clock: systemClock, log: this.log });
  server!: FakeServer;
  agent: AgentPart | undefined;
  private readonly watchers: ((up: boolean) => void)[] = [];

  /** The agent is told that its connection went and came back. */
  reconnect(): void {
    for (const up of [false, true]) for (const watcher of this.watchers) watcher(up);
  }

  static async open(): Promise<World> {
    const world = new World();
    world.server = await FakeServer.open(world.bus);
    world.server.ends.set('h1', '192.0.2.1').set('h2', '192.0.2.2');
    await world.host.links.apply('', [
      { do: 'add-link', link: { kind: 'dummy', name: 'eth0' } },
      { do: 'set-link', name: 'eth0', up: true },
      { do: 'add-address', dev: 'eth0', cidr: '192.0.2.1/24' },
      { do: 'add-link', link: { kind: 'dummy', name: 'eth1' } },
    ]);
    return world;
  }

  async start(wait = true, extensions: readonly string[] = []): Promise<void> {
    const vxlan = { localIp: '192.0.2.1', group: '239.0.0.1', l2population: true, udpPort: 8472 };
    const config = {
      host: 'h1',
      statePath: '/nowhere',
      reportIntervalMs: 30_000,
      extensions,
      linuxbridge: { interfaceMappings: { flat: 'eth1' }, bridgeMappings: {}, vxlan },
    };
    this.agent = await startLinuxbridgeAgent({
      bus: this.agentBus(),
      host: this.host,
      clock: systemClock,
      log: this.log,
      random: () => 0.5,
      config,
    });
    if (wait) await this.agent.synced;
  }

  private agentBus(): Bus {
    const { bus, watchers } = this;
    return {
      call: (...args) => bus.call(...args),
      cast: (...args) => bus.cast(...args),
      serve: server => bus.serve(server),
      onUp(watcher) {
        watchers.push(watcher);
        return { [Symbol.dispose]: () => void watchers.splice(watchers.indexOf(watcher), 1) };
      },
      [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
    };
  }

  async stop(): Promise<void> {
    await this.agent?.[Symbol.asyncDispose]();
    this.agent = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.server[Symbol.asyncDispose]();
    await this.bus[Symbol.asyncDispose]();
  }

  async plug(...ports: FakePort[]): Promise<void> {
    await this.host.links.apply(
      '',
      ports.map(p => ({ do: 'add-link', link: { kind: 'veth', name: tapOf(p.id), peer: `v${p.id.slice(2, 8)}` } }) as const),
    );
  }

  async unplug(...ports: FakePort[]): Promise<void> {
    await this.host.links.apply(
      '',
      ports.map(p => ({ do: 'del-link', name: tapOf(p.id) }) as const),
    );
  }

  async until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
    for (const deadline = performance.now() + 30_000; !(await look()); await systemClock.sleep(2)) {
      if (performance.now() > deadline) throw new Error(`not within 30 s: ${what}\n${this.lines.join('')}`);
    }
  }

  active(...ports: FakePort[]): Promise<void> {
    return this.until('ACTIVE', () => ports.every(p => p.status === 'ACTIVE'));
  }

  /** All that is on the host, zones by the order of their bridges; waits until it does not change any more. */
  async settled(): Promise<string> {
    for (let last = ''; ; ) {
      await systemClock.sleep(30);
      // On a busy machine that may have been one turn of the loop.
      for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve));
      const now = await this.snapshot();
      if (now === last) return now;
      last = now;
    }
  }

  async snapshot(): Promise<string> {
    const { links, iptables, ipsets, nft } = this.host;
    // A tap that is in no bridge is as its owner, or its former life, left it.
    const devices = (await links.list(''))
      .filter(l => !l.name.startsWith('v0'))
      .map(l =>
        l.name.startsWith('tap') && !l.master ? `${l.name} is free` : `${l.name} ${l.kind} ${l.up} ${l.mtu} ${l.master} ${l.vxlan?.id}`,
      );
    const sets = [...(await ipsets.list(''))].map(([n, s]) => `${n} ${[...s.members].sort().join()}`);
    const rules = `${await iptables.save('', 4)}${await iptables.save('', 6)}`.split('\n').filter(l => !l.startsWith(':'));
    const frames = ((await nft.listTable('', 'bridge', 'neutron-linuxbri')) ?? '')
      .split(/[\n,]/)
      .map(l => l.trim())
      .filter(l => !/^(elements = \{|\})/.test(l) || l.length > 14);
    const fdb = (await links.fdb('')).map(f => `${f.dev} ${f.mac} ${f.dst}`);
    return [...devices, ...sets, ...rules, ...frames, ...fdb]
      .map(l => l.replace(/--zone \d+/, '--zone N').replace(/^elements = \{ | \}$/g, ''))
      .sort()
      .join('\n');
  }
}

/** Fails with the lines that only one of them has. */
function same(found: string, wanted: string): void {
  const lines = [found.split('\n'), wanted.split('\n')] as const;
  assert.deepEqual(
    lines[0].filter(l => !lines[1].includes(l)),
    lines[1].filter(l => !lines[0].includes(l)),
  );
  assert.equal(lines[0].length, lines[1].length);
}

/** Each state says what the server knows and what is plugged in, from nothing. */
type State = (world: World) => Promise<readonly FakePort[]>;
const states: Record<string, State> = {
  nothing: async () => [],
  'two on one network': async w => {
    const g = w.server.group(1, [...out, { ...ssh, remote_group_id: undefined }]);
    return [1, 2].map(n => w.server.port(n, w.server.network(1), { groups: [g] }));
  },
  'a remote group, and other addresses': async w => {
    const g = w.server.group(1, out);
    w.server.groups.set(g, [...out, { direction: 'ingress', ethertype: 'IPv4', remote_group_id: g }]);
    return [
      w.server.port(1, w.server.network(1), { groups: [g], ips: ['10.0.0.77'] }),
      w.server.port(3, w.server.network(2), { groups: [g] }),
    ];
  },
  'a router, an open port, and one that is down': async w => {
    const n = w.server.network(1, { mtu: 1400 });
    return [
      w.server.port(2, n, { owner: 'network:router_interface' }),
      w.server.port(1, n, { security: false, groups: [] }),
      w.server.port(4, n, { adminUp: false }),
    ];
  },
  'a port that makes no sense beside one that does': async w => {
    const bad = w.server.group(3, [{ direction: 'ingress', ethertype: 'IPv4', protocol: 'vrrp', port_range_min: 1 }]);
    const n = w.server.network(1);
    return [w.server.port(1, n, { groups: [bad] }), w.server.port(2, n, { groups: [w.server.group(1, [...out, ssh])] })];
  },
};

async function become(world: World, state: State, before: readonly FakePort[]): Promise<readonly FakePort[]> {
  world.server.ports.clear();
  const ports = await state(world);
  const names = new Set(ports.map(p => p.id));
  const had = new Set(before.map(p => p.id));
  await world.unplug(...before.filter(p => !names.has(p.id)));
  await world.plug(...ports.filter(p => !had.has(p.id)));
  for (const p of ports) await world.server.portUpdate(p);
  for (const n of world.server.networks.values())
    await world.server.fanout('network-update', 'network_update', { network: { id: n.id, mtu: n.mtu } });
  for (const g of world.server.groups.keys()) await world.server.ruleUpdated(g);
  return ports;
}

// Each has a world of its own, in which most of the time is waiting.
describe('every state leads to every other', { concurrency: 6 }, () => {
  for (const [from, a] of Object.entries(states)) {
    for (const [to, b] of Object.entries(states)) {
      test(`${from} → ${to} lands where ${to} alone lands`, async () => {
        await using alone = await World.open();
        await alone.start();
        await become(alone, b, []);
        const wanted = await alone.settled();
        await using world = await World.open();
        await world.start();
        const ports = await become(world, a, []);
        await world.settled();
        await become(world, b, ports);
        same(await world.settled(), wanted);
      });
    }
  }
});

test('a restart in any state changes nothing on the host', async () => {
  for (const state of Object.values(states)) {
    await using world = await World.open();
    await world.start();
    await become(world, state, []);
    const before = await world.settled();
    await world.stop();
    const { restored } = world.host.iptables;
    const count = restored.length;
    await world.start();
    same(await world.settled(), before);
    assert.equal(restored.length, count);
  }
});

test('before the server answers nothing is touched, not even leftovers', async () => {
  await using world = await World.open();
  await world.start();
  const ports = await become(world, states['two on one network']!, []);
  await world.active(...ports);
  await world.stop();
  await world.unplug(ports[0]!);
  const before = await world.settled();
  world.server.failing.add('get_devices_details_list').add('report_state');
  await world.start(false);
  await world.until('it has asked', () => world.lines.some(l => l.includes('fails for now')));
  same(await world.settled(), before);
  world.server.failing.clear();
  await world.agent!.synced;
  await world.until('the server knows what went', () => ports[0]!.status === 'DOWN');
});

test('a batch of new taps is one question, one restore per family, one report list', async () => {
  await using world = await World.open();
  await world.start();
  const g = world.server.group(1, out);
  const network = world.server.network(1);
  const first = world.server.port(1, network, { groups: [g] });
  await world.plug(first);
  await world.active(first);
  await world.settled();
  const restores = world.host.iptables.restored.length;
  const questions = world.server.count('get_devices_details_list');
  const ports = Array.from({ length: 30 }, (_, i) => world.server.port(i + 2, network, { groups: [g] }));
  await world.plug(...ports);
  await world.active(...ports);
  assert.equal(world.server.count('get_devices_details_list') - questions, 1);
  assert.equal(world.host.iptables.restored.length - restores, 2);
  const lists = world.server.heard.filter(h => h.method === 'update_device_list').map(h => (h.args['devices_up'] as string[]).length);
  assert.deepEqual(lists, [20, 10]);
});

test('a tap is plugged in only after its filters stand', async () => {
  await using world = await World.open();
  const order: string[] = [];
  const watch = world.host.links.watch(
    '',
    e => {
      if (e.name.startsWith('tapa')) order.push(`${e.kind} ${world.host.iptables.restored.some(r => r.text.includes('ia0000001-0'))}`);
    },
    () => {},
  );
  await world.start();
  const port = world.server.port(1, world.server.network(1), { groups: [world.server.group(1, out)] });
  await world.plug(port);
  await world.active(port);
  assert.deepEqual([order[0], order.at(-1)], ['added false', 'changed true']);
  assert.ok(order.slice(1).every(o => o.endsWith('true')));
  await watch[Symbol.asyncDispose]();
});

test('tools that fail are tried again, and meanwhile nothing new is let in', async () => {
  for (const fail of ['restore', 'apply', 'links'] as const) {
    await using world = await World.open();
    await world.start();
    const port = world.server.port(1, world.server.network(1), { groups: [world.server.group(1, out)] });
    if (fail === 'restore') world.host.iptables.failNext('restore');
    else if (fail === 'apply') world.host.nft.failNext('apply');
    else world.host.links.failNext('set-link', { name: tapOf(port.id) });
    await world.plug(port);
    await world.active(port);
    assert.ok(
      world.lines.some(l => /trying again|could not be plugged/.test(l)),
      fail,
    );
  }
});

test('messages that change nothing cost no question, since a question resets the port', async () => {
  await using world = await World.open();
  await world.start();
  const g = world.server.group(1, out);
  const port = world.server.port(1, world.server.network(1), { groups: [g] });
  await world.plug(port);
  await world.active(port);
  const questions = world.server.count('get_devices_details_list');
  await world.server.portUpdate(port);
  await world.server.memberUpdated('cc999999-0000-4000-8000-000000000000');
  port.groups.push(world.server.group(2, [ssh]));
  await world.server.portUpdate(port);
  await world.until('the new group', async () => (await world.host.iptables.save('', 4)).includes('--dport 22'));
  assert.equal(world.server.count('get_devices_details_list'), questions);
  assert.equal(port.status, 'ACTIVE');
});

test('a server that says what changed in a group is not asked about it', async () => {
  await using world = await World.open();
  world.server.byPort = true;
  await world.start();
  const [own, other] = [world.server.group(1, out), world.server.group(2, out)];
  world.server.groups.get(own)!.push({ direction: 'ingress', ethertype: 'IPv4', remote_group_id: own });
  const network = world.server.network(1);
  const port = world.server.port(1, network, { groups: [own] });
  const far = world.server.port(2, network, { groups: [own], host: 'h2' });
  await world.plug(port);
  await world.active(port);
  const members = async (): Promise<string> =>
    [...(await world.host.ipsets.list('')).values()]
      .flatMap(set => [...set.members])
      .filter(m => m.startsWith('10.'))
      .sort()
      .join();
  assert.equal(await members(), '10.0.0.1,10.0.0.2');
  const questions = (): number => world.server.count('security_group_info_for_devices');
  const before = questions();

  const more = world.server.port(3, network, { groups: [own], host: 'h2' });
  await world.server.memberTold(more, 1, [own]);
  await world.until('a member more', async () => (await members()) === '10.0.0.1,10.0.0.2,10.0.0.3');
  far.groups = [other];
  await world.server.memberTold(far, 2, [own, other]);
  await world.until('a member less', async () => (await members()) === '10.0.0.1,10.0.0.3');
  world.server.groups.get(own)!.push(ssh);
  await world.server.rulesTold(own, 5);
  await world.until('a rule more', async () => (await world.host.iptables.save('', 4)).includes('--dport 22'));
  assert.equal(questions(), before);

  // What is older is passed over.
  world.server.groups.get(own)!.pop();
  await world.server.rulesTold(own, 4);
  more.ips = ['10.0.0.9'];
  await world.server.memberTold(more, 0, [own]);
  const fourth = world.server.port(4, network, { groups: [own], host: 'h2' });
  await world.server.memberTold(fourth, 1, [own]);
  await world.until('one more member', async () => (await members()) === '10.0.0.1,10.0.0.3,10.0.0.4');
  assert.ok((await world.host.iptables.save('', 4)).includes('--dport 22'));
  // A rule that names a group whose members nobody has told is asked about, and with it only these.
  world.server.groups.get(own)!.push(ssh, { direction: 'ingress', ethertype: 'IPv4', remote_group_id: other });
  await world.server.rulesTold(own, 6);
  await world.until('the other group', async () => (await members()) === '10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4');
  assert.ok((await world.host.iptables.save('', 4)).includes('--dport 22'));
  assert.deepEqual(world.server.heard.filter(h => h.method === 'security_group_info_for_devices').at(-1)?.args['without_members'], [own]);

  // What a server says who does not tell what it is, makes all be told anew.
  await world.server.memberUpdated(own);
  await world.until('the whole', async () => (await members()) === '10.0.0.1,10.0.0.2,10.0.0.4,10.0.0.9');
});

test('a binding that goes to another host takes the tap out, one that comes back puts it in again', async () => {
  await using world = await World.open();
  await world.start();
  const port = world.server.port(1, world.server.network(1), { groups: [world.server.group(1, out)] });
  await world.plug(port);
  await world.active(port);
  const master = async (): Promise<string | undefined> => (await world.host.links.list('')).find(l => l.name === tapOf(port.id))?.master;
  await world.server.fanout('binding-deactivate', 'binding_deactivate', { port_id: port.id, host: 'h1', network_id: port.network }, '1.5');
  await world.until('out', async () => (await master()) === undefined);
  await world.server.fanout('binding-activate', 'binding_activate', { port_id: port.id, host: 'h1' }, '1.5');
  await world.until('in', async () => (await master()) !== undefined);
  await world.server.portDelete(port);
  await world.until('deleted', async () => (await master()) === undefined);
});

test("a device with another's name, or in another's bridge, is none of our business", async () => {
  await using world = await World.open();
  await world.start();
  await world.host.links.apply('', [
    { do: 'add-link', link: { kind: 'bridge', name: 'br0' } },
    { do: 'add-link', link: { kind: 'dummy', name: 'tap0' } },
    { do: 'add-link', link: { kind: 'dummy', name: 'tapaaaaaaaa-aa' } },
    { do: 'set-link', name: 'tapaaaaaaaa-aa', master: 'br0' },
  ]);
  await world.until('both are foreign', async () =>
    /set foreign[^}]*\{[^}]*"tap0"[^}]*"tapaaaaaaaa-aa"/.test(
      ((await world.host.nft.listTable('', 'bridge', 'neutron-linuxbri')) ?? '').replace(/\n/g, ' '),
    ),
  );
  const links = await world.host.links.list('');
  assert.equal(links.find(l => l.name === 'tapaaaaaaaa-aa')?.master, 'br0');
});

test('stateless groups: a network of them alone is not tracked, beside a stateful port it is', async () => {
  await using world = await World.open();
  await world.start();
  const network = world.server.network(1);
  const one = world.server.port(1, network, { groups: [world.server.group(1, [...out, ssh], false)] });
  await world.plug(one);
  await world.active(one);
  assert.match(await world.host.iptables.save('', 4, 'raw'), /-i brqee000001-00 -j CT --notrack/);
  const two = world.server.port(2, network, { groups: [world.server.group(2, out)] });
  await world.plug(two);
  await world.active(two);
  assert.match(await world.host.iptables.save('', 6, 'raw'), /-i brqee000001-00 -j CT --zone 4097/);
});

test('an MTU that the underlay does not carry is told once, and shuts nothing', async () => {
  await using world = await World.open();
  await world.start();
  const network = world.server.network(1);
  const port = world.server.port(1, network, { groups: [world.server.group(1, out)] });
  await world.plug(port);
  await world.active(port);
  world.host.links.failNext('set-link', { name: 'vxlan-1001' });
  await world.server.fanout('network-update', 'network_update', { network: { id: network.id, mtu: 9000 } });
  const link = async (name: string) => (await world.host.links.list('')).find(l => l.name === name);
  await world.until('the tap is wide', async () => (await link(tapOf(port.id)))?.mtu === 9000);
  await world.settled();
  assert.equal((await link('vxlan-1001'))?.mtu, 1450);
  assert.equal((await link(tapOf(port.id)))?.master, 'brqee000001-00');
  assert.equal(world.lines.filter(l => l.includes('too narrow')).length, 1);
});

test('a report that fails is sent again', async () => {
  await using world = await World.open();
  await world.start();
  world.server.failing.add('update_device_up');
  const port = world.server.port(1, world.server.network(1), { groups: [world.server.group(1, out)] });
  await world.plug(port);
  await world.until('it has tried', () => world.server.count('update_device_up') > 0);
  world.server.failing.clear();
  await world.active(port);
});

test('who is behind which tunnel is asked for again when the connection was away', async () => {
  await using w = await World.open();
  const network = w.server.network(1);
  const here = w.server.port(1, network, { security: false });
  await w.plug(here);
  await w.start();
  await w.until('the port is up', () => here.status === 'ACTIVE');
  const ends = async (): Promise<string[]> => (await w.host.links.fdb('')).map(f => `${f.mac} ${f.dst}`).sort();
  assert.deepEqual(await ends(), []);
  // Nobody tells of it: the message is lost.
  const there = w.server.port(2, network, { host: 'h2', status: 'ACTIVE' });
  w.reconnect();
  await w.until('it is known', async () => (await ends()).length === 2);
  assert.deepEqual(await ends(), ['00:00:00:00:00:00 192.0.2.2', `${there.mac} 192.0.2.2`]);
  assert.equal(here.status, 'ACTIVE');
});

test('without the extension the marks and limits of a former life go', async () => {
  await using world = await World.open();
  await world.host.nft.apply('', `table bridge ${qosTable} {\n}\n`);
  await world.start();
  assert.equal(await world.host.nft.listTable('', 'bridge', qosTable), undefined);
});

test('what the kernel refuses of one port’s QoS keeps nobody from the network', async () => {
  await using world = await World.open();
  const gold = '90000000-0000-4000-8000-000000000001';
  const rules = [{ type: 'QosBandwidthLimitRule', max_kbps: 1000, max_burst_kbps: 0, direction: 'egress' }];
  world.server.object('QosPolicy', gold, { id: gold, name: 'gold', revision_number: 1, rules });
  const net = world.server.network(1, { type: 'flat', physical: 'flat' });
  const ports = [world.server.port(1, net, { policy: gold }), world.server.port(2, net)];
  await world.plug(...ports);
  const { nft } = world.host;
  const apply = nft.apply.bind(nft);
  let refuses = true;
  nft.apply = async (ns, script) => {
    if (refuses && script.includes(qosTable)) throw new HostRefusal('nft', 'Value too large for defined data type');
    await apply(ns, script);
  };
  await world.start(false, ['qos']);
  await world.active(...ports);
  await world.until('it is told', () => world.lines.some(line => line.includes('Value too large')));
  refuses = false;
  await world.until('it is tried again', async () => (await nft.listTable('', 'bridge', qosTable)) !== undefined);
});

test('addresses that the interface of a bridge gets later move to the bridge, and what it does not take stays', async () => {
  await using world = await World.open();
  const port = world.server.port(1, world.server.network(1, { type: 'flat', physical: 'flat' }));
  await world.plug(port);
  await world.start();
  await world.active(port);
  const { links } = world.host;
  const held = async () => {
    const all = (await links.list('')).filter(l => l.name === 'eth1' || l.name.startsWith('brq'));
    return new Map(all.map(l => [l.name.slice(0, 3), l.addresses.filter(a => a.scope === 'global').map(a => a.cidr)]));
  };
  const [brq] = (await links.list('')).filter(l => l.name.startsWith('brq'));
  links.failNext('add-address', { name: brq?.name ?? '', times: 2 });
  const cidrs = ['203.0.113.5/24', '2001:db8::5/64'];
  const batch = cidrs.map(cidr => ({ do: 'add-address', dev: 'eth1', cidr, nodad: true }) as const);
  assert.deepEqual(await links.apply('', batch), []);
  await world.until('the bridge has them', async () => {
    const now = await held();
    for (const cidr of cidrs)
      assert.ok(
        [...now.values()].some(all => all.includes(cidr)),
        `${cidr} is lost`,
      );
    return now.get('eth')?.length === 0 && now.get('brq')?.length === 2;
  });
});
