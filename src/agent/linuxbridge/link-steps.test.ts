import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simHost } from '../../adapters/host/sim-host.ts';
import type { Link } from '../../contracts/host/links.ts';
import type { PortDetails } from '../desired/l2-port.ts';
import { planHost, type TunnelPackets } from '../desired/linuxbridge.ts';
import { byName, linksToMake } from './link-steps.ts';

const port = {
  device: 'tap10000000-00',
  port_id: '10000000-0000-4000-8000-000000000001',
  network_id: 'a0000000-0000-4000-8000-000000000001',
  network_type: 'vxlan',
  segmentation_id: 1001,
  physical_network: null,
  mtu: 1450,
  mac_address: 'fa:16:3e:00:00:01',
  fixed_ips: [],
  device_owner: 'compute:nova',
  admin_state_up: true,
} as unknown as PortDetails;

const planned = (l2population: boolean, packets: TunnelPackets = {}) => {
  const vxlan = { localIp: '192.0.2.1', group: '239.0.0.1', l2population, udpPort: 8472, dev: 'eth0', packets };
  return planHost([port], { interfaceMappings: {}, bridgeMappings: {}, sha1Hex: text => text, vxlan });
};

/** What there is after the changes, with the tunnel's own as given. */
async function made(l2population: boolean, learning: boolean): Promise<Map<string, Link>> {
  const { links } = simHost();
  await links.apply('', [{ do: 'add-link', link: { kind: 'dummy', name: 'eth0' } }]);
  const changes = linksToMake(planned(l2population), new Map()).map(({ change }) => change);
  await links.apply('', changes);
  return byName((await links.list('')).map(l => (l.vxlan ? { ...l, vxlan: { ...l.vxlan, learning } } : l)));
}

test('a tunnel that learns is kept where it need not; one that does not is made anew where it must', async () => {
  assert.deepEqual(linksToMake(planned(true), await made(true, true)), []);
  assert.deepEqual(linksToMake(planned(true), await made(true, false)), []);
  assert.deepEqual(linksToMake(planned(false), await made(false, true)), []);
  const steps = linksToMake(planned(false), await made(false, false));
  assert.deepEqual(
    steps.map(({ change }) => change.do),
    ['del-link', 'add-link'],
  );
});

test('a tunnel whose packets are to be others is made anew', async () => {
  const marked = { ttl: 9, tos: 0xb8, sourcePorts: [40_000, 40_999] } as const;
  const { links } = simHost();
  await links.apply('', [{ do: 'add-link', link: { kind: 'dummy', name: 'eth0' } }]);
  const all: readonly TunnelPackets[] = [
    {},
    marked,
    { ...marked, ttl: 10 },
    { ...marked, tos: 'inherit' },
    { ttl: 9, sourcePorts: [1, 2] },
    {},
  ];
  for (const [i, packets] of all.entries()) {
    const steps = linksToMake(planned(true, packets), byName(await links.list(''))).map(({ change }) => change);
    assert.deepEqual(
      steps.map(change => change.do),
      i === 0 ? ['add-link', 'add-link'] : ['del-link', 'add-link'],
    );
    assert.deepEqual(await links.apply('', steps), []);
    assert.deepEqual(linksToMake(planned(true, packets), byName(await links.list(''))), []);
  }
});
