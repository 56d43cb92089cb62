// The parent of a trunk as Weft itself plugs it on hosts with Open vSwitch: into the bridge of the trunk, by Weft's server and agents alone.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Body } from '../api/client.ts';
import { python } from './attack-world.ts';
import { noSandbox, noSwitch } from './need.ts';
import { bytes, eth, hex, sender, u16, udp4 } from './raw-frames.ts';
import { type Made, WeftWorld } from './weft-world.ts';

const listener = `
const socket = require('node:dgram').createSocket('udp4');
socket.on('message', text => console.log('heard ' + text));
socket.bind(5000, () => console.log('ready'));
`;
const words = (body: Body): Record<string, string> => body as Record<string, string>;

describe('the parent of a trunk, plugged by Weft', { skip: noSandbox() || noSwitch(), timeout: 240_000 }, () => {
  let world: WeftWorld;
  let networks: Made[];

  before(async () => {
    world = await WeftWorld.open({ hosts: 2, more: ['--switch', 'openvswitch'] });
    networks = [];
    for (const name of ['front', 'inner']) {
      const network = await world.create(world.member, 'network', { name });
      await world.create(world.member, 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.9.0.0/24', enable_dhcp: false });
      networks.push(network);
    }
  });
  after(() => world?.[Symbol.asyncDispose]());

  const port = (network: Made | undefined): Promise<Made> =>
    world.create(world.member, 'port', { network_id: network?.id, port_security_enabled: true });
  const addressOf = (made: Made): string => words((made.fixed_ips as Body[])[0]!)['ip_address']!;
  const bridges = async (): Promise<string> => world.host('h1', 'ovs-vsctl', 'list-br');

  test('by weft plug and as an instance: all is ACTIVE, a tagged frame is in the subport’s network, and the bridge goes with the instance', async () => {
    const [front, inner] = networks;
    const [parent, sub, target] = [await port(front), await port(inner), await port(inner)];
    const sub_ports = [{ port_id: sub.id, segmentation_type: 'vlan', segmentation_id: 100 }];
    const trunk = await world.create(world.member, 'trunk', { port_id: parent.id, sub_ports });
    // The instance that listens lets in what comes.
    const group = await world.create(world.member, 'security_group', { name: 'open' });
    await world.create(world.member, 'security_group_rule', { security_group_id: group.id, direction: 'ingress', ethertype: 'IPv4' });
    await world.member.put(`/ports/${target.id}`, { port: { security_groups: [group.id] } });
    const there = await world.instance({ name: 'there', host: 'h2', port: target.id });
    await world.host('h1', 'ip', 'netns', 'add', 'lab');
    const done = await world.weft(['plug', parent.id], ['--netns', 'lab', '--host', 'h1']);
    assert.equal(done.code, 0, done.stderr);
    const shown = async (path: string, key: string): Promise<Body> => ((await world.member.get(path)) as Record<string, Body>)[key]!;
    for (const [path, key] of [
      [`/trunks/${trunk.id}`, 'trunk'],
      [`/ports/${parent.id}`, 'port'],
      [`/ports/${sub.id}`, 'port'],
    ] as const)
      await world.until(`${key} is ACTIVE`, async () => (await shown(path, key))['status'] === 'ACTIVE', 60_000);
    assert.match(await bridges(), new RegExp(`^tbr-${trunk.id.slice(0, 10)}$`, 'm'));
    const heard = world.spawn(there, [process.execPath, '-e', listener]);
    await world.until('it listens', () => heard.output().includes('ready'));
    const packet = (text: string): number[] => udp4(addressOf(sub), addressOf(target), 5000, 5000, text);
    const frame = (tag: number, text: string): string =>
      hex(eth(words(target)['mac_address']!, words(sub)['mac_address']!, 0x8100, bytes(u16(tag), u16(0x0800), packet(text))));
    await world.until('the tagged frame arrives', async () => {
      const frames = [frame(101, 'another tag'), frame(100, 'its tag')].join(',');
      await world.host('h1', 'ip', 'netns', 'exec', 'lab', python, '-c', sender, 'eth0', frames);
      return heard.output().includes('heard its tag');
    });
    assert.doesNotMatch(heard.output(), /another/);
    heard.kill();
    // The same by an instance, on a trunk of its own.
    const second = await port(front);
    const other = await world.create(world.member, 'trunk', { port_id: second.id, sub_ports: [] });
    const vm = await world.instance({ name: 'parent', host: 'h1', port: second.id });
    assert.match(await bridges(), new RegExp(`^tbr-${other.id.slice(0, 10)}$`, 'm'));
    const ends = await world.host('h1', 'ovs-vsctl', 'get', 'Port', `tpi-${second.id.slice(0, 11)}`, 'tag');
    assert.match(ends.trim(), /^\d+$/);
    assert.notEqual(ends.trim(), '4095');
    await world.deleteInstance(vm);
    await world.until('its bridge is gone', async () => !(await bridges()).includes(`tbr-${other.id.slice(0, 10)}`), 60_000);
  });
});
