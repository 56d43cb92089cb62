// Debian's Open vSwitch agents on Weft's server: a trunk whose subport's frames carry a VLAN tag, and limits of bandwidth. Two hosts, Open vSwitch in
// user space. Kernels without VLAN devices see tags all the same: frames go and come by raw sockets.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Job } from '../system/job.ts';
import { bytes, eth, hex, sender, sniffer, u16, udp4 } from '../system/raw-frames.ts';
import type { Instance } from './agents/instances.ts';
import { complaints } from './agents/logs.ts';
import { noAgents, patience } from './agents/needs.ts';
import type { Made } from './agents/server.ts';
import { World } from './agents/world.ts';

const port = 5000;
const listener = `
const socket = require('node:dgram').createSocket('udp4');
socket.on('message', text => console.log('heard ' + text));
socket.bind(${port}, () => console.log('ready'));
`;
const size = 1_000_000;
const sink = `
require('node:net').createServer(socket => {
  let count = 0;
  socket.on('data', data => { count += data.length; if (count === ${size}) socket.end('all'); }).on('error', () => {});
}).listen(${port}, () => console.log('ready'));
`;
/** Prints how many milliseconds it takes until all has arrived. */
const source = `
const began = performance.now();
const socket = require('node:net').connect(${port}, process.argv[1], () => socket.write(Buffer.alloc(${size})));
socket.on('data', () => { console.log(Math.round(performance.now() - began)); process.exit(0); });
socket.on('error', error => { console.error(error.message); process.exit(1); });
`;

describe("a trunk and limits of bandwidth by Neutron's Open vSwitch agents", { skip: noAgents, timeout: 400_000 * patience }, () => {
  let world: World;
  let outer: Made;
  let inner: Made;
  let trunk: Made;
  let parent: Instance;
  let subport: Made;
  /** On the other host: in the network of the parent, and in the subport's. */
  let plain: Instance;
  let tagged: Instance;

  before(async () => {
    world = await World.open({ kinds: ['openvswitch', 'openvswitch'], agents: {}, server: { DEFAULT: ['agent_down_time = 300'] } });
  });
  after(() => world?.[Symbol.asyncDispose]());

  const network = async (cidr: string): Promise<Made> => {
    const made = await world.server.make('networks', 'network', {});
    await world.server.make('subnets', 'subnet', { network_id: made.id, ip_version: 4, cidr, enable_dhcp: false });
    return made;
  };
  const addressOf = (made: Made): string => (made.fixed_ips as readonly { ip_address: string }[])[0]?.ip_address ?? assert.fail();
  const addressed = async (vm: Instance): Promise<Instance> => {
    await world.inside(vm, 'ip', 'address', 'add', `${vm.address}/24`, 'dev', 'eth0');
    return vm;
  };
  const running = async (vm: Instance, script: string): Promise<Job> => {
    const job = world.spawnIn(vm)([process.execPath, '-e', script]);
    await world.until('it is ready', () => job.output().includes('ready'));
    return job;
  };
  /** From the subport to the instance in its network, as the parent's instance sends it. */
  const frame = (tag: number, text: string): string => {
    const packet = udp4(addressOf(subport), tagged.address, port, port, text);
    const [to, from] = [String(tagged.port.mac_address), String(subport.mac_address)];
    return hex(eth(to, from, 0x8100, bytes(u16(tag), u16(0x0800), packet)));
  };
  const send = (...frames: string[]): Promise<string> => world.inside(parent, 'python3', '-c', sender, 'eth0', frames.join(','));

  test('a trunk is wired: its bridge, its parent and its subport are ACTIVE', async () => {
    [outer, inner] = [await network('10.2.0.0/24'), await network('10.3.0.0/24')];
    const above = await world.server.make('ports', 'port', {
      network_id: outer.id,
      device_owner: 'compute:nova',
      device_id: crypto.randomUUID(),
    });
    subport = await world.server.make('ports', 'port', { network_id: inner.id });
    const sub_ports = [{ port_id: subport.id, segmentation_type: 'vlan', segmentation_id: 100 }];
    trunk = await world.server.make('trunks', 'trunk', { port_id: above.id, sub_ports });
    const bound = await world.server.set(`ports/${above.id}`, 'port', { 'binding:host_id': 'ovs1' });
    assert.equal((bound['binding:vif_details'] as { bridge_name?: string }).bridge_name, `tbr-${trunk.id}`.slice(0, 14));
    parent = await addressed(await world.plug(world.host('ovs1'), bound));
    plain = await addressed(await world.instance('ovs2', outer.id));
    tagged = await addressed(await world.instance('ovs2', inner.id));
    await world.active(above.id, subport.id, plain.port.id, tagged.port.id);
    await world.until('the trunk is ACTIVE', async () => (await world.server.list(`trunks?id=${trunk.id}`))[0]?.status === 'ACTIVE');
    const [made] = await world.server.list(`ports?id=${subport.id}`);
    assert.deepEqual([made?.device_owner, made?.['binding:host_id']], ['trunk:subport', 'ovs1']);
  });

  test("what carries the subport's tag is in the subport's network, both ways, and without a tag in the parent's", async () => {
    await world.reaches(parent, plain.address);
    const heard = await running(tagged, listener);
    await world.until('a tagged packet arrives', async () => {
      await send(frame(101, 'under another tag'), frame(100, 'under its tag'));
      return heard.output().includes('heard under its tag');
    });
    assert.doesNotMatch(heard.output(), /another/);
    heard.kill();
    await heard.done;
    const seen = world.spawnIn(parent)(['python3', '-c', sniffer, 'eth0']);
    await world.until('it listens', () => seen.output().includes('listening'));
    const [mac, address] = [String(subport.mac_address), addressOf(subport)];
    await world.inside(tagged, 'ip', 'neighbour', 'replace', address, 'lladdr', mac, 'dev', 'eth0', 'nud', 'permanent');
    const answer = `require('node:dgram').createSocket('udp4').send('an answer', ${port}, '${address}', error => process.exit(error ? 1 : 0));`;
    const back = `${mac.replaceAll(':', '')}${String(tagged.port.mac_address).replaceAll(':', '')}81000064`;
    await world.until('the answer arrives under the tag', async () => {
      await world.inside(tagged, process.execPath, '-e', answer);
      return seen
        .output()
        .split('\n')
        .some(line => line.startsWith(back) && line.includes(Buffer.from('an answer').toString('hex')));
    });
  });

  test('a subport that is taken away is cut off, the parent is not, and it can come back', async () => {
    const heard = await running(tagged, listener);
    const changed = async (what: 'add_subports' | 'remove_subports', status: string): Promise<void> => {
      await world.server.admin.put(`/trunks/${trunk.id}/${what}`, {
        sub_ports: [what === 'add_subports' ? wanted : { port_id: subport.id }],
      });
      await world.until(`the subport is ${status}`, async () => (await world.server.list(`ports?id=${subport.id}`))[0]?.status === status);
    };
    const wanted = { port_id: subport.id, segmentation_type: 'vlan', segmentation_id: 100 };
    await changed('remove_subports', 'DOWN');
    await send(frame(100, 'too late'));
    await world.reaches(parent, plain.address);
    await changed('add_subports', 'ACTIVE');
    await world.until('a tagged packet arrives again', async () => {
      await send(frame(100, 'again'));
      return heard.output().includes('heard again');
    });
    assert.doesNotMatch(heard.output(), /too late/);
  });

  test('a limit towards an instance holds, changes and goes; one from it is in the switch', async () => {
    const near = await addressed(await world.instance('ovs1', outer.id));
    await world.active(near.port.id);
    await world.reaches(near, plain.address);
    await running(plain, sink);
    const took = async (): Promise<number> => Number(await world.inside(near, process.execPath, '-e', source, plain.address));
    const limit = (await world.server.make('qos/policies', 'policy', {})).id;
    const rules = `qos/policies/${limit}/bandwidth_limit_rules`;
    const rule = await world.server.make(rules, 'bandwidth_limit_rule', { max_kbps: 2000, max_burst_kbps: 200, direction: 'ingress' });
    const policed = async (): Promise<string> =>
      (await world.lab.on('ovs2', 'ovs-vsctl', 'get', 'Interface', plain.tap, 'ingress_policing_rate')).trim();
    // Eight million bits at two million a second.
    const held = async (): Promise<boolean> => (await took()) > 3000;
    await world.until('it is fast', async () => !(await held()));
    await world.server.set(`ports/${plain.port.id}`, 'port', { qos_policy_id: limit });
    await world.until('it is held', held);
    assert.equal(await policed(), '0');
    await world.server.set(`${rules}/${rule.id}`, 'bandwidth_limit_rule', { max_kbps: 100_000, max_burst_kbps: 10_000 });
    await world.until('it is fast by a higher limit', async () => !(await held()));
    await world.server.make(rules, 'bandwidth_limit_rule', { max_kbps: 3000, direction: 'egress' });
    await world.until('the limit from it', async () => (await policed()) === '3000');
    await world.server.set(`ports/${plain.port.id}`, 'port', { qos_policy_id: null });
    await world.until('no limit', async () => (await policed()) === '0');
    assert.ok(!(await held()));
  });

  test('agents had no trouble', () => {
    assert.deepEqual(complaints(world, []), []);
  });
});
