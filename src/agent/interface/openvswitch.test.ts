// The driver for Open vSwitch on a simulated host: what it makes, what it keeps, and what it makes again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SimHost, simHost } from '../../adapters/host/sim-host.ts';
import type { OvsdbSession, OvsPort, WantedPort } from '../../contracts/host/ovsdb.ts';
import type { PortDevice, Problem, Verdict } from './driver.ts';
import { openInterfaceDriver } from './open.ts';
import { OpenvswitchDriver } from './openvswitch.ts';

const CONNECTION = 'unix:/run/openvswitch/db.sock';
const NETNS = 'qrouter-1';
const qr: PortDevice = {
  portId: '0f1a2b3c-4d5e-4f60-8a7b-9c0d1e2f3a4b',
  netns: NETNS,
  name: 'qr-0f1a2b3c-4d',
  mac: 'fa:16:3e:00:00:01',
  mtu: 1450,
};
const KEY = '0f1a2b3c-4d';
const TAP = `tap${KEY}`;

class World implements AsyncDisposable {
  readonly host: SimHost = simHost();
  readonly others: OvsdbSession = this.host.ovsdb.open({ connection: CONNECTION });
  readonly driver: OpenvswitchDriver;
  readonly heard: string[] = [];
  private readonly watch: AsyncDisposable;

  private constructor(useVeth: boolean, timeoutMs: number) {
    this.host.processes.program('ethtool', () => ({ code: 0 }));
    const driver = openInterfaceDriver(this.host, {
      kind: 'openvswitch',
      bridge: 'br-int',
      useVeth,
      datapathType: 'netdev',
      connection: CONNECTION,
      timeoutMs,
    });
    assert.ok(driver instanceof OpenvswitchDriver);
    this.driver = driver;
    this.watch = driver.watch({ lost: key => this.heard.push(key), changed: () => {} });
  }

  /** The time is a real one, and what a switch that is away costs. */
  static async open({ useVeth = false, bridge = true, timeoutMs = 10_000 } = {}): Promise<World> {
    const world = new World(useVeth, timeoutMs);
    await world.host.links.addNamespace(NETNS);
    if (bridge) await world.addBridge();
    await settle();
    world.heard.length = 0;
    return world;
  }

  async addBridge(): Promise<void> {
    await this.others.apply({ bridges: { 'br-int': { datapath_type: 'netdev' } } });
  }

  link(name: string, netns = NETNS) {
    return this.host.links.nets.get(netns)?.link(name);
  }

  port(name: string): OvsPort | undefined {
    return this.host.ovsdb.now().port(name);
  }

  async judge(device = qr): Promise<Verdict['kind']> {
    const inside = (await this.host.links.list(device.netns)).find(l => l.name === device.name);
    return (await this.driver.look()).judge(device, inside).kind;
  }

  /** As an agent does: nothing where it is whole; then its end up. */
  async bring(device = qr): Promise<readonly Problem[]> {
    const kind = await this.judge(device);
    assert.notEqual(kind, 'refused');
    if (kind === 'whole' || kind === 'refused') return [];
    const problems = await this.driver.plug([{ device, verdict: { kind } }]);
    await this.host.links.apply(device.netns, [{ do: 'set-link', name: device.name, up: true }]);
    return problems;
  }

  /** As the L2 agent does. */
  wire(name: string): Promise<unknown> {
    const port: WantedPort = { make: false, tag: 3, vlan_mode: null, trunks: [] };
    return this.others.apply({ bridges: { 'br-int': { make: false, ports: { [name]: port } } } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watch[Symbol.asyncDispose]();
    await this.driver[Symbol.asyncDispose]();
    await this.others[Symbol.asyncDispose]();
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 40; i++) await new Promise(resolve => setImmediate(resolve));
}

test('a port of the switch, dead from its first moment, whose device is in the namespace', async () => {
  await using w = await World.open();
  const dead: string[] = [];
  w.host.ovsdb.server.onCommit(() => {
    const port = w.port(qr.name);
    if (port) dead.push(`${port.tag} ${port.vlan_mode} ${port.trunks}`);
  });
  assert.deepEqual(await w.bring(), []);
  assert.deepEqual([...new Set(dead)], ['4095 trunk 4095']);
  assert.deepEqual(w.port(qr.name)?.interfaces[0]?.external_ids, {
    'attached-mac': qr.mac,
    'iface-id': qr.portId,
    'iface-status': 'active',
  });
  assert.equal(w.port(qr.name)?.interfaces[0]?.type, 'internal');
  assert.deepEqual([w.link(qr.name)?.kind, w.link(qr.name)?.mac], ['tun', qr.mac]);
  assert.equal(w.link(qr.name, ''), undefined);
  assert.equal(await w.judge(), 'whole');
  assert.equal((await w.driver.look()).wired(qr), false);
  await w.wire(qr.name);
  assert.equal((await w.driver.look()).wired(qr), true);
  assert.deepEqual(w.heard, [], 'of its own doing nothing is told');
});

test('ports that another made are kept: by name, owner and kind; what they do not say is written', async () => {
  await using w = await World.open();
  const port = { tag: 7, interface: { type: 'internal', external_ids: { 'iface-id': qr.portId, 'attached-mac': qr.mac } } };
  await w.others.apply({ bridges: { 'br-int': { make: false, ports: { [qr.name]: port } } } });
  await w.host.links.apply('', [{ do: 'set-link', name: qr.name, netns: NETNS, mac: qr.mac, up: true }]);
  const row = w.port(qr.name)?._uuid;
  assert.equal(await w.judge(), 'adjust');
  assert.deepEqual(await w.bring(), []);
  assert.equal(await w.judge(), 'whole');
  assert.deepEqual([w.port(qr.name)?._uuid, w.port(qr.name)?.tag], [row, 7]);
});

test('the switch ends and begins again: its new device replaces the dead one, and the port stays wired', async () => {
  await using w = await World.open({ timeoutMs: 3000 });
  await w.bring();
  await w.wire(qr.name);
  const row = w.port(qr.name)?._uuid;
  w.host.ovsdb.stopSwitch();
  await settle();
  assert.equal(w.link(qr.name)?.abandoned, true);
  const [problem] = await w.bring();
  assert.match(problem?.what ?? '', /ovs-vswitchd does not answer/);
  assert.ok(w.link(qr.name), 'nothing was taken away that could not be made again');
  w.host.ovsdb.startSwitch();
  await settle();
  assert.deepEqual([...new Set(w.heard)], [KEY]);
  assert.deepEqual(await w.bring(), []);
  assert.equal(await w.judge(), 'whole');
  assert.equal(w.link(qr.name)?.abandoned, undefined);
  assert.deepEqual([w.link(qr.name)?.mac, w.link(qr.name, '')], [qr.mac, undefined]);
  assert.deepEqual([w.port(qr.name)?._uuid, w.port(qr.name)?.tag], [row, 3]);
});

test('a device that was lost under the switch: the port is made anew', async () => {
  await using w = await World.open();
  await w.bring();
  await w.wire(qr.name);
  const row = w.port(qr.name)?._uuid;
  await w.host.links.delNamespace(NETNS);
  await w.host.links.addNamespace(NETNS);
  assert.deepEqual(await w.bring(), []);
  assert.equal(await w.judge(), 'whole');
  assert.notEqual(w.port(qr.name)?._uuid, row);
  assert.equal(w.port(qr.name)?.tag, 4095);
});

test('a port that somebody takes away is told of, and comes again', async () => {
  await using w = await World.open();
  await w.bring();
  await w.others.apply({ bridges: { 'br-int': { make: false, ports: { [qr.name]: null } } } });
  await settle();
  assert.deepEqual(w.heard, [KEY]);
  assert.equal(await w.judge(), 'anew');
  assert.deepEqual(await w.bring(), []);
  assert.equal(await w.judge(), 'whole');
});

test('what another driver made goes: pairs of Linux bridges, and pairs in the place of devices of the switch', async () => {
  for (const useVeth of [false, true]) {
    await using w = await World.open({ useVeth });
    const pair = { kind: 'veth', name: TAP, peer: `ns-${KEY}`, peerNetns: NETNS } as const;
    await w.host.links.apply('', [{ do: 'add-link', link: pair }]);
    const dhcp = { ...qr, name: useVeth ? `ns-${KEY}` : TAP };
    assert.deepEqual(await w.bring(dhcp), []);
    assert.equal(await w.judge(dhcp), 'whole');
    assert.deepEqual((await w.host.links.list(NETNS)).map(l => [l.name, l.kind]).slice(1), [[dhcp.name, useVeth ? 'veth' : 'tun']]);
    assert.equal(w.port(TAP)?.interfaces[0]?.type, useVeth ? '' : 'internal');
  }
});

test('pairs whose outer end is a port of the bridge already, as a host has them that came from Linux bridges', async () => {
  for (const [name, peer] of [
    [qr.name, qr.name],
    [TAP, `ns-${KEY}`],
  ] as const) {
    await using w = await World.open();
    await w.host.links.apply('', [{ do: 'add-link', link: { kind: 'veth', name: TAP, peer, peerNetns: NETNS, peerMac: qr.mac } }]);
    const ids = { 'iface-id': qr.portId, 'attached-mac': qr.mac, 'iface-status': 'active' };
    await w.others.apply({ bridges: { 'br-int': { make: false, ports: { [TAP]: { tag: 3, interface: { external_ids: ids } } } } } });
    const device = { ...qr, name };
    assert.deepEqual(await w.bring(device), []);
    assert.equal(await w.judge(device), 'whole');
    const ports = [...(w.host.ovsdb.now().bridges.get('br-int')?.ports.values() ?? [])].filter(p => p.name !== 'br-int');
    assert.deepEqual(
      ports.map(p => [p.name, p.interfaces[0]?.type]),
      [[name, 'internal']],
      'and no twin',
    );
    assert.equal(w.link(TAP, ''), undefined);
    assert.deepEqual([...w.host.links.nets.get(NETNS)!.links.keys()], ['lo', name]);
  }
});

test('pairs: the outer end is the port; a switch that begins again loses nothing', async () => {
  await using w = await World.open({ useVeth: true });
  assert.equal(w.driver.dhcpPrefix, 'ns-');
  const internal = { interface: { type: 'internal', external_ids: { 'iface-id': qr.portId } } };
  await w.others.apply({ bridges: { 'br-int': { make: false, ports: { [qr.name]: internal } } } });
  assert.deepEqual(await w.bring(), []);
  assert.equal(w.port(qr.name), undefined, 'the port that it had without pairs');
  assert.deepEqual([w.port(TAP)?.tag, w.link(TAP, '')?.mtu, w.link(TAP, '')?.up, w.link(qr.name)?.kind], [4095, 1450, true, 'veth']);
  w.host.ovsdb.stopSwitch();
  w.host.ovsdb.startSwitch();
  await settle();
  assert.equal(await w.judge(), 'whole');
  assert.equal(await w.judge({ ...qr, mtu: 1400 }), 'adjust');
  assert.deepEqual(await w.bring({ ...qr, mtu: 1400 }), []);
  assert.equal(w.link(TAP, '')?.mtu, 1400);
  await w.driver.unplug(NETNS, [qr.name]);
  assert.deepEqual([w.port(TAP), w.link(TAP, ''), w.link(qr.name)], [undefined, undefined, undefined]);
});

test('no bridge yet: it is said, and told when the bridge comes', async () => {
  await using w = await World.open({ bridge: false });
  await w.others.apply({ root: { external_ids: { hostname: 'h1' } } });
  const [problem] = await w.bring();
  assert.match(problem?.what ?? '', /there is no bridge br-int/);
  w.heard.length = 0;
  await w.addBridge();
  await settle();
  assert.deepEqual(w.heard, [KEY]);
  assert.deepEqual(await w.bring(), []);
});

test('whatever step is the last one before a crash, the next attempt makes it whole', async () => {
  for (const [what, name] of [
    ['set-link', qr.name],
    ['del-link', qr.name],
  ] as const) {
    await using w = await World.open();
    if (what === 'del-link') {
      await w.host.links.apply('', [{ do: 'add-link', link: { kind: 'veth', name: TAP, peer: qr.name, peerNetns: NETNS } }]);
    }
    w.host.links.failNext(what, { name });
    const crashed = await w.bring().then(
      problems => problems.length > 0,
      () => true,
    );
    assert.ok(crashed, what);
    assert.deepEqual(await w.bring(), [], what);
    assert.equal(await w.judge(), 'whole', what);
  }
});

test('unplugged: port and device are gone, also when the switch is away, and once more', async () => {
  await using w = await World.open({ timeoutMs: 3000 });
  await w.bring();
  await w.driver.unplug(NETNS, [qr.name]);
  assert.deepEqual([w.port(qr.name), w.link(qr.name)], [undefined, undefined]);
  await w.driver.unplug(NETNS, [qr.name]);
  await w.bring();
  w.host.ovsdb.stopSwitch();
  await w.driver.unplug(NETNS, [qr.name]);
  assert.deepEqual([w.port(qr.name), w.link(qr.name)], [undefined, undefined]);
});

test('a port of the same name of another owner is not taken for ours, and one that is named by chance stays', async () => {
  await using w = await World.open();
  const port = (id: string): WantedPort => ({ interface: { type: 'internal', external_ids: { 'iface-id': id } } });
  const foreign = `qr-${KEY.slice(0, -1)}e`;
  const ports = { [qr.name]: port('7f1a2b3c-4d5e-4f60-8a7b-9c0d1e2f3a4b'), [foreign]: port(qr.portId) };
  await w.others.apply({ bridges: { 'br-int': { make: false, ports } } });
  assert.deepEqual(await w.bring(), []);
  assert.equal(w.port(qr.name)?.interfaces[0]?.external_ids['iface-id'], qr.portId);
  assert.ok(w.port(foreign));
});
