// Packets of logged ports on a real switch: what is accepted and what is dropped is told with Neutron's fields, to the limit and no further, what no
// log asks for is not, and neither logs nor what befalls switch and agent changes what passes.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Dict } from '../../src/agent/l2/fake-server.suite.ts';
import { type FakeLog, FakeLogs } from '../../src/agent/packet-log/fake-logs.suite.ts';
import { connect, connects, pings, serve } from './linuxbridge-traffic.ts';
import { BridgeWorld, type Instance } from './linuxbridge-world.ts';
import { noSandbox, noSwitch } from './need.ts';
import { startSwitch } from './openvswitch-host.ts';

const families = ['IPv4', 'IPv6'];
const out: Dict[] = families.map(ethertype => ({ direction: 'egress', ethertype }));
const tcp = (port: number): Dict[] =>
  families.map(ethertype => ({ direction: 'ingress', ethertype, protocol: 'tcp', port_range_min: port, port_range_max: port }));
const vlan = { type: 'vlan', segment: 101, physical: 'public' } as const;
const limit = { rate: 100, burst: 25 };
const skip = noSandbox() || noSwitch();

/** Some thousand datagrams within three seconds. */
const flooder = `
const s = require('node:dgram').createSocket('udp4');
let sent = 0;
const t = setInterval(() => { for (let n = 0; n < 50; n++) s.send('x', 9, process.argv[1], e => { if (!e) sent++; }); }, 10);
setTimeout(() => { clearInterval(t); console.log('sent ' + sent); s.close(); }, 3000);
`;

describe('packets of logged ports', { skip }, () => {
  let world: BridgeWorld;
  let logs: FakeLogs;
  let server: Instance;
  let near: Instance;
  let far: Instance;
  let file: string;
  let [web, other, plain]: [string, string, string] = ['', '', ''];

  const told = (...words: readonly string[]): string[] =>
    (existsSync(file) ? readFileSync(file, 'utf8') : '').split('\n').filter(line => line !== '' && words.every(w => line.includes(w)));
  /** Undefined while the bridge is not there. */
  const flowsNow = async (): Promise<string[] | undefined> => {
    const dump = await world.attempt('h1', 'ovs-ofctl', '-O', 'OpenFlow14', 'dump-flows', '--no-stats', 'br-int');
    return dump.code === 0 ? dump.stdout.split('\n').filter(f => f.includes('controller(')) : undefined;
  };
  const meters = async (): Promise<string> => world.on('h1', 'ovs-ofctl', '-O', 'OpenFlow14', 'dump-meters', 'br-int');
  const agent = (): Promise<void> => world.agent('h1', { packetLog: { ...limit, file } });
  const v4 = (vm: Instance): string => vm.port.ips[0] ?? '';
  const v6 = (vm: Instance): string => vm.port.ips[1] ?? '';
  const logged = async (count: number): Promise<void> =>
    world.until(`${count} flows of logs`, async () => (await flowsNow())?.length === count);

  before(async () => {
    world = await BridgeWorld.open(2, 'openvswitch');
    logs = await FakeLogs.open(world.server);
    file = join(world.folder, 'packets.log');
    web = world.server.group(1, [...out, ...tcp(8001)]);
    other = world.server.group(2, [...out, ...tcp(8002)]);
    plain = world.server.group(3, out);
    const groups = [[web, other], [plain], [plain, web]];
    const network = world.server.network(1, vlan);
    const ports = [1, 2, 3].map(n => world.server.port(n, network, { groups: groups[n - 1]!, host: n === 3 ? 'h2' : 'h1' }));
    [server, near, far] = (await Promise.all([
      world.instance('h1', ports[0]!),
      world.instance('h1', ports[1]!),
      world.instance('h2', ports[2]!),
    ])) as [Instance, Instance, Instance];
    await Promise.all([agent(), world.agent('h2')]);
    await world.active(...ports);
    for (const port of [8001, 8002, 8003]) await serve(world, server, port);
    await serve(world, far, 8001);
    await world.until('the server is reached', () => connects(world, far, v4(server), 8001));
  });
  after(() => world?.[Symbol.asyncDispose]());

  test('without a log nothing is told and no flow hands anything over', async () => {
    assert.deepEqual([await flowsNow(), told()], [[], []]);
  });

  test('ALL: a first packet that is accepted and each that is dropped, from here and from afar, of both families, with the fields of Neutron', async () => {
    const log = await logs.make(1, 'ALL', { [server.port.id]: [web, other] });
    await logged(3);
    const [held] = [await connect(world, far, v4(server), 8001)];
    for (const from of [near, far])
      for (const ip of [v4(server), v6(server)]) {
        assert.equal(await connects(world, from, ip, 8001), true);
        assert.equal(await connects(world, from, ip, 8003), false);
      }
    for (const from of [near, far])
      for (const ip of [v4(from), v6(from)]) {
        await world.until(`accepted from ${ip}`, async () => told('action=ACCEPT', `src='${ip}'`, 'dst_port=8001').length > 0);
        await world.until(`dropped from ${ip}`, async () => told('action=DROP', `src='${ip}'`, 'dst_port=8003').length > 0);
      }
    const form = new RegExp(
      `^\\S+ \\S+ \\d+ INFO \\S+ \\[-\\] action=ACCEPT project_id=${log.project} log_resource_ids=\\['${log.id}'\\] vm_port=${server.port.id} ` +
        `pkt=ethernet\\(dst='${server.port.mac}',ethertype=2048,src='${far.port.mac}'\\), ` +
        `ipv4\\(csum=\\d+,dst='${v4(server)}',flags=2,header_length=5,identification=\\d+,offset=0,option=None,proto=6,src='${v4(far)}',tos=\\d+,total_length=60,ttl=64,version=4\\), ` +
        'tcp\\(ack=0,bits=2,csum=\\d+,dst_port=8001,offset=10,option=\\[TCPOptionMaximumSegmentSize\\(kind=2,length=4,max_seg_size=\\d+\\), .*\\],seq=\\d+,src_port=\\d+,urgent=0,window_size=\\d+\\)$',
    );
    assert.match(told('action=ACCEPT', `src='${v4(far)}'`)[0] ?? '', form);
    assert.equal(told('ACCEPT', 'dst_port=8003').length + told('DROP', 'dst_port=8001').length, 0, 'nothing is told as what it was not');
    // Later packets of a connection are not told of: the first of the two to 8001 from afar goes on all the time.
    const before = told('action=ACCEPT', `src='${v4(far)}'`).length;
    assert.equal(await held.flows(), true);
    assert.deepEqual([before, told('action=ACCEPT', `src='${v4(far)}'`).length], [2, 2]);
    await logs.delete(log);
    await logged(0);
    held.job.kill();
  });

  test('what a port sends: it goes on, to a neighbour on its host as well as out of the host, and is told', async () => {
    const log = await logs.make(2, 'ACCEPT', { [near.port.id]: [plain] });
    await logged(2);
    for (const to of [server, far])
      for (const ip of [v4(to), v6(to)]) {
        assert.equal(await connects(world, near, ip, 8001), true);
        await world.until(`a connection to ${ip}`, async () => told(log.id, 'action=ACCEPT', `dst='${ip}'`, 'dst_port=8001').length === 1);
      }
    assert.equal(told(log.id, 'action=DROP').length, 0);
    await logs.delete(log);
    await logged(0);
  });

  test('a log of a group has what that group accepts, and not what another one of the port does', async () => {
    const ofWeb = await logs.make(3, 'ACCEPT', { [server.port.id]: [web] });
    const ofBoth = await logs.make(4, 'ACCEPT', { [server.port.id]: [web, other] });
    await logged(2);
    for (const port of [8001, 8002]) assert.equal(await connects(world, near, v4(server), port), true);
    await world.until(
      'both are told',
      async () => told(ofBoth.id, 'dst_port=8002').length > 0 && told(ofWeb.id, 'dst_port=8001').length > 0,
    );
    assert.deepEqual([told(ofWeb.id, 'dst_port=8002').length, told(ofBoth.id, 'dst_port=8001').length], [0, 1]);
    for (const log of [ofWeb, ofBoth]) await logs.delete(log);
    await logged(0);
  });

  test('logs come, change and go under connections: none of them is disturbed, and nothing that is denied passes', async () => {
    const open = await Promise.all([near, far].map(from => connect(world, from, v4(server), 8001)));
    const counted = world.spawn(far, ['ping', '-i', '0.02', '-c', '150', '-q', v4(near)]);
    const log = await logs.make(5, 'ALL', { [server.port.id]: [web, other], [near.port.id]: [web] });
    await logged(6);
    for (const event of ['DROP', 'ACCEPT', 'ALL'] as const) {
      log.event = event;
      await logs.changed(log);
      await logged(event === 'DROP' ? 2 : event === 'ACCEPT' ? 4 : 6);
      assert.equal(await connects(world, near, v4(server), 8003), false);
    }
    await logs.delete(log);
    await logged(0);
    for (const c of open) assert.equal(await c.flows(), true);
    for (const c of open) c.job.kill();
    assert.equal(await counted.done, 1, 'the pings that the rules deny are all lost');
    assert.match(counted.output(), /150 packets transmitted, 0 received/);
  });

  test('a flood is told to the limit, another port keeps its share, and the file may be moved away', async () => {
    const log = await logs.make(6, 'DROP', { [server.port.id]: [web], [near.port.id]: [web] });
    await logged(2);
    assert.match(await meters(), /meter=[45]\d{4} pktps burst bands=\ntype=drop rate=100 burst_size=25/);
    const moved = `${file}.1`;
    renameSync(file, moved);
    const began = performance.now();
    const flood = world.spawn(far, [process.execPath, '-e', flooder, v4(server)]);
    while (flood.child.exitCode === null && performance.now() - began < 20_000) await pings(world, far, v4(near));
    const seconds = (performance.now() - began) / 1000;
    const sent = Number(/^sent (\d+)/m.exec(flood.output())?.[1] ?? 0);
    const [ofServer, ofNear] = [server, near].map(vm => told(log.id, `vm_port=${vm.port.id}`).length) as [number, number];
    assert.ok(sent > 2000, `only ${sent} packets were sent`);
    assert.ok(ofServer >= 25 && ofServer + ofNear <= limit.burst * 3 + limit.rate * seconds, `${ofServer} and ${ofNear} in ${seconds} s`);
    assert.ok(ofNear >= 1, 'the other port is heard');
    assert.equal(told().length > 0 && readFileSync(moved, 'utf8').includes(log.id), false);
    await logs.delete(log);
    await logged(0);
    await world.until('the meters are gone', async () => !/meter=[45]\d{4} /.test(await meters()));
  });

  const befalls: Readonly<Record<string, () => Promise<void>>> = {
    'kill -9 of the agent': async () => {
      world.kill('h1');
      assert.equal(await connects(world, far, v4(server), 8001), true, 'without an agent');
      assert.equal(await connects(world, far, v4(server), 8003), false, 'without an agent');
      await agent();
    },
    'a restart of the switch': async () => {
      await world.on('h1', 'ovs-appctl', 'exit');
      await world.until('the switch has gone', async () => (await world.attempt('h1', 'ovs-appctl', 'version')).code !== 0);
      await startSwitch(world, 'h1');
    },
  };
  for (const [what, befall] of Object.entries(befalls))
    test(`after ${what} it goes on as before`, async () => {
      const log: FakeLog = await logs.make(7, 'ALL', { [server.port.id]: [web] });
      await logged(3);
      await befall();
      await logged(3);
      await world.until('accepted', async () => {
        await connects(world, far, v4(server), 8001);
        return told(log.id, 'action=ACCEPT', 'dst_port=8001').length > 0;
      });
      await world.until('dropped', async () => {
        await connects(world, far, v4(server), 8003);
        return told(log.id, 'action=DROP', 'dst_port=8003').length > 0;
      });
      await logs.delete(log);
      await logged(0);
      renameSync(file, `${file}.${Date.now()}`);
    });
});
