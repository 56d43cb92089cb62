// A move on a simulated host, killed at every single thing that it does to the world, before and after it is done: gone on with it ends as one
// that was never killed, and rolled back as if there had been none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SimHost, simHost } from '../../adapters/host/sim-host.ts';
import type { Host } from '../../contracts/host/host.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import type { OvsdbSession } from '../../contracts/host/ovsdb.ts';
import { bridgeName, tapName } from '../desired/linuxbridge-names.ts';
import { planMove } from '../desired/migrate/plan.ts';
import {
  type CloudAgent,
  type CloudPort,
  linuxBridgeAgent,
  openvswitchAgent,
  type Target,
  type Verdict,
} from '../desired/migrate/situation.ts';
import { DEAD_VLAN } from '../desired/openvswitch/tables.ts';
import { linuxbridgeNames } from '../render/iptables-names.ts';
import type { CloudDoor, Doors, L2Kind, Units } from './doors.ts';
import { begun, readJournal, writeJournal } from './journal.ts';
import { lookAround } from './look.ts';
import { goBack, goOn } from './run.ts';

const connection = 'unix:/run/openvswitch/db.sock';
const journal = '/var/lib/neutron/migrate-l2.json';
const portsFile = '/var/lib/neutron/openvswitch-ports';
const tenant = '11111111-2222-3333-4444-555555555555';
const flat = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const typeOf: Readonly<Record<L2Kind, string>> = { linuxbridge: linuxBridgeAgent, openvswitch: openvswitchAgent };

const target: Target = {
  ...{ integrationBridge: 'br-int', tunnelBridge: 'br-tun', bridgeMappings: { public: 'br-public' } },
  ...{ datapathType: 'system', firewall: 'openvswitch' },
  tunnels: { types: ['vxlan'], localIp: '192.0.2.1', l2population: true, vxlanPort: 8472 },
};

const port = (n: number, network_id: string): CloudPort => ({
  ...{ id: `0000000${n}-aaaa-bbbb-cccc-dddddddddddd`, network_id, mac_address: `fa:16:3e:00:00:0${n}`, device_owner: 'compute:nova' },
  ...{ device_id: `instance-${n}`, status: 'ACTIVE', admin_state_up: true, port_security_enabled: true },
  ...{ vif_type: 'bridge', port_filter: true, migrating: false, limited: false, trunk: false },
});

class Killed extends Error {}

/** What agents of different `firewall_driver` leave. */
const tables = [
  ['bridge', 'neutron-linuxbri'],
  ['inet', 'neutron-linuxbri-sg'],
  ['bridge', 'neutron-linuxbri-qos'],
] as const;

/** Kills whoever does the n-th thing that changes anything. */
class Fate {
  left: number;
  private readonly when: 'before' | 'after';
  constructor(left: number, when: 'before' | 'after') {
    this.left = left;
    this.when = when;
  }
  async meet<T>(work: () => Promise<T>): Promise<T> {
    const now = this.left-- === 0;
    if (now && this.when === 'before') throw new Killed();
    const done = await work();
    if (now) throw new Killed();
    return done;
  }
}

/** The world outside of the move: a host with Linux bridges, the API, and agents that do what they do whenever time passes. */
class World implements AsyncDisposable {
  readonly host: SimHost = simHost();
  readonly session: OvsdbSession = this.host.ovsdb.open({ connection });
  readonly runs = new Set<L2Kind>(['linuxbridge']);
  /** One whose start is under way, however long that takes. */
  starting: L2Kind | undefined;
  agents: CloudAgent[] = [];
  ports: CloudPort[] = [port(1, tenant), port(2, tenant), port(3, flat)];
  /** The Linux bridge agent is one of Neutron's: it plugs no instances. */
  leavesTaps = false;
  /** Ports that were denied by nobody for a moment: a tap that spoke without the filters of the switch that it is in. */
  readonly open: string[] = [];

  static async make(): Promise<World> {
    const world = new World();
    const { links, iptables, ipsets, nft } = world.host;
    await world.report('linuxbridge');
    links.plug(hostNetns, { name: 'eth0', kind: '', up: true });
    links.plug(hostNetns, { name: 'eth1', kind: '', up: true, mac: '02:00:00:00:00:e1' });
    for (const { id } of world.ports) links.plug(hostNetns, { name: tapName(id), up: true });
    const [one, other] = [bridgeName(tenant), bridgeName(flat)];
    const refused = await links.apply(hostNetns, [
      { do: 'add-address', dev: 'eth0', cidr: '192.0.2.1/24' },
      { do: 'add-link', link: { kind: 'bridge', name: one } },
      { do: 'add-link', link: { kind: 'bridge', name: other } },
      {
        do: 'add-link',
        link: { kind: 'vxlan', name: 'vxlan-7', id: 7, local: '192.0.2.1', dev: 'eth0', port: 8472, learning: false, proxy: false },
      },
      ...[one, other, 'vxlan-7'].map(name => ({ do: 'set-link', name, up: true }) as const),
      ...['vxlan-7', ...world.ports.slice(0, 2).map(p => tapName(p.id))].map(name => ({ do: 'set-link', name, master: one }) as const),
      ...['eth1', tapName(world.ports[2]!.id)].map(name => ({ do: 'set-link', name, master: other }) as const),
      { do: 'add-address', dev: other, cidr: '203.0.113.9/24' },
      { do: 'replace-route', route: { dst: '0.0.0.0/0', via: '203.0.113.1', dev: other, family: 4 } },
    ]);
    assert.deepEqual(refused, []);
    await ipsets.restore(hostNetns, 'create NIPv4abc hash:net family inet\n');
    const rules = [
      ':neutron-linuxbri-FORWARD - [0:0]',
      '-A FORWARD -j neutron-linuxbri-FORWARD',
      '-A neutron-linuxbri-FORWARD -m set --match-set NIPv4abc src -j ACCEPT',
    ];
    await iptables.restore(hostNetns, 4, `*filter\n${rules.join('\n')}\nCOMMIT\n`);
    for (const [family, table] of tables) await nft.apply(hostNetns, `table ${family} ${table} {\n}\n`);
    return world;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session[Symbol.asyncDispose]();
  }

  async report(kind: L2Kind): Promise<void> {
    if (this.agents.some(a => a.agent_type === typeOf[kind])) return;
    const configurations = { interface_mappings: { public: 'eth1' }, bridge_mappings: {}, tunneling_ip: '192.0.2.1', l2_population: true };
    this.agents.push({ id: `${kind} 1`, agent_type: typeOf[kind], alive: true, admin_state_up: true, configurations });
  }

  /** What agents that run do. */
  async pass(): Promise<void> {
    for (const kind of this.runs) await this.report(kind);
    if (this.runs.has('openvswitch')) await this.openvswitch();
    if (this.runs.has('linuxbridge')) await this.linuxbridge();
  }

  private async openvswitch(): Promise<void> {
    await this.session.apply({ bridges: { 'br-int': {}, 'br-tun': {} } });
    const there = (await this.session.picture()).bridges.get('br-int')!.ports;
    const dead = [...there.values()].filter(p => p.tag === DEAD_VLAN);
    for (const p of there.values()) if (p.name.startsWith('tap') && p.tag === undefined) this.open.push(p.name);
    const alive = (name: string) => [name, { tag: 1, vlan_mode: null, trunks: [] }] as const;
    if (dead.length > 0)
      await this.session.apply({
        bridges: {
          'br-int': { ports: Object.fromEntries(dead.map(p => alive(p.name))) },
          'br-tun': { ports: { 'vxlan-c0000202': { interface: { type: 'vxlan', options: { remote_ip: '192.0.2.2' } } } } },
        },
      });
  }

  private async linuxbridge(): Promise<void> {
    const { links, nft, iptables } = this.host;
    const all = new Map((await links.list(hostNetns)).map(l => [l.name, l]));
    const inSwitch = (await this.session.picture()).bridges.get('br-int')?.ports;
    if ((await nft.listTable(hostNetns, 'bridge', 'neutron-linuxbri')) === undefined)
      await nft.apply(hostNetns, 'table bridge neutron-linuxbri {\n}\n');
    for (const { id, network_id } of this.ports) {
      const tap = all.get(tapName(id));
      if (!tap || tap.master !== undefined || inSwitch?.has(tap.name)) continue;
      const bridge = bridgeName(network_id);
      if (!all.has(bridge))
        await links.apply(hostNetns, [
          { do: 'add-link', link: { kind: 'bridge', name: bridge } },
          { do: 'set-link', name: bridge, up: true },
        ]);
      if (!this.leavesTaps) await links.apply(hostNetns, [{ do: 'set-link', name: tap.name, master: bridge }]);
      else {
        const chain = linuxbridgeNames.port('ingress', id);
        // One family after the other, and a look may come in between.
        const family = (await iptables.save(hostNetns, 4)).includes(`:${chain} `) ? 6 : 4;
        await iptables.restore(hostNetns, family, `*filter\n:${chain} - [0:0]\nCOMMIT\n`);
      }
    }
  }

  doors(fate?: Fate): Doors {
    const met =
      <A extends readonly unknown[], R>(work: (...args: A) => Promise<R>) =>
      (...args: A): Promise<R> =>
        fate ? fate.meet(() => work(...args)) : work(...args);
    const { host } = this;
    const watched: Host = {
      ...host,
      links: Object.assign(Object.create(host.links) as SimHost['links'], {
        apply: met((...a: Parameters<Host['links']['apply']>) => host.links.apply(...a)),
      }),
      iptables: Object.assign(Object.create(host.iptables) as SimHost['iptables'], {
        restore: met((...a: Parameters<Host['iptables']['restore']>) => host.iptables.restore(...a)),
      }),
      ipsets: Object.assign(Object.create(host.ipsets) as SimHost['ipsets'], {
        restore: met((...a: Parameters<Host['ipsets']['restore']>) => host.ipsets.restore(...a)),
      }),
      nft: Object.assign(Object.create(host.nft) as SimHost['nft'], {
        apply: met((...a: Parameters<Host['nft']['apply']>) => host.nft.apply(...a)),
      }),
      files: Object.assign(Object.create(host.files) as SimHost['files'], {
        write: met((...a: Parameters<Host['files']['write']>) => host.files.write(...a)),
      }),
    };
    const session: OvsdbSession = Object.assign(Object.create(this.session) as OvsdbSession, {
      apply: met((...a: Parameters<OvsdbSession['apply']>) => this.session.apply(...a)),
      picture: () => this.session.picture(),
      switchAlive: () => this.session.switchAlive(),
    });
    const cloud: CloudDoor = {
      agents: async () => this.agents,
      ports: async () => this.ports,
      look: async () => ({ agents: this.agents, ports: this.ports, rewrites: true, networks: this.networks() }),
      take: met(async (to, from) => this.take(to, from)),
      switchAgent: met(async (id, admin_state_up) => {
        this.agents = this.agents.map(a => (a.id === id ? { ...a, admin_state_up } : a));
      }),
      removeAgent: met(async id => {
        this.agents = this.agents.filter(a => a.id !== id);
      }),
    };
    const units: Units = {
      runs: kind => this.runs.has(kind),
      command: {
        start: met(async kind => void this.runs.add(kind)),
        stop: met(async kind => {
          this.runs.delete(kind);
          if (this.starting === kind) this.starting = undefined;
        }),
      },
    };
    let now = 0;
    const sleep = (ms: number): Promise<void> => {
      now += ms;
      return this.pass();
    };
    const clock = { now: () => now, sleep };
    const signal = new AbortController().signal;
    return { hostName: 'h1', host: watched, session, cloud, units, target, journal, portsFile, clock, signal, patienceMs: 5000, say() {} };
  }

  private networks() {
    const segment = (network_type: string, physical_network: string | null, segmentation_id: number | null) => [
      { network_type, physical_network, segmentation_id },
    ];
    return new Map([
      [tenant, { id: tenant, name: 'tenant', segments: segment('vxlan', null, 7) }],
      [flat, { id: flat, name: 'outside', segments: segment('flat', 'public', null) }],
    ]);
  }

  private take(to: string, from: string): Verdict[] {
    const of = (id: string): CloudAgent => this.agents.find(a => a.id === id)!;
    assert.ok(of(to).alive && of(to).admin_state_up, `${to} is at work`);
    assert.ok(!of(from).admin_state_up, `${from} is switched off`);
    const vif_type = of(to).agent_type === openvswitchAgent ? 'ovs' : 'bridge';
    this.ports = this.ports.map(p => ({ ...p, vif_type }));
    return this.ports.map(p => ({ port_id: p.id, outcome: 'taken', vif_type }));
  }

  async begin(): Promise<void> {
    const doors = this.doors();
    const planned = planMove(await lookAround(doors));
    assert.deepEqual(planned.refusals, []);
    await writeJournal(this.host.files, journal, begun(planned.move));
  }

  /** All that a move may change. */
  async state(): Promise<unknown> {
    const { links, iptables, ipsets, nft } = this.host;
    const all = await links.list(hostNetns);
    const { bridges } = await this.session.picture();
    return {
      links: all.map(l => [l.name, l.master, l.up, l.addresses.filter(a => a.scope === 'global').map(a => a.cidr)]).sort(),
      routes: (await links.routes(hostNetns, 4)).map(r => [r.dst, r.via, r.dev]).sort(),
      switch: [...bridges]
        .map(([name, b]) => [name, [...b.ports.values()].map(p => [p.name, p.tag, p.interfaces[0]?.external_ids])])
        .sort(),
      filters: [
        await iptables.save(hostNetns, 4),
        [...(await ipsets.list(hostNetns)).keys()],
        ...(await Promise.all(tables.map(([family, table]) => nft.listTable(hostNetns, family, table)))),
      ],
      agents: this.agents,
      runs: [...this.runs],
      ports: this.ports,
      open: this.open,
    };
  }
}

/** What the Linux bridge agent makes anew in its own time: tunnels, rules, and bridges by other numbers. */
const settled = async (world: World): Promise<unknown> => {
  const { links, filters: _, ...rest } = (await world.state()) as { links: readonly (readonly [string, ...unknown[]])[]; filters: unknown };
  return { ...rest, links: links.filter(([name]) => name !== 'vxlan-7') };
};

async function moved(): Promise<unknown> {
  await using world = await World.make();
  await world.begin();
  await goOn(world.doors());
  return await world.state();
}

test('forward: taps and the device with the host’s address are in Open vSwitch, and no Linux bridge is left', async () => {
  const { links, routes, switch: there, filters, agents, runs, ports } = (await moved()) as Record<string, readonly unknown[]>;
  const name = (n: number): string => `tap0000000${n}-aa`;
  assert.deepEqual(links, [
    ['br-int', undefined, false, []],
    ['br-public', undefined, true, ['203.0.113.9/24']],
    ['br-tun', undefined, false, []],
    ['eth0', undefined, true, ['192.0.2.1/24']],
    ['eth1', undefined, true, []],
    ['lo', undefined, true, ['127.0.0.1/8', '::1/128'].filter(cidr => JSON.stringify(links).includes(cidr))],
    ...[1, 2, 3].map(n => [name(n), undefined, true, []]),
  ]);
  assert.ok(JSON.stringify(routes).includes('["default","203.0.113.1","br-public"]'), JSON.stringify(routes));
  assert.match(JSON.stringify(there), /"tap00000003-aa",1,\{[^}]*"attached-mac":"fa:16:3e:00:00:03"[^}]*"vm-uuid":"instance-3"/);
  assert.match(JSON.stringify(there), /"eth1"/);
  assert.doesNotMatch(JSON.stringify(filters), /linuxbri|NIPv4/);
  assert.deepEqual(
    (agents as readonly CloudAgent[]).map(a => a.agent_type),
    [openvswitchAgent],
  );
  assert.deepEqual([runs, (ports as readonly CloudPort[]).map(p => p.vif_type)], [['openvswitch'], ['ovs', 'ovs', 'ovs']]);
});

test('back to an agent that plugs no instances: their taps go into its bridges when it has made the filters', async () => {
  await using world = await World.make();
  await world.begin();
  await goOn(world.doors());
  world.leavesTaps = true;
  const doors = world.doors();
  const { links: kernel, iptables } = world.host;
  const apply = async (...given: Parameters<Host['links']['apply']>) => {
    const bare = given[1].filter(c => c.do === 'set-link' && c.name.startsWith('tap') && c.master !== null);
    const chains = await iptables.save(hostNetns, 6);
    for (const { id } of world.ports)
      if (bare.some(c => c.do === 'set-link' && c.name === tapName(id)) && !chains.includes(linuxbridgeNames.port('ingress', id)))
        world.open.push(tapName(id));
    return kernel.apply(...given);
  };
  await goBack({ ...doors, host: { ...doors.host, links: Object.assign(Object.create(kernel) as SimHost['links'], { apply }) } });
  assert.deepEqual(world.open, []);
  const links = new Map((await world.host.links.list(hostNetns)).map(l => [l.name, l.master]));
  assert.deepEqual(
    world.ports.map(p => links.get(tapName(p.id))),
    world.ports.map(p => bridgeName(p.network_id)),
  );
});

test('on the way back the Open vSwitch agent’s memory of its ports goes: the next one would report them down', async () => {
  await using world = await World.make();
  await world.begin();
  await goOn(world.doors());
  await world.host.files.write(portsFile, 'all of them');
  await goBack(world.doors());
  assert.equal(await world.host.files.read(portsFile), undefined);
});

test('an instance that came to Open vSwitch since goes back with the others', async () => {
  await using world = await World.make();
  await world.session.apply({ bridges: { 'br-int': {} } });
  await world.begin();
  await goOn(world.doors());
  const late = { ...port(4, tenant), vif_type: 'ovs' };
  const tap = tapName(late.id);
  world.host.links.plug(hostNetns, { name: tap, up: true });
  world.ports = [...world.ports, late];
  await world.session.apply({ bridges: { 'br-int': { ports: { [tap]: { interface: { external_ids: { 'iface-id': late.id } } } } } } });
  await goBack(world.doors());
  await world.pass();
  assert.equal((await world.session.picture()).bridges.get('br-int')?.ports.has(tap), false);
  assert.equal((await world.host.links.list(hostNetns)).find(l => l.name === tap)?.master, bridgeName(tenant));
});

test('an address that the switch’s device does not take stays where it is', async () => {
  await using world = await World.make();
  await world.begin();
  const doors = world.doors();
  const say = (line: string): void => {
    if (line.startsWith('5/')) world.host.links.failNext('add-address', { name: 'br-public' });
  };
  await assert.rejects(goOn({ ...doors, say }), /the kernel refused .*203\.0\.113\.9/);
  const held = (await world.host.links.list(hostNetns)).filter(l => l.addresses.some(a => a.cidr === '203.0.113.9/24'));
  assert.deepEqual(
    held.map(l => l.name),
    [bridgeName(flat)],
  );
  await goOn(world.doors());
  assert.deepEqual(await world.state(), await moved());
});

test('an instance that ends while its host moves keeps nobody waiting', async () => {
  await using world = await World.make();
  await world.begin();
  const doors = world.doors();
  const say = (line: string): void => {
    if (!line.startsWith('6/')) return;
    world.host.links.unplug(hostNetns, tapName(world.ports[1]!.id));
    world.ports = world.ports.map((p, i) => (i === 1 ? { ...p, status: 'DOWN' } : p));
  };
  await goOn({ ...doors, say });
  assert.equal((await readJournal(world.host.files, journal))?.finished, true);
});

test('a port that is not served in time stops the move, by its name and its reason', async () => {
  await using world = await World.make();
  await world.begin();
  const doors = world.doors();
  const say = (line: string): void => {
    if (line.startsWith('6/')) world.ports = world.ports.map((p, i) => (i === 1 ? { ...p, status: 'BUILD' } : p));
  };
  await assert.rejects(goOn({ ...doors, say }), /not all ports are served by Open vSwitch: tap00000002-aa is BUILD/);
  await goBack(world.doors()).catch(() => {});
  world.ports = world.ports.map(p => ({ ...p, status: 'ACTIVE' }));
  await goBack(world.doors());
  assert.equal(await readJournal(world.host.files, journal), undefined);
});

/** Kills the work at each thing that it does, and hands the world to `then`; answers how many things there were. */
async function everywhere(when: 'before' | 'after', work: typeof goOn, then: (world: World, at: number) => Promise<void>): Promise<number> {
  for (let at = 0; ; at++) {
    await using world = await World.make();
    await world.begin();
    if (work === goBack) await goOn(world.doors());
    const fate = new Fate(at, when);
    try {
      await work(world.doors(fate));
      return at;
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
    await then(world, at);
    assert.deepEqual(world.open, []);
  }
}

test('an agent whose start was under way when the move was killed does not come up after the way back', async () => {
  await using world = await World.make();
  await world.begin();
  const doors = world.doors();
  const start = async (kind: L2Kind): Promise<void> => {
    world.starting = kind;
    throw new Killed();
  };
  await assert.rejects(goOn({ ...doors, units: { ...doors.units, command: { ...doors.units.command!, start } } }), Killed);
  assert.equal(world.starting, 'openvswitch');
  await goBack(world.doors());
  assert.equal(world.starting, undefined);
  assert.deepEqual([...world.runs], ['linuxbridge']);
});

for (const when of ['before', 'after'] as const) {
  test(`killed ${when} each thing that is done, and gone on with`, async () => {
    const whole = await moved();
    const count = await everywhere(when, goOn, async (world, at) => {
      await goOn(world.doors());
      assert.deepEqual(await world.state(), whole, `killed ${when} ${at}`);
    });
    assert.ok(count >= 20, `${count}`);
  });

  test(`killed ${when} each thing that is done, and rolled back`, async () => {
    await using untouched = await World.make();
    const before = await settled(untouched);
    await everywhere(when, goOn, async (world, at) => {
      await goBack(world.doors());
      await world.pass();
      assert.deepEqual(back(await settled(world)), back(before), `killed ${when} ${at}`);
      assert.equal(await readJournal(world.host.files, journal), undefined);
    });
  });

  test(`a way back that is killed ${when} each thing it does is gone on with`, async () => {
    await using untouched = await World.make();
    const before = await settled(untouched);
    await everywhere(when, goBack, async (world, at) => {
      await goBack(world.doors());
      await world.pass();
      assert.deepEqual(back(await settled(world)), back(before), `killed ${when} ${at}`);
    });
  });
}

/** The device and the host’s address may be the agent's to put back into a bridge that it makes anew. */
function back(state: unknown): unknown {
  const { links, routes, ...rest } = state as {
    links: readonly (readonly [string, unknown, unknown, unknown])[];
    routes: readonly unknown[];
  };
  const anywhere = links.filter(([name]) => name !== 'eth1' && name !== bridgeName(flat));
  const held = links.filter(([name]) => name === 'eth1' || name === bridgeName(flat)).flatMap(([, , , cidrs]) => cidrs);
  const at = JSON.stringify(routes).replaceAll(bridgeName(flat), 'eth1');
  return { ...rest, links: anywhere, held, routes: at };
}
