// Weft's Open vSwitch agent on two hosts, on Debian's real neutron-server: it is told by the messages that agents for Linux bridges read, and asks for
// ports by their ids.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Body } from '../api/client.ts';
import { until } from '../system/job.ts';
import { endWithoutLoss, startPackets } from '../system/traffic.ts';
import { type Instance, plug, unplug } from './agents/instances.ts';
import { Lab } from './agents/lab.ts';
import { noAgents, patience } from './agents/needs.ts';
import { NeutronAgents } from './agents/neutron.ts';
import { relayTo } from './agents/relay.ts';
import type { Made } from './agents/server.ts';
import { NeutronServer, noNeutronServer, transportUrlOf } from './neutron-server.ts';
import { Rabbit } from './rabbit.ts';

describe("Weft's Open vSwitch agent on a neutron-server", {
  skip: noAgents || noNeutronServer,
  timeout: 590_000 * patience,
  concurrency: 1,
}, () => {
  const stack = new AsyncDisposableStack();
  let lab: Lab;
  let neutron: NeutronServer;
  let agents: NeutronAgents;
  const vms: Instance[] = [];

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-ovs-neutron-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    const rabbit = stack.use(await Rabbit.start());
    const transportUrl = transportUrlOf(rabbit);
    const settings = { oslo_messaging_rabbit: { amqp_durable_queues: true } };
    neutron = stack.use(await NeutronServer.start({ transportUrl, mechanismDrivers: ['openvswitch', 'l2population'], settings }));
    lab = stack.use(await Lab.open('weft-onn', ['openvswitch', 'openvswitch']));
    await relayTo(lab, folder, rabbit.port, stack);
    agents = new NeutronAgents({
      lab,
      folder,
      transportUrl,
      secret: '',
      metadataPort: 0,
      weft: () => true,
      more: () => ({
        agent: { extensions: 'qos' },
        ovs: { bridge_mappings: 'physnet1:br-ex', resource_provider_bandwidths: 'br-ex:5000:6000' },
        securitygroup: { firewall_driver: 'noop' },
      }),
    });
    for (const host of lab.hosts) agents.start(host, 'openvswitch');
    await wait('two agents are alive', async () => (await list('agents?alive=true')).length === 2);
  });
  after(() => stack.disposeAsync());

  const wait = (what: string, look: () => Promise<boolean>): Promise<void> =>
    until(what, look, { withinMs: 90_000 * patience, everyMs: 200, story: () => agents.story() });
  const make = (path: string, name: string, attributes: Body): Promise<Made> => neutron.api.make(path, name, attributes);
  const list = (path: string): Promise<Made[]> => neutron.api.listOnce(path);
  const inside = (vm: Instance, ...argv: string[]) => lab.attempt(vm.host.name, 'ip', 'netns', 'exec', vm.ns, ...argv);
  const reaches = (from: Instance, to: Instance): Promise<void> =>
    wait(`${from.ns} pings ${to.address}`, async () => (await inside(from, 'ping', '-n', '-c1', '-W1', to.address)).code === 0);
  const status = async (vm: Instance): Promise<unknown> => (await list(`ports?id=${vm.port.id}`))[0]?.status;

  test('ports of a VXLAN and of a VLAN network come up, and reach each other over two hosts', async () => {
    for (const [i, attributes] of [{}, { 'provider:network_type': 'vlan', 'provider:physical_network': 'physnet1' }].entries()) {
      const network = await make('networks', 'network', { name: `n${i}`, ...attributes });
      await make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.8.0.0/24', enable_dhcp: false });
      for (const host of lab.hosts) {
        const owner = { device_owner: 'compute:nova', device_id: crypto.randomUUID() };
        const port = await make('ports', 'port', { network_id: network.id, 'binding:host_id': host.name, ...owner });
        assert.equal(port['binding:vif_type'], 'ovs');
        const vm = await plug(lab, host, port);
        vms.push(vm);
        await inside(vm, 'ip', 'address', 'add', `${vm.address}/24`, 'dev', 'eth0');
      }
    }
    for (const vm of vms) await wait(`${vm.port.id} is ACTIVE`, async () => (await status(vm)) === 'ACTIVE');
    await reaches(vms[0]!, vms[1]!);
    await reaches(vms[2]!, vms[3]!);
  });

  test('down, up, and gone', async () => {
    const [one, two] = vms as [Instance, Instance];
    await neutron.api.request('PUT', `ports/${two.port.id}`, { port: { admin_state_up: false } });
    await wait('DOWN', async () => (await status(two)) === 'DOWN');
    // The server says DOWN when it is asked about the port, which the agent does before it cuts it off.
    await wait('cut off', async () => (await inside(one, 'ping', '-n', '-c1', '-W1', two.address)).code !== 0);
    await neutron.api.request('PUT', `ports/${two.port.id}`, { port: { admin_state_up: true } });
    await wait('ACTIVE', async () => (await status(two)) === 'ACTIVE');
    await reaches(one, two);
    const third = vms.pop()!;
    await unplug(lab, third);
    await wait('DOWN', async () => (await status(third)) === 'DOWN');
  });

  test('a QoS policy of the port, and of its network: rules come, change and go; the report says what is guaranteed', async () => {
    const [one] = vms as [Instance];
    const on = (...argv: string[]) => lab.attempt(one.host.name, ...argv);
    const has = (what: string, argv: readonly string[], pattern: RegExp, not = false) =>
      wait(what, async () => pattern.test((await on(...argv)).stdout) !== not);
    const flows = ['ovs-ofctl', '-O', 'OpenFlow14', 'dump-flows', 'br-int'];
    const meters = ['ovs-ofctl', '-O', 'OpenFlow14', 'dump-meters', 'br-int'];
    const policy = await make('qos/policies', 'policy', { name: 'gold' });
    const rule = (kind: string, attributes: Body) => make(`qos/policies/${policy.id}/${kind}_rules`, `${kind}_rule`, attributes);
    const limit = await rule('bandwidth_limit', { max_kbps: 2000, direction: 'egress' });
    await rule('bandwidth_limit', { max_kbps: 3000, direction: 'ingress' });
    await rule('dscp_marking', { dscp_mark: 26 });
    const { port, network } = { port: one.port.id, network: String(one.port.network_id) };
    await neutron.api.request('PUT', `ports/${port}`, { port: { qos_policy_id: policy.id } });
    await has('a meter', meters, /kbps[\s\S]*rate=2000 burst_size=1600/);
    await has('a class', ['ovs-vsctl', 'list', 'queue'], /max-rate="3000000"/);
    await has('a mark', flows, /mod_nw_tos:104|set_field:26->ip_dscp/);
    await neutron.api.request('PUT', `qos/policies/${policy.id}/bandwidth_limit_rules/${limit.id}`, {
      bandwidth_limit_rule: { max_kbps: 4000 },
    });
    await has('another meter', meters, /rate=4000/);
    await neutron.api.request('PUT', `ports/${port}`, { port: { qos_policy_id: null } });
    await has('nothing', meters, /meter=/, true);
    await neutron.api.request('PUT', `networks/${network}`, { network: { qos_policy_id: policy.id } });
    await has("the network's", meters, /rate=4000/);
    await neutron.api.request('PUT', `networks/${network}`, { network: { qos_policy_id: null } });
    await has('nothing again', meters, /meter=/, true);
    await has('no mark', flows, /ip_dscp|mod_nw_tos/, true);
    const [agent] = await list(`agents?host=${one.host.name}`);
    const { extensions, resource_provider_bandwidths } = agent?.configurations as Record<string, unknown>;
    assert.deepEqual([extensions, resource_provider_bandwidths], [['qos'], { 'br-ex': { egress: 5000, ingress: 6000 } }]);
    await wait('ACTIVE', async () => (await status(one)) === 'ACTIVE');
  });

  test('the agent begins again, and no packet is missing', async t => {
    const [one, two] = vms as [Instance, Instance];
    const spawn = (vm: Instance) => (argv: readonly string[]) => lab.spawn(vm.host.name, ['ip', 'netns', 'exec', vm.ns, ...argv]);
    const packets = await startPackets({ name: 'vxlan', from: spawn(one), to: spawn(two), address: two.address, port: 7000 });
    for (const host of [...lab.hosts, ...lab.hosts]) {
      await agents.kill(host, 'openvswitch');
      const before = agents.log(host.name, 'openvswitch').length;
      agents.start(host, 'openvswitch');
      await wait('in sync', async () => agents.log(host.name, 'openvswitch').slice(before).includes('in sync with the server'));
    }
    await endWithoutLoss(t, [packets]);
    for (const vm of vms) await wait(`${vm.port.id} is ACTIVE`, async () => (await status(vm)) === 'ACTIVE');
  });
});
