// Agents are killed with -9 and started again while packets flow: none may be missing, daemons go on, and what the API said meanwhile
// is so afterwards.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './job.ts';
import { noSandbox } from './need.ts';
import { type RoutedPair, routedPair } from './routed-pair.ts';
import {
  describePackets,
  describeTransfer,
  type Flow,
  type Packets,
  type Place,
  startPackets,
  startTransfer,
  type Transfer,
} from './traffic.ts';
import { type Instance, type Made, WeftWorld } from './weft-world.ts';

const hosts = ['h1', 'h2'] as const;
const publicGateway = '172.24.4.1';

describe('agents that are killed and started again', { skip: noSandbox() }, () => {
  let world: WeftWorld;
  let pair: RoutedPair;
  let onPublic: Place;

  before(async () => {
    world = await WeftWorld.open({ hosts: 2 });
    pair = await routedPair(world);
    onPublic = await world.publicPlace();
  });
  after(async () => {
    await world[Symbol.asyncDispose]();
  });

  const at =
    (vm: Instance): Place =>
    argv =>
      world.spawn(vm, argv);

  test('the count sees a loss: a third of a second in which the receiver drops what comes', async t => {
    const { a, b } = pair;
    const flow = await startPackets({ name: 'control', from: at(a), to: at(b), address: b.v4, port: 5000 });
    await sleep(500);
    const drop = ['INPUT', '-p', 'udp', '--dport', '5000', '-j', 'DROP'];
    await world.inside(b, 'iptables', '-w', '-A', ...drop);
    await sleep(300);
    await world.inside(b, 'iptables', '-w', '-D', ...drop);
    await sleep(300);
    const counted = await flow.end();
    t.diagnostic(describePackets(counted));
    assert.ok(counted.missing.length >= 10, describePackets(counted));
  });

  test('100 packets a second in both directions and TCP transfers lose nothing', async t => {
    const { a, b, floating } = pair;
    const packets: Flow<Packets>[] = await Promise.all([
      startPackets({ name: 'UDP a → b, IPv4', from: at(a), to: at(b), address: b.v4, port: 5001 }),
      startPackets({ name: 'UDP b → a, IPv4', from: at(b), to: at(a), address: a.v4, port: 5002 }),
      startPackets({ name: 'UDP a → b, IPv6', from: at(a), to: at(b), address: b.v6, port: 5003 }),
      startPackets({ name: 'UDP b → a, IPv6', from: at(b), to: at(a), address: a.v6, port: 5004 }),
      startPackets({ name: 'UDP public → floating IP', from: onPublic, to: at(a), address: floating, port: 5005 }),
      startPackets({ name: 'UDP b → public, SNAT', from: at(b), to: onPublic, address: publicGateway, port: 5006 }),
    ]);
    const transfers: Flow<Transfer>[] = await Promise.all([
      startTransfer({ name: 'TCP a → b, IPv4', from: at(a), to: at(b), address: b.v4, port: 5007 }),
      startTransfer({ name: 'TCP b → a, IPv6', from: at(b), to: at(a), address: a.v6, port: 5008 }),
      startTransfer({ name: 'TCP public → floating IP', from: onPublic, to: at(a), address: floating, port: 5009 }),
    ]);
    const daemons = await daemonsOf(world);
    assert.ok(
      ['dnsmasq', 'haproxy', 'radvd'].every(name => daemons.some(line => line.includes(name))),
      daemons.join('; '),
    );
    for (const host of hosts) {
      await sleep(700);
      const began = performance.now();
      const killed = await world.killAgent(host);
      await world.agentBack(killed);
      t.diagnostic(`${host}: agents killed, and in sync again after ${Math.round(performance.now() - began)} ms`);
      await sleep(1500);
    }
    const counted = await Promise.all(packets.map(flow => flow.end()));
    const sums = await Promise.all(transfers.map(flow => flow.end()));
    for (const line of [...counted.map(describePackets), ...sums.map(describeTransfer)]) t.diagnostic(line);
    for (const p of counted) {
      assert.deepEqual(p.missing, [], describePackets(p));
      assert.ok(p.sent > 300, `${p.name}: only ${p.sent} sent`);
    }
    for (const s of sums) {
      assert.ok(s.intact, describeTransfer(s));
      assert.ok(s.sent > 1_000_000, `${s.name}: only ${s.sent} bytes sent`);
    }
    assert.deepEqual(await daemonsOf(world), daemons, 'dnsmasq, haproxy and radvd are the same processes as before');
  });

  test('what the API said while no agent lived is so when they are back', async t => {
    const { a, b, router } = pair;
    const group = await world.create(world.member, 'security-group', { name: 'meanwhile' });
    const rule = (port: number): Promise<Made> =>
      world.create(world.member, 'security-group-rule', {
        security_group_id: group.id,
        direction: 'ingress',
        ethertype: 'IPv4',
        protocol: 'tcp',
        port_range_min: port,
        port_range_max: port,
      });
    const gone = await rule(7001);
    const [c, doomed] = await Promise.all([
      world.instance({ name: 'c', network: pair.net1.id, host: 'h1', security_groups: [group.id] }),
      world.instance({ name: 'doomed', network: pair.net1.id, host: 'h2', security_groups: [group.id] }),
    ]);
    for (const port of [7001, 7002]) await echo(world, c, port);
    const held = holdOpen(world, b, c.v4, 7001);
    await until('the connection carries data', () => echoes(held.output()) > 2, { story: held.output });
    assert.equal(await connects(world, b, c.v4, 7002), false);
    assert.equal(await world.pings(doomed, a.v4), true);

    const killed = await Promise.all(hosts.map(host => world.killAgent(host)));
    await world.member.delete(`/security-group-rules/${gone.id}`);
    await rule(7002);
    await world.admin.delete(`/ports/${doomed.port}`);
    const net3 = await world.create(world.member, 'network', { name: 'net3' });
    const subnet3 = await world.create(world.member, 'subnet', { network_id: net3.id, ip_version: 4, cidr: '10.3.0.0/24' });
    await world.member.put(`/routers/${router.id}/add_router_interface`, { subnet_id: subnet3.id });
    const backBefore = killed.filter(k => world.runsSince(k) > 0).map(k => k.host);
    assert.deepEqual(backBefore, [], 'the API was changed while no agent was in touch');
    const [h1, h2] = await Promise.all(killed.map(k => world.agentBack(k)));
    t.diagnostic(`agents of h1 and h2 came back as ${h1} and ${h2}`);

    const before = echoes(held.output());
    await world.until('the new rule lets in', () => connects(world, b, c.v4, 7002));
    assert.equal(await connects(world, b, c.v4, 7001), false, 'the rule that went');
    await sleep(500);
    const at1 = echoes(held.output());
    await sleep(700);
    assert.equal(echoes(held.output()), at1, `the flow that the old rule allowed has ended (${before} echoes before)`);
    held.kill();
    assert.equal(await world.pings(doomed, a.v4), false, 'a port that is gone carries nothing');
    const links = await world.host('h2', 'ip', '-j', 'link', 'show', 'dev', `tap${doomed.port.slice(0, 11)}`);
    assert.doesNotMatch(links, /"master"/);
    await world.deleteInstance(doomed);
    const d = await world.instance({ name: 'd', network: net3.id, host: 'h2' });
    await world.until('the new network is routed', () => world.pings(d, b.v4));
    // The control: what was there before is there still.
    assert.equal(await world.pings(a, b.v4), true);
    assert.equal(await world.pings(b, a.v6), true);
  });

  test('agents that die again and again are started again more slowly, and packets flow on', async t => {
    const { a, b } = pair;
    const flow = await startPackets({ name: 'UDP a → b while both agents die twice', from: at(a), to: at(b), address: b.v4, port: 5010 });
    for (let round = 0; round < 2; round++) {
      const killed = await Promise.all(hosts.map(host => world.killAgent(host)));
      // Once in the middle of a start, once after it.
      if (round === 0) await world.until('both are started again', () => killed.every(k => (world.agentPid(k.host) ?? k.pid) !== k.pid));
      else await Promise.all(killed.map(k => world.agentBack(k)));
    }
    await sleep(500);
    const counted = await flow.end();
    t.diagnostic(describePackets(counted));
    assert.deepEqual(counted.missing, []);
  });
});

/** The daemons of both hosts, by process and what they run. */
async function daemonsOf(world: WeftWorld): Promise<string[]> {
  const lists = await Promise.all(hosts.map(host => world.host(host, 'ps', '-e', '-o', 'pid=,comm=')));
  return lists.flatMap((text, i) =>
    text.split('\n').flatMap(line => (/dnsmasq|haproxy|radvd/.test(line) ? [`${hosts[i]} ${line.trim()}`] : [])),
  );
}

async function echo(world: WeftWorld, vm: Instance, port: number): Promise<void> {
  const script = `require('node:net').createServer(s => { s.on('error', () => {}); s.pipe(s); }).listen(${port}, '::', () => console.log('listening'));`;
  const job = world.spawn(vm, [process.execPath, '-e', script]);
  await until(`port ${port} listens`, () => job.output().includes('listening'), { story: job.output });
}

function holdOpen(world: WeftWorld, from: Instance, address: string, port: number) {
  const script = `
const socket = require('node:net').connect(${port}, '${address}');
socket.on('data', () => console.log('echo')).on('error', e => console.log(e.message));
setInterval(() => socket.write('x'), 50);`;
  return world.spawn(from, [process.execPath, '-e', script]);
}

const echoes = (output: string): number => output.split('echo').length - 1;

async function connects(world: WeftWorld, from: Instance, address: string, port: number): Promise<boolean> {
  return (await world.attempt(from, 'nc', '-z', '-w', '1', address, String(port))).code === 0;
}
