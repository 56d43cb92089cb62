import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hypervisorsOf, providersOf, reportsResources, resourcesIn } from './placement.ts';

/** What they are derived from stands for itself. */
const uuid5 = (namespace: string, name: string): string => `${namespace.slice(0, 4)}/${name}`;
const roots = new Map([
  ['node-1', 'root-1'],
  ['other', 'root-2'],
]);
const vnics = ['CUSTOM_VNIC_TYPE_NORMAL', 'CUSTOM_VNIC_TYPE_DIRECT', 'CUSTOM_VNIC_TYPE_SMART_NIC', 'CUSTOM_VNIC_TYPE_VDPA'];

const agent = (configurations: Record<string, unknown>, agent_type = 'Open vSwitch agent') => ({
  agent_type,
  host: 'node-1',
  configurations,
});

test('an agent below its hypervisor, its devices below it, with what they have', () => {
  const configurations = {
    bridge_mappings: { 'phys-net.1': 'br-a', phys2: 'br-b' },
    resource_provider_bandwidths: { 'br-a': { egress: 1000, ingress: 2000 }, 'br-b': { egress: 0, ingress: null } },
    resource_provider_inventory_defaults: { allocation_ratio: 1.5, min_unit: 1 },
    resource_provider_packet_processing_with_direction: { 'node-1': { egress: 10, ingress: 20 } },
    resource_provider_packet_processing_inventory_defaults: { step_size: 5 },
  };
  assert.deepEqual(providersOf(agent(configurations), roots, uuid5), [
    {
      uuid: '87ee/node-1',
      name: 'node-1:Open vSwitch agent',
      parent: 'root-1',
      traits: vnics,
      inventories: {
        NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC: { step_size: 5, total: 10 },
        NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC: { step_size: 5, total: 20 },
      },
    },
    {
      uuid: '87ee/node-1:br-a',
      name: 'node-1:Open vSwitch agent:br-a',
      parent: '87ee/node-1',
      traits: ['CUSTOM_PHYSNET_PHYS_NET_1', ...vnics],
      inventories: {
        NET_BW_EGR_KILOBIT_PER_SEC: { allocation_ratio: 1.5, min_unit: 1, total: 1000 },
        NET_BW_IGR_KILOBIT_PER_SEC: { allocation_ratio: 1.5, min_unit: 1, total: 2000 },
      },
    },
    {
      uuid: '87ee/node-1:br-b',
      name: 'node-1:Open vSwitch agent:br-b',
      parent: '87ee/node-1',
      traits: ['CUSTOM_PHYSNET_PHYS2', ...vnics],
    },
  ]);
});

test('devices of several hypervisors; packets in either direction together count more; SR-IOV has several devices on a network', () => {
  const configurations = {
    device_mappings: { phys: ['eth1', 'eth2'] },
    resource_provider_bandwidths: { eth1: { egress: 1 }, eth2: { egress: 2 } },
    resource_provider_hypervisors: { eth2: 'other' },
    resource_provider_packet_processing_without_direction: { other: { any: 7 } },
    resource_provider_packet_processing_with_direction: { other: { egress: 10 } },
  };
  const sriov = agent(configurations, 'NIC Switch agent');
  assert.deepEqual(
    [...hypervisorsOf(sriov)],
    [
      ['eth1', 'node-1'],
      ['eth2', 'other'],
    ],
  );
  const providers = providersOf(sriov, roots, uuid5) ?? [];
  assert.deepEqual(
    providers.map(p => [p.uuid, p.parent]),
    [
      ['87f1/node-1', 'root-1'],
      ['87f1/other', 'root-2'],
      ['87f1/node-1:eth1', '87f1/node-1'],
      ['87f1/other:eth2', '87f1/other'],
    ],
  );
  assert.deepEqual(providers[1]?.inventories, { NET_PACKET_RATE_KILOPACKET_PER_SEC: { total: 7 } });
});

test('a device that is on no physical network cannot be told; other agents tell nothing', () => {
  const resource_provider_bandwidths = { 'br-a': { egress: 1 } };
  assert.equal(providersOf(agent({ resource_provider_bandwidths, bridge_mappings: {} }), roots, uuid5), undefined);
  assert.equal(reportsResources('Open vSwitch agent', { resource_provider_bandwidths }), true);
  assert.equal(reportsResources('Open vSwitch agent', {}), false);
  assert.equal(reportsResources('Linux bridge agent', { resource_provider_bandwidths }), false);
});

test('what a change is', () => {
  const before = { resource_provider_bandwidths: { a: { egress: 1 } }, bridge_mappings: { p: 'a' }, devices: 1 };
  assert.equal(resourcesIn({ ...before, devices: 2 }), resourcesIn(before));
  assert.notEqual(resourcesIn({ ...before, bridge_mappings: {} }), resourcesIn(before));
  assert.notEqual(resourcesIn({ ...before, resource_provider_bandwidths: {} }), resourcesIn(before));
});
