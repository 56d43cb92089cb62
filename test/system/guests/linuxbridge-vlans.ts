// In a guest whose kernel has 8021q: VLAN networks on Linux bridges, beside a flat one, between two hosts on one wire. All networks have the same
// addresses and MACs.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Dict } from '../../../src/agent/l2/fake-server.suite.ts';
import { type Capture, capture } from '../captures.ts';
import { BridgeWorld, type Instance } from '../linuxbridge-world.ts';
import { eth, hex } from '../raw-frames.ts';
import { serve, talk } from './talk.ts';

const tags = { red: 100, blue: 101, plain: undefined } as const;
type Name = keyof typeof tags;
const names = Object.keys(tags) as Name[];

/** Two on h1, the second of which is not guarded; one on h2. */
interface Net {
  readonly bridge: string;
  readonly near: Instance;
  readonly open: Instance;
  readonly far: Instance;
}

const rules: Dict[] = ['IPv4', 'IPv6'].flatMap(ethertype => ['egress', 'ingress'].map(direction => ({ direction, ethertype })));

describe('Linux bridges in a guest', { concurrency: 1 }, () => {
  let world: BridgeWorld;
  const nets = new Map<Name, Net>();
  const net = (name: Name): Net => nets.get(name)!;
  const config = { interfaceMappings: { public: 'eth1' } };

  before(async () => {
    world = await BridgeWorld.open(2);
    const open = world.server.group(1, rules);
    await Promise.all(['h1', 'h2'].map(host => world.agent(host, config)));
    for (const [i, name] of names.entries()) {
      const segment = tags[name];
      const type = segment === undefined ? 'flat' : 'vlan';
      const network = world.server.network(i + 1, { type, physical: 'public', mtu: 1500, ...(segment === undefined ? {} : { segment }) });
      const make = async (host: string, n: number, security: boolean): Promise<Instance> => {
        const addresses = { mac: `fa:16:3e:00:00:0${n}`, ips: [`10.0.0.${n}`, `fd00::${n}`] };
        const port = world.server.port(10 * (i + 1) + n, network, { ...addresses, host, security, groups: security ? [open] : [] });
        const vm = await world.instance(host, port);
        serve(world, vm);
        return vm;
      };
      const [near, unguarded, far] = [await make('h1', 1, true), await make('h1', 2, false), await make('h2', 3, true)];
      await world.active(near.port, unguarded.port, far.port);
      nets.set(name, { bridge: `brq${network.id.slice(0, 11)}`, near, open: unguarded, far });
    }
  });
  after(() => world?.[Symbol.asyncDispose]());

  const links = async (host: string): Promise<readonly { ifname: string; master?: string; linkinfo?: { info_data?: { id?: number } } }[]> =>
    JSON.parse(await world.on(host, 'ip', '-j', '-d', 'link'));

  for (const name of names)
    test(`${name === 'plain' ? 'flat beside VLANs' : `VLAN ${tags[name]}`}: ping and TCP on one host and between hosts, IPv4 and IPv6`, async () => {
      const { near, open, far } = net(name);
      await talk(world, near, open);
      await talk(world, near, far);
      await talk(world, far, near);
    });

  test('a VLAN is a device of the interface in the bridge of its network', async () => {
    for (const host of ['h1', 'h2']) {
      const found = await links(host);
      for (const name of names) {
        const tag = tags[name];
        const uplink = found.find(l => l.ifname === (tag === undefined ? 'eth1' : `eth1.${tag}`));
        assert.equal(uplink?.master, net(name).bridge);
        assert.equal(uplink?.linkinfo?.info_data?.id, tag);
      }
    }
  });

  test('the MTU of the network passes between hosts, and no more', async () => {
    const { near, far } = net('red');
    const passes = async (bytes: number): Promise<boolean> =>
      (await world.tryInside(near, 'ping', '-n', '-c1', '-W2', '-M', 'do', '-s', String(bytes - 28), far.port.ips[0]!)).code === 0;
    assert.ok(await passes(1500));
    await world.inside(near, 'ip', 'link', 'set', 'eth0', 'mtu', '1600');
    // The kernel leaves room for a tag.
    assert.equal(await passes(1505), false);
    assert.ok(await passes(1500));
    await world.inside(near, 'ip', 'link', 'set', 'eth0', 'mtu', '1500');
  });

  test('frames to everybody are heard in their network alone, and have its tag on the wire', async () => {
    const heard = new Map<Name, Capture>();
    for (const name of names) {
      const { far } = net(name);
      heard.set(name, await capture(argv => world.spawn(far, argv), 'eth0', join(world.folder, `${name}.pcap`)));
    }
    const wire = await capture(argv => world.start('h1', argv), 'eth1', join(world.folder, 'wire.pcap'));
    const mark = (name: Name): string => `to everybody of ${name};`;
    const sender = join(import.meta.dirname, '../programs/attack-sender.py');
    for (const name of names) {
      const frame = eth('ff:ff:ff:ff:ff:ff', net(name).open.port.mac, 0x88b5, [...Buffer.from(mark(name).padEnd(60))]);
      await world.inside(net(name).open, 'python3', sender, 'eth0', '0.05', hex(frame));
    }
    const has = (name: Name, text: string): boolean =>
      heard
        .get(name)!
        .frames()
        .some(frame => frame.includes(text));
    const onWire = (name: Name): Buffer[] => wire.frames().filter(frame => frame.includes(mark(name)));
    await world.until('all are heard', async () => names.every(name => has(name, mark(name)) && onWire(name).length > 0));
    for (const name of names) {
      assert.deepEqual(
        names.filter(other => has(name, mark(other))),
        [name],
      );
      const found = new Set(onWire(name).map(frame => (frame.readUInt16BE(12) === 0x8100 ? frame.readUInt16BE(14) & 0xfff : undefined)));
      assert.deepEqual([...found], [tags[name]]);
    }
  });

  test('an agent that begins again touches nothing', async () => {
    // Without the timers of the bridges.
    const brief = (): Promise<string> => world.on('h1', 'ip', '-o', 'link');
    const was = await brief();
    world.kill('h1');
    await world.agent('h1', config);
    assert.equal(await brief(), was);
    for (const name of names) await talk(world, net(name).far, net(name).near);
  });

  test('the last port takes the device along, and the others stay', async () => {
    const { near, open, bridge } = net('red');
    for (const vm of [near, open]) {
      world.server.ports.delete(vm.port.id);
      await world.unplug(vm);
    }
    await world.until('the device is gone', async () => !(await links('h1')).some(l => l.ifname === 'eth1.100' || l.ifname === bridge));
    for (const name of ['blue', 'plain'] as const) await talk(world, net(name).near, net(name).far);
  });
});
