// A host goes from Linux bridge to Open vSwitch under numbered packets, beside hosts of both kinds, and back.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  describePackets,
  describeTransfer,
  type Flow,
  type Packets,
  startPackets,
  startTransfer,
  type Transfer,
} from '../system/traffic.ts';
import type { Instance } from './agents/instances.ts';
import { publicGateway } from './agents/lab.ts';
import { noAgents, patience } from './agents/needs.ts';
import type { Made } from './agents/server.ts';
import { ask, askFromPublic, serve } from './agents/traffic.ts';
import { MigrateWorld, moved } from './migrate-world.ts';

/** Packets go out a hundred a second: so many in a row are fifteen seconds, which a busy machine may need. */
const mostMissing = 1500;

describe('a host moves from Linux bridge to Open vSwitch', { skip: noAgents, timeout: 590_000 * patience, concurrency: 1 }, () => {
  let m: MigrateWorld;
  let a: Instance;
  let b: Instance;
  let onLinuxBridge: Instance;
  let onOpenvswitch: Instance;
  let provider: Instance;
  let floating: string;
  const all = (): Instance[] => [a, b, onLinuxBridge, onOpenvswitch, provider];

  before(async () => {
    m = await MigrateWorld.open();
    const { server } = m.world;
    const group = await server.make('security-groups', 'security_group', { name: 'open at 5000 to 5099' });
    const rule = { security_group_id: group.id, direction: 'ingress', ethertype: 'IPv4', port_range_min: 5000, port_range_max: 5099 };
    for (const protocol of ['udp', 'tcp']) await server.make('security-group-rules', 'security_group_rule', { ...rule, protocol });
    await server.make('security-group-rules', 'security_group_rule', {
      ...{ security_group_id: group.id, direction: 'ingress', ethertype: 'IPv4', protocol: 'icmp' },
    });
    const guarded = { security_groups: [group.id] };
    [a, b] = [await m.instance(moved, m.net.id, guarded), await m.instance(moved, m.net.id, guarded)];
    onLinuxBridge = await m.instance('lb2', m.net.id, guarded);
    onOpenvswitch = await m.instance('ovs3', m.net.id, guarded);
    provider = await m.instance(moved, m.external.id, guarded);
    await m.world.active(...all().map(vm => vm.port.id));
    for (const vm of [a, b, onLinuxBridge, onOpenvswitch]) await m.address(vm, '10.9.0.1');
    await m.address(provider, publicGateway);
    await m.checksums();
    const fip = { floating_network_id: m.external.id, port_id: a.port.id };
    floating = String((await server.make('floatingips', 'floatingip', fip)).floating_ip_address);
    for (const vm of [b, onLinuxBridge, onOpenvswitch]) await m.world.reaches(vm, a.address);
    await m.world.until(
      'the floating IP answers',
      async () => (await m.world.lab.attempt('wire', 'ping', '-c1', '-W1', floating)).code === 0,
    );
    await m.world.reaches(provider, publicGateway);
    for (const port of [5090, 5100]) await serve(m.world, a, port);
  });
  after(() => m?.[Symbol.asyncDispose]());

  const ways = () => {
    const { place, outside } = { place: (vm: Instance) => m.place(vm), outside: m.outside };
    return [
      { name: 'a → Linux bridge', from: place(a), to: place(onLinuxBridge), address: onLinuxBridge.address },
      { name: 'Linux bridge → a', from: place(onLinuxBridge), to: place(a), address: a.address },
      { name: 'b → Open vSwitch', from: place(b), to: place(onOpenvswitch), address: onOpenvswitch.address },
      { name: 'Open vSwitch → b', from: place(onOpenvswitch), to: place(b), address: b.address },
      { name: 'a → b, both here', from: place(a), to: place(b), address: b.address },
      { name: 'Linux bridge → out by the router here', from: place(onLinuxBridge), to: outside, address: publicGateway },
      { name: 'public → floating IP', from: outside, to: place(a), address: floating },
      { name: 'public → flat network', from: outside, to: place(provider), address: provider.address },
      { name: 'flat network → public', from: place(provider), to: outside, address: publicGateway },
    ].map((way, i) => ({ ...way, port: 5000 + i }));
  };
  const start = async (): Promise<{ packets: Flow<Packets>[]; transfers: Flow<Transfer>[] }> => ({
    packets: await Promise.all(ways().map(startPackets)),
    transfers: await Promise.all([
      startTransfer({
        name: 'TCP a → Linux bridge',
        from: m.place(a),
        to: m.place(onLinuxBridge),
        address: onLinuxBridge.address,
        port: 5050,
      }),
      startTransfer({ name: 'TCP Open vSwitch → b', from: m.place(onOpenvswitch), to: m.place(b), address: b.address, port: 5051 }),
    ]),
  });

  /** What arrived is said; what is missing is together, and short. */
  const end = async (
    t: { diagnostic(line: string): void },
    { packets, transfers }: Awaited<ReturnType<typeof start>>,
    most = mostMissing,
  ) => {
    await sleep(2000);
    for (const counted of await Promise.all(packets.map(flow => flow.end()))) {
      t.diagnostic(describePackets(counted));
      assert.ok(counted.missing.length <= most * patience, describePackets(counted));
      assert.ok(
        counted.missing.every(n => n < counted.sent - 100),
        `it goes on at the end: ${describePackets(counted)}`,
      );
    }
    for (const counted of await Promise.all(transfers.map(flow => flow.end()))) {
      t.diagnostic(describeTransfer(counted));
      assert.ok(counted.intact, describeTransfer(counted));
    }
  };

  const denied = async (): Promise<void> => {
    assert.equal(await ask(m.world, onLinuxBridge, a.address, 5090), `${a.ns} ${onLinuxBridge.address}`);
    assert.equal(await ask(m.world, onLinuxBridge, a.address, 5100), undefined);
    assert.ok((await askFromPublic(m.world, floating, 5090))?.startsWith(a.ns));
    assert.equal(await askFromPublic(m.world, floating, 5100), undefined);
  };

  /** Without the agents whose change it is, and what a binding is made of. */
  const comparable = (shot: Readonly<Record<string, readonly Made[]>>): unknown => {
    const { ports = [], agents = [], ...rest } = shot;
    const free = ({ 'binding:vif_type': _t, 'binding:vif_details': _d, revision_number: _r, ...port }: Made): unknown => port;
    const still = agents.filter(x => x.host !== moved || ['DHCP agent', 'L3 agent'].includes(String(x.agent_type)));
    return { ...rest, ports: ports.map(free), agents: still.map(x => [x.id, x.agent_type, x.host, x.admin_state_up, x.alive]) };
  };
  const vifTypes = async (): Promise<unknown> => [
    ...new Set((await m.world.server.list(`ports?binding:host_id=${moved}`)).map(p => p['binding:vif_type'])),
  ];
  const bridges = async (): Promise<string[]> => (await m.on('ip', '-o', 'link', 'show', 'type', 'bridge')).split('\n').filter(Boolean);

  test('the plan says what will be done, and touches nothing', async t => {
    const look = async (): Promise<string[]> => {
      // The kernel is done with duplicate address detection in its own time.
      const addresses = (await m.on('ip', 'address')).replaceAll(' tentative', '');
      return [addresses, await m.on('ovs-vsctl', 'show'), JSON.stringify(comparable(await m.snapshot()))];
    };
    const before = await look();
    const { stdout, stderr, code } = await m.migrate();
    for (const line of `${stdout}${stderr}`.split('\n')) t.diagnostic(line);
    assert.equal(code, 0);
    assert.match(stdout, /3 of instances, 1 of DHCP, 2 of routers/);
    assert.match(stdout, /eth1 goes into br-ex; 203\.0\.113\.9\/24 of brq.* will be br-ex's/);
    assert.deepEqual(await look(), before);
  });

  test('moved: short of every packet while taps change over, no connection, and nothing of the API but bindings', async t => {
    const before = await m.snapshot();
    await denied();
    const flows = await start();
    await sleep(1000);
    const { stdout, stderr, code } = await m.migrate('--yes');
    for (const line of `${stdout}${stderr}`.split('\n').slice(-14)) t.diagnostic(line);
    assert.equal(code, 0, m.world.agents.story());
    await end(t, flows);
    await m.world.active(...all().map(vm => vm.port.id));
    assert.deepEqual(comparable(await m.snapshot()), comparable(before));
    assert.deepEqual(await vifTypes(), ['ovs']);
    assert.deepEqual((await m.world.server.list(`agents?host=${moved}`)).map(x => x.agent_type).sort(), [
      'DHCP agent',
      'L3 agent',
      'Open vSwitch agent',
    ]);
    assert.deepEqual(await bridges(), []);
    assert.doesNotMatch(await m.on('iptables-save'), /neutron-linuxbri/);
    assert.doesNotMatch(await m.on('nft', 'list', 'tables'), /neutron-linuxbri/);
    assert.equal(await m.on('ipset', 'list', '-n'), '');
    assert.match(await m.on('ip', '-o', 'address', 'show', 'dev', 'br-ex'), /203\.0\.113\.9\/24/);
    await denied();
  });

  test('and back: the same, but that the Linux bridge agent has to start in between', async t => {
    const before = await m.snapshot();
    const flows = await start();
    await sleep(1000);
    const { stdout, stderr, code } = await m.migrate('--rollback');
    for (const line of `${stdout}${stderr}`.split('\n')) t.diagnostic(line);
    assert.equal(code, 0, m.world.agents.story());
    await end(t, flows, 3000);
    await m.world.active(...all().map(vm => vm.port.id));
    assert.deepEqual(comparable(await m.snapshot()), comparable(before));
    assert.deepEqual(await vifTypes(), ['bridge']);
    await denied();
    assert.doesNotMatch(await m.on('ovs-vsctl', 'list-br'), /br-int|br-ex|br-tun/);
  });

  test('moved once more, and its DHCP and L3 agents begin anew with interface_driver = openvswitch', async t => {
    assert.equal((await m.migrate('--yes')).code, 0, m.world.agents.story());
    const before = await m.snapshot();
    const flows = await start();
    await sleep(1000);
    await m.beginAnew('openvswitch');
    await m.world.until(
      'their ports are wired',
      async () => JSON.stringify(comparable(await m.snapshot())) === JSON.stringify(comparable(before)),
    );
    await end(t, flows);
    // None of the pairs of before is left, and no port that nothing stands for.
    const ports = await m.on('ovs-vsctl', '--format=csv', '--columns=name,type,ofport', 'list', 'Interface');
    assert.doesNotMatch(ports, /,-1$/m);
    const own = (await m.world.server.list(`ports?binding:host_id=${moved}`)).filter(p => String(p.device_owner).startsWith('network:'));
    for (const { id } of own) assert.match(ports, new RegExp(`^\\"?(tap|qr-|qg-)${id.slice(0, 11)}\\"?,internal`, 'm'));
    await m.world.inside(b, 'ip', 'address', 'flush', 'dev', 'eth0');
    await m.world.lease(b);
    await denied();
  });
});
