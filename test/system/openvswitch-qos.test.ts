// QoS of a real switch in user space: bandwidth both ways, packet rates, DSCP as it is on the wire; what changes, what stays over restarts, and what is
// left when nobody wants it any more.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type FakePort, tapOf } from '../../src/agent/l2/fake-server.suite.ts';
import { anyRules } from './attack-world.ts';
import { BridgeWorld, type Instance } from './linuxbridge-world.ts';
import { noSandbox, noSwitch } from './need.ts';
import { startSwitch } from './openvswitch-host.ts';
import { arrivals, assertLimited, atThousand, bandwidth, bothWays, DscpWatch, listen, marking, Policy, packetRate } from './qos-traffic.ts';

const skip = noSandbox() || noSwitch();
const vlan = { type: 'vlan', segment: 101, physical: 'public' } as const;
const config = { extensions: ['qos'] };

describe('QoS of Open vSwitch', { skip }, () => {
  let world: BridgeWorld;
  let limited: Instance;
  let near: Instance;
  let far: Instance;
  let gold: Policy;
  let dscp: DscpWatch;

  const ofctl = (...args: string[]): Promise<string> => world.on('h1', 'ovs-ofctl', '-O', 'OpenFlow14', ...args, 'br-int');
  const flows = async (): Promise<string[]> =>
    (await ofctl('dump-flows', '--no-stats'))
      .split('\n')
      .filter(l => l.includes('0x7765667400000003'))
      .sort();
  const meters = async (): Promise<string[]> => (await ofctl('dump-meters')).split('\n').filter(l => /^meter=|^type=/.test(l));
  const database = (...args: string[]): Promise<string> => world.on('h1', 'ovs-vsctl', '--timeout=20', ...args);
  const policy = async (port: FakePort, id: string | null): Promise<void> => {
    port.policy = id;
    await world.server.portUpdate(port);
  };
  const has = (what: string, look: () => Promise<string | string[]>, pattern: RegExp): Promise<void> =>
    world.until(what, async () => pattern.test([await look()].flat().join('\n')));

  before(async () => {
    world = await BridgeWorld.open(2, 'openvswitch');
    const open = world.server.group(1, anyRules);
    const network = world.server.network(1, vlan);
    const ports = [1, 2, 3].map(n => world.server.port(n, network, { groups: [open], host: n === 3 ? 'h2' : 'h1' }));
    limited = await world.instance('h1', ports[0]!);
    near = await world.instance('h1', ports[1]!);
    far = await world.instance('h2', ports[2]!);
    gold = new Policy(world.server, 1, [bandwidth('egress', 2000), bandwidth('ingress', 2000), marking(26)]);
    await Promise.all([world.agent('h1', config), world.agent('h2', config)]);
    await world.active(...ports);
    await listen(world, limited, near, far);
    dscp = await DscpWatch.open(world, far);
  });
  after(() => world?.[Symbol.asyncDispose]());

  test('bandwidth is limited in both directions, and that of nobody else', async () => {
    const free = await bothWays(world, limited, far);
    await policy(limited.port, gold.id);
    await has('a meter', meters, /kbps burst.*\n.*rate=2000 burst_size=1600/);
    await has('a class', () => database('list', 'queue'), /max-rate="2000000"/);
    await assertLimited(world, { limited, near, far }, free);
  });

  test('packets carry the DSCP of the policy, and its change; those of another port have none', async () => {
    assert.deepEqual(await dscp.of(limited), [26, 26]);
    assert.deepEqual(await dscp.of(near), [0, 0]);
    await gold.change(marking(10));
    await has('flows with the new mark', flows, /0xa->ip_dscp|10->ip_dscp|mod_nw_tos:40/);
    assert.deepEqual(await dscp.of(limited), [10, 10]);
    assert.deepEqual(await meters(), [], 'a rule that is gone has no meter');
    assert.equal((await database('--bare', '--columns=_uuid', 'list', 'queue')).trim(), '');
  });

  test('packets are limited in number in both directions, also between neighbours', async () => {
    const all = await arrivals(world, limited, far);
    await gold.change(packetRate('egress', 1), packetRate('ingress', 1));
    await has('meters', meters, /pktps.*\n.*rate=1000[\s\S]*pktps.*\n.*rate=1000/);
    const got = {
      out: await arrivals(world, limited, far),
      in: await arrivals(world, far, limited),
      near: await arrivals(world, near, limited),
    };
    const other = await arrivals(world, near, far);
    for (const free of [all, other]) assert.ok(free.packets > atThousand(free), `without a limit: ${JSON.stringify({ all, other })}`);
    for (const n of Object.values(got)) assert.ok(n.packets > 100 && n.packets < atThousand(n), JSON.stringify({ all, other, got }));
  });

  test('while the agent is away limits stand; its next life touches nothing', async () => {
    await gold.change(bandwidth('egress', 2000), packetRate('egress', 900), marking(26));
    await has('both meters', meters, /pktps[\s\S]*kbps|kbps[\s\S]*pktps/);
    await has('the mark', flows, /26->ip_dscp|mod_nw_tos:104|0x1a->ip_dscp/);
    const dump = async () => ({
      flows: await flows(),
      meters: await meters(),
      port: await database('list', 'port', tapOf(limited.port.id)),
    });
    const before = await dump();
    const stats = async (): Promise<number[]> =>
      [...(await ofctl('meter-stats')).matchAll(/meter:(\d+).*duration:([\d.]+)s/g)].map(m => Number(m[2]));
    const since = await stats();
    world.kill('h1');
    assert.deepEqual(await dscp.of(limited), [26, 26]);
    await world.agent('h1', config);
    assert.deepEqual(await dump(), before);
    assert.ok(
      (await stats()).every((s, i) => s > (since[i] ?? 0)),
      'no meter was made anew',
    );
  });

  test('a switch that begins again has limits and marks as soon as it forwards', async () => {
    const before = { flows: await flows(), meters: await meters() };
    await world.on('h1', 'sh', '-c', 'kill -9 $(cat /run/openvswitch/ovs-vswitchd.pid)');
    await startSwitch(world, 'h1');
    const now = (): Promise<string[]> => flows().catch(() => []);
    await world.until('all is back', async () => (await now()).join() === before.flows.join());
    assert.deepEqual(await meters(), before.meters);
    assert.deepEqual(await dscp.of(limited), [26, 26]);
  });

  test("a network's policy is its ports', but for those that have their own", async () => {
    const network = world.server.networks.get(near.port.network)!;
    const silver = new Policy(world.server, 2, [marking(46)]);
    network.policy = silver.id;
    await world.server.fanout('network-update', 'network_update', {
      network: { id: network.id, mtu: network.mtu, qos_policy_id: silver.id },
    });
    await world.until("the network's mark", async () => (await dscp.of(near)).join() === '46,46');
    assert.deepEqual(await dscp.of(limited), [26, 26]);
    network.policy = null;
    await world.server.fanout('network-update', 'network_update', { network: { id: network.id, mtu: network.mtu, qos_policy_id: null } });
    await world.until('no mark', async () => (await dscp.of(near)).join() === '0,0');
  });

  test("without a policy nothing is left of it, and what is somebody else's stays", async () => {
    await gold.change(bandwidth('egress', 2000), bandwidth('ingress', 2000), packetRate('ingress', 900), marking(26));
    await has('a class', () => database('list', 'queue'), /max-rate="2000000"/);
    const foreign = ['--', '--id=@q', 'create', 'qos', 'type=linux-htb', 'external_ids:who=operator'];
    await database('set', 'port', tapOf(near.port.id), 'qos=@q', ...foreign);
    await policy(limited.port, null);
    await world.until('nothing is left', async () => (await meters()).length === 0 && (await flows()).length === 1);
    assert.equal((await database('--bare', '--columns=_uuid', 'list', 'queue')).trim(), '');
    assert.match(await database('--bare', '--columns=external_ids', 'list', 'qos'), /^who=operator\s*$/);
    assert.doesNotMatch(await database('get', 'port', tapOf(limited.port.id), 'other_config'), /gress/);
    assert.deepEqual(await dscp.of(limited), [0, 0]);
  });

  test('a port that goes while no agent runs leaves nothing either', async () => {
    await gold.change(bandwidth('egress', 2000), bandwidth('ingress', 2000));
    await policy(limited.port, gold.id);
    await has('a class', () => database('list', 'queue'), /max-rate="2000000"/);
    world.kill('h1');
    await world.unplug(limited);
    await world.agent('h1', config);
    await world.until('nothing is left', async () => (await meters()).length === 0);
    assert.equal((await database('--bare', '--columns=_uuid', 'list', 'queue')).trim(), '');
  });
});
