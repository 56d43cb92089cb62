// The agent killed with -9 and started again under traffic: nothing is lost, nothing is rebuilt, and what changed meanwhile is found.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Dict, type FakePort, tapOf } from '../../src/agent/l2/fake-server.suite.ts';
import { connect, connects, pings, serve } from './linuxbridge-traffic.ts';
import { BridgeWorld, type Instance } from './linuxbridge-world.ts';
import { noSandbox } from './need.ts';
import { endWithoutLoss, type Place, startPackets, startTransfer } from './traffic.ts';

const families = ['IPv4', 'IPv6'];
const out: Dict[] = families.map(ethertype => ({ direction: 'egress', ethertype }));
const allow = (protocol: string, port: number): Dict[] =>
  families.map(ethertype => ({ direction: 'ingress', ethertype, protocol, port_range_min: port, port_range_max: port }));
const echo: Dict[] = [
  { direction: 'ingress', ethertype: 'IPv4', protocol: 'icmp' },
  { direction: 'ingress', ethertype: 'IPv6', protocol: 'icmpv6' },
];

describe('restart', { skip: noSandbox() }, () => {
  let world: BridgeWorld;
  let a: Instance;
  let b: Instance;
  let c: Instance;
  let group: string;
  let ports: FakePort[];

  before(async () => {
    world = await BridgeWorld.open(2);
    const network = world.server.network(1);
    group = world.server.group(1, [...out, ...echo, ...allow('udp', 5000), ...allow('tcp', 5001), ...allow('tcp', 8001)]);
    const quiet = world.server.group(2, out);
    ports = [1, 2, 3].map(n => world.server.port(n, network, { groups: [n === 3 ? quiet : group], host: n === 2 ? 'h2' : 'h1' }));
    await Promise.all([world.agent('h1'), world.agent('h2')]);
    a = await world.instance('h1', ports[0]!);
    b = await world.instance('h2', ports[1]!);
    c = await world.instance('h1', ports[2]!);
    await world.active(...ports);
    const knows = async (host: string, vm: Instance): Promise<boolean> => {
      const told = await world.on(host, 'sh', '-c', 'bridge fdb show; ip neigh show nud permanent');
      return [vm.port.mac, ...vm.port.ips].every(word => told.includes(word));
    };
    await world.until('the tunnels are known', async () => (await knows('h1', b)) && (await knows('h2', a)) && (await knows('h2', c)));
  });
  after(() => world[Symbol.asyncDispose]());

  const filters = async (host: string): Promise<string> => {
    const text = await world.on(
      host,
      'sh',
      '-c',
      'iptables-save; ip6tables-save; ipset save; nft list table bridge neutron-linuxbri; bridge fdb show | grep dst; ip neigh show nud permanent',
    );
    return text
      .replace(/^[#:].*$/gm, '')
      .split('\n')
      .sort()
      .join('\n');
  };

  test('traffic goes on through kill -9 and restart, on both hosts, and nothing is touched', async t => {
    const before = await Promise.all([filters('h1'), filters('h2')]);
    const [v4, v6] = b.port.ips as [string, string];
    const place =
      (vm: Instance): Place =>
      argv =>
        world.spawn(vm, argv);
    const flows = await Promise.all([
      startPackets({ name: 'a → b', from: place(a), to: place(b), address: v4, port: 5000 }),
      startTransfer({ name: 'c → b', from: place(c), to: place(b), address: v6, port: 5001 }),
    ]);
    for (const host of ['h1', 'h2']) world.kill(host);
    await new Promise(resolve => setTimeout(resolve, 1000));
    await Promise.all([world.agent('h1'), world.agent('h2')]);
    await world.active(...ports);
    await endWithoutLoss(t, flows);
    for (const [i, host] of ['h1', 'h2'].entries()) {
      const [was, is] = [before[i]!.split('\n'), (await filters(host)).split('\n')];
      assert.deepEqual({ gone: was.filter(l => !is.includes(l)), come: is.filter(l => !was.includes(l)) }, { gone: [], come: [] }, host);
    }
    assert.doesNotMatch(world.log('h1') + world.log('h2'), /WARNING|ERROR/);
    const spawned = await world.spawned('h1');
    assert.deepEqual(
      // One `ip -batch` says once more what bridges are to be set to.
      spawned.filter(s => /restore --noflush|^nft -f|^bridge -force|^conntrack -[RD]|^ipset restore/.test(s)),
      [],
      'tools that change something',
    );
  });

  test('while the server does not answer, a new agent leaves all as it is', async () => {
    world.server.failing.add('get_devices_details_list');
    world.kill('h1');
    await world.agent('h1', {}, false);
    await world.until('it has asked in vain', async () => world.log('h1').includes('fails for now'));
    assert.equal(await pings(world, a, b.port.ips[0]!), true);
    assert.equal(await pings(world, b, c.port.ips[0]!), false, 'what was denied is denied');
    const reports = world.server.count('update_device_list');
    world.server.failing.clear();
    await world.until('it has asked again, and reported', async () => world.server.count('update_device_list') > reports);
  });

  test('what changed while it was away is found: a rule gone, a port gone, a port come', async () => {
    await serve(world, a, 8001);
    const doomed = await connect(world, b, a.port.ips[0]!, 8001);
    world.kill('h1');
    world.server.groups.set(
      group,
      world.server.groups.get(group)!.filter(r => r['port_range_min'] !== 8001),
    );
    await world.unplug(c);
    const d = await world.instance('h1', world.server.port(4, world.server.networks.get(a.port.network)!, { groups: [group] }));
    assert.equal(await doomed.flows(), true, 'nobody has told the kernel');
    await world.agent('h1');
    await world.active(d.port);
    await world.until('its connection has ended', async () => !(await doomed.flows(500)));
    assert.equal(await doomed.flows(2000), false, 'and stays so');
    await world.until('the new port answers', () => pings(world, b, d.port.ips[1]!));
    await world.until('the server knows that a port is gone', async () => c.port.status === 'DOWN');
    const left = await world.on('h1', 'sh', '-c', 'iptables-save; nft list ruleset; ip link');
    assert.ok(!left.includes(c.port.id.slice(0, 10)) && !left.includes(tapOf(c.port.id)), 'nothing of it is left');
  });

  test('killed between a change of rules and the end of what they had permitted, the next agent ends it', async () => {
    const [from, to] = [b, a];
    world.server.groups.get(group)!.push(...allow('tcp', 8001));
    await world.server.ruleUpdated(group);
    await world.until('connections are permitted', () => connects(world, from, to.port.ips[0]!, 8001));
    const doomed = await connect(world, from, to.port.ips[0]!, 8001);
    // As if the agent had been killed after iptables-restore and before conntrack -D.
    world.kill('h1');
    const save = await world.on('h1', 'iptables-save', '-t', 'filter');
    const rule = save.split('\n').find(l => l.includes(`-i${to.port.id.slice(0, 10)} `.slice(1)) && l.includes('--dport 8001'))!;
    await world.on('h1', 'iptables', ...rule.replace('-A ', '-D ').split(' '));
    await world.on('h1', 'ip6tables', ...rule.replace('-A ', '-D ').split(' '));
    world.server.groups.set(
      group,
      world.server.groups.get(group)!.filter(r => r['port_range_min'] !== 8001),
    );
    assert.equal(await doomed.flows(), true);
    await world.agent('h1');
    await world.until('its connection has ended', async () => !(await doomed.flows(500)));
    assert.equal(await doomed.flows(2000), false, 'and stays so');
  });

  test('when the last tap of a network goes, so does the rest', async () => {
    world.kill('h2');
    await world.unplug(b);
    await world.agent('h2');
    await world.until('nothing is left', async () => !/brq|vxlan-/.test(await world.on('h2', 'ip', 'link')));
    const left = await world.on('h2', 'sh', '-c', 'iptables-save; ip6tables-save; ipset list -n; nft list ruleset');
    assert.doesNotMatch(left, new RegExp(`${b.port.id.slice(0, 10)}|NIPv|CT --zone`));
  });
});
