// Every type of network on every switch that has it, in both families, on one host and between hosts, also between Linux bridges and Open vSwitch.
// All networks have the same addresses and MACs, and all that have a number the same one: who answers is who was meant.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { patience } from '../interop/agents/needs.ts';
import { type Capture, capture } from './captures.ts';
import { Cells, hostsOf, kinds } from './matrix-cells.ts';
import { families, isTunnel, MatrixWorld, type Member, segment, typesOf } from './matrix-world.ts';
import { noSandbox, noSwitch } from './need.ts';
import { eth, hex, u16 } from './raw-frames.ts';

describe('the matrix of layer 2', { skip: noSandbox() || noSwitch(), timeout: 590_000 * patience, concurrency: 1 }, () => {
  let world: MatrixWorld;
  const cells = new Cells(typesOf.openvswitch);

  before(async () => {
    world = await MatrixWorld.open(4);
    await cells.open(world);
  });
  after(() => world?.[Symbol.asyncDispose]());

  cells.declare(() => world);

  test('the MTUs are those of an underlay of 1500 bytes', () => {
    const found = Object.fromEntries(typesOf.openvswitch.map(type => [type, world.mtu(type)]));
    assert.deepEqual(found, { local: 1500, flat: 1500, vlan: 1500, vxlan: 1450, gre: 1458, geneve: 1450 });
  });

  test('Linux bridges have no GRE and no Geneve: a port there is not bound', async () => {
    for (const type of ['gre', 'geneve', 'vxlan']) {
      const port = await world.port('lb1', world.networks.get(type)!);
      assert.equal(port['binding:vif_type'], type === 'vxlan' ? 'bridge' : 'binding_failed');
      await world.server.admin.delete(`/ports/${port.id}`);
    }
  });

  test('an address that one network has is reached from there, and from no other', async () => {
    const lone = await world.instance('ovs4', 'geneve', { fixed_ips: [{ ip_address: '10.5.0.99' }, { ip_address: 'fd00:5::99' }] });
    await world.active(lone.port.id);
    for (const family of families) {
      await world.talks(cells.trio('openvswitch', 'geneve').one, lone, family);
      const others = cells.all.filter(vm => vm.type !== 'geneve');
      const reached = await Promise.all(others.map(vm => world.pings(vm, lone.addresses[family])));
      assert.deepEqual(reached.filter(Boolean), []);
      await world.talks(cells.trio('openvswitch', 'geneve').one, lone, family);
    }
  });

  describe('frames to everybody and to nobody', () => {
    const open = new Map<string, { vm: Member; heard: Capture }>();
    const guarded = new Map<string, Capture>();
    let wires: Record<'under' | 'public', Capture>;

    const listen = (vm: Member): Promise<Capture> => capture(world.spawnIn(vm), 'eth0', join(world.folder, `${vm.ns}.pcap`));

    /** Two a kind and type without port security: on two hosts, but where the network is one host's. */
    before(async () => {
      const place = async (kind: (typeof kinds)[number], type: string, n: 0 | 1): Promise<void> => {
        const vm = await world.instance(hostsOf[kind][type === 'local' ? 0 : n], type, {
          port_security_enabled: false,
          security_groups: [],
        });
        open.set(`${kind} ${type} ${n}`, { vm, heard: await listen(vm) });
        if (n === 0) guarded.set(`${kind} ${type}`, await listen(cells.trio(kind, type).one));
      };
      await Promise.all(
        kinds.map(async kind => {
          for (const type of typesOf[kind]) for (const n of [0, 1] as const) await place(kind, type, n);
        }),
      );
      await world.active(...[...open.values()].map(({ vm }) => vm.port.id));
      const onWire = (bridge: string) => capture(argv => world.lab.spawn('wire', argv), bridge, join(world.folder, `${bridge}.pcap`));
      wires = { under: await onWire('under'), public: await onWire('public') };
    });

    /** The lowest bit of the first byte is not set: no group. */
    const nobody = 'fa:16:3e:ff:ff:fe';
    const everybody = 'ff:ff:ff:ff:ff:ff';
    const mark = (from: string, to: string): string => `${from} to ${to};`;
    /** With the tag of another network: it may be lost, and must not go astray. */
    const hop = (from: string): string => `${from} with a tag;`;
    const marks = (from: string): string[] => [mark(from, nobody), mark(from, everybody)];
    const has = (frames: readonly Buffer[], text: string): boolean => frames.some(frame => frame.includes(text));

    /** Who should hear it: another port of the network, on the same host where the network is one host's. */
    const hears = (from: string, to: string): boolean => {
      const [a = '', type = ''] = from.split(' ');
      const [b = '', there = ''] = to.split(' ');
      return from !== to && type === there && (type !== 'local' || a === b);
    };
    const strangers = (to: string, frames: readonly Buffer[]): string[] =>
      [...open.keys()].filter(from => from !== to && !hears(from, to) && [...marks(from), hop(from)].some(text => has(frames, text)));

    test('are heard by everybody in their network, and by nobody in another', async () => {
      for (const [name, { vm }] of open) {
        const mac = String(vm.port['mac_address']);
        const payload = (text: string): number[] => [...Buffer.from(text.padEnd(60))];
        const tagged = eth(everybody, mac, 0x8100, [...u16(segment), ...u16(0x88b5), ...payload(hop(name))]);
        const frames = [tagged, ...[nobody, everybody].map(to => eth(to, mac, 0x88b5, payload(mark(name, to))))];
        const sender = join(import.meta.dirname, 'programs/attack-sender.py');
        await world.inside(vm, 'python3', sender, 'eth0', '0.02', frames.map(hex).join(','));
      }
      const expected = [...open.keys()].flatMap(from => [...open.keys()].filter(to => hears(from, to)).map(to => [from, to] as const));
      await world.until('all frames are heard in their networks', () => {
        const missing = expected.filter(([from, to]) => !marks(from).every(text => has(open.get(to)!.heard.frames(), text)));
        return missing.length === 0;
      });
      for (const [to, { heard }] of open) assert.deepEqual(strangers(to, heard.frames()), [], `${to} hears these, too`);
      for (const [to, heard] of guarded) assert.deepEqual(strangers(to, heard.frames()), [], `${to}, guarded, hears these`);
    });

    test('are on the wires only as what their network is there', async () => {
      for (const name of open.keys()) {
        const [, type = ''] = name.split(' ');
        const [text = ''] = marks(name);
        const wire = isTunnel(type) ? wires.under : wires.public;
        if (type !== 'local') await world.until(`${name} is on a wire`, () => has(wire.frames(), text));
        const [under, onPublic] = [wires.under.frames(), wires.public.frames()];
        assert.equal(has(under, text), isTunnel(type), `${name} on the underlay`);
        assert.equal(has(onPublic, text), type === 'flat' || type === 'vlan', `${name} on the public wire`);
        if (type !== 'flat' && type !== 'vlan') continue;
        const tags = new Set(onPublic.filter(frame => frame.includes(text)).map(tagOf));
        assert.deepEqual([...tags], [type === 'vlan' ? segment : undefined], name);
      }
    });
  });
});

/** The VLAN of a frame with a tag. */
const tagOf = (frame: Buffer): number | undefined => (frame.readUInt16BE(12) === 0x8100 ? frame.readUInt16BE(14) & 0xfff : undefined);
