// QoS behind Linux bridges, where the host lacks what it does not need.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simHost } from '../../adapters/host/sim-host.ts';
import { textLog } from '../../adapters/log/text-log.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import type { PortDetails } from '../desired/l2-port.ts';
import { noQos } from '../desired/qos.ts';
import { qosTable } from '../render/nft-qos.ts';
import { BridgeQos } from './qos.ts';

const details = { device: 'tap1' } as unknown as PortDetails;

test('a host without iptables has no marks of Neutron’s, and marks and limits as others do', async () => {
  const host = simHost();
  host.links.plug(hostNetns, { name: 'tap1' });
  host.iptables.failNext('save', { reason: 'not installed', times: 10 });
  const log = textLog({ sink: { write() {} }, level: 'debug' });
  const qos = new BridgeQos({ ctx: { host, log }, kernelHz: 250, latencyMs: 50, qosOf: () => ({ ...noQos, dscp: 26 }) });
  await qos.apply([{ device: 'tap1', index: 2, mtu: 1500, details }]);
  assert.match((await host.nft.listTable(hostNetns, 'bridge', qosTable)) ?? '', /"tap1" : goto qos-/);
});
