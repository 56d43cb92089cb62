// A real Placement is told what hosts have, below the resource providers that Nova makes for them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { textLog } from '../../src/adapters/log/text-log.ts';
import type { Body } from '../api/client.ts';
import { type Harness, start, until } from '../api/harness.ts';
import { listenerPassword } from '../api/nova-listener.ts';
import { noPlacement, PlacementDaemon } from './placement-daemon.ts';

interface Provider {
  readonly uuid: string;
  readonly name: string;
  readonly parent_provider_uuid: string | null;
}

describe('Placement', { skip: noPlacement, timeout: 200_000 }, () => {
  const lines: string[] = [];
  let placement: PlacementDaemon;
  let h: Harness;

  before(async () => {
    placement = await PlacementDaemon.start();
    const log = textLog({ sink: { write: line => void lines.push(line) }, level: 'info' });
    h = await start({ placement: { account: placement.cloud.config().account }, agentDownTime: 3600 }, log);
  });
  after(async () => {
    await h?.[Symbol.asyncDispose]();
    await placement?.[Symbol.asyncDispose]();
  });

  const ask = (path: string, method?: string, body?: unknown): Promise<Body> => placement.ask(path, method, body);
  const providers = async (): Promise<readonly Provider[]> => (await ask('/resource_providers'))['resource_providers'] as Provider[];
  /** As Nova does when a host is up. */
  const hypervisor = async (name: string): Promise<string> => String((await ask('/resource_providers', 'POST', { name }))['uuid']);

  async function report(host: string, configurations: Body, more: Body = {}, agent_type = 'Open vSwitch agent'): Promise<void> {
    const time = new Date().toISOString().replace('Z', '');
    const agent = { agent_type, binary: 'neutron-openvswitch-agent', topic: 'N/A', host, configurations, uuid: randomUUID(), ...more };
    await h.rpc('q-reports-plugin', 'report_state', { agent_state: { agent_state: agent }, time }, '1.2');
  }
  const synced = async (host: string): Promise<unknown> => (await h.admin.list(`agents?host=${host}`))[0]?.['resources_synced'];
  const isSynced = (host: string): Promise<boolean> => until('all is told', async () => (await synced(host)) === true, 60_000);
  const classes = async (uuid: string): Promise<Record<string, Body>> =>
    (await ask(`/resource_providers/${uuid}/inventories`))['inventories'] as Record<string, Body>;

  const ovs = {
    bridge_mappings: { physnet1: 'br-ex' },
    resource_provider_bandwidths: { 'br-ex': { egress: 10_000, ingress: 20_000 } },
    resource_provider_inventory_defaults: { allocation_ratio: 1.0, min_unit: 1, step_size: 1, reserved: 0 },
    resource_provider_packet_processing_without_direction: { 'node-1': { any: 500 } },
  };

  test('a host that Nova has not told of yet waits; then its agent and its devices are below it', async () => {
    await report('node-1', ovs, { start_flag: true });
    await until('it is tried', async () => (await synced('node-1')) === false, 30_000);
    assert.ok(lines.some(line => line.includes('there is no resource provider node-1 yet')));
    const root = await hypervisor('node-1');
    await isSynced('node-1');
    const all = await providers();
    const agent = all.find(p => p.name === 'node-1:Open vSwitch agent');
    const device = all.find(p => p.name === 'node-1:Open vSwitch agent:br-ex');
    assert.deepEqual([agent?.uuid, agent?.parent_provider_uuid], ['47c5e8d1-132a-5eab-af87-7e7754386401', root]);
    assert.deepEqual([device?.uuid, device?.parent_provider_uuid], ['8a74f8f4-1182-5928-bb53-5da902221698', agent?.uuid]);
    const { NET_BW_EGR_KILOBIT_PER_SEC: out, NET_BW_IGR_KILOBIT_PER_SEC: into, ...others } = await classes(String(device?.uuid));
    assert.deepEqual([out?.['total'], into?.['total'], out?.['allocation_ratio'], others], [10_000, 20_000, 1, {}]);
    assert.deepEqual((await classes(String(agent?.uuid)))['NET_PACKET_RATE_KILOPACKET_PER_SEC']?.['total'], 500);
    const { traits } = (await ask(`/resource_providers/${device?.uuid}/traits`)) as { traits: string[] };
    const vnics = ['NORMAL', 'DIRECT', 'SMART_NIC', 'VDPA'].map(type => `CUSTOM_VNIC_TYPE_${type}`);
    assert.deepEqual(traits.sort(), ['CUSTOM_PHYSNET_PHYSNET1', ...vnics].sort());
  });

  test('what has changed is told, and what is as it was is not told again', async () => {
    const told = (): number => lines.filter(line => line.includes('Placement was told what a host has')).length;
    const before = told();
    await report('node-1', ovs);
    await report('node-1', { ...ovs, resource_provider_bandwidths: { 'br-ex': { egress: 7000 } } });
    const [device] = (await providers()).filter(p => p.name.endsWith('br-ex'));
    await until('it is told', async () => (await classes(String(device?.uuid)))['NET_BW_EGR_KILOBIT_PER_SEC']?.['total'] === 7000, 60_000);
    await isSynced('node-1');
    assert.deepEqual(Object.keys(await classes(String(device?.uuid))), ['NET_BW_EGR_KILOBIT_PER_SEC']);
    assert.equal(told(), before + 1);
  });

  test('while Placement is away agents are answered, and it is told when it is back', async () => {
    await placement.down();
    const host = 'node-two';
    await report(host, ovs, { start_flag: true });
    await until('it is tried', async () => lines.some(line => line.includes('was not told') && line.includes(host)), 60_000);
    assert.notEqual(await synced(host), true);
    await placement.up();
    await hypervisor(host);
    await report(host, ovs);
    await isSynced(host);
    assert.ok((await providers()).some(p => p.name === `${host}:Open vSwitch agent:br-ex`));
    assert.ok(!lines.some(line => line.includes(listenerPassword)));
  });

  test('an agent that says what cannot be is not taken for told; others are not asked', async () => {
    await hypervisor('node-3');
    await report('node-3', { ...ovs, bridge_mappings: {} }, { start_flag: true });
    await until('it is said', async () => lines.some(line => line.includes('on no physical network of the agent')), 30_000);
    assert.notEqual(await synced('node-3'), true);
    await report('node-4', ovs, { start_flag: true }, 'Linux bridge agent');
    assert.equal(await synced('node-4'), null);
  });
});
