// What is found on a simulated host, and what a repair leaves of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simHost } from '../../adapters/host/sim-host.ts';
import type { LinkChange } from '../../contracts/host/links.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import type { Clock } from '../../engine/clock.ts';
import { vlanName } from '../desired/linuxbridge-names.ts';
import { sha1Hex } from '../linuxbridge/sha1.ts';
import { compareHost } from './compare.ts';
import { takeInventory } from './inventory.ts';
import { repair } from './repair.ts';

const clock = { sleep: async () => {} } as unknown as Clock;

test('a bridge that nobody wants goes with the VLAN that the agent made for it, and with no other’s', async () => {
  const host = simHost();
  const long = vlanName('enp216s0f0np0', 103, sha1Hex);
  const bridge = (n: number): string => `brq0000000${n}-00`;
  const withVlan = (n: number, dev: string, name: string, id: number): LinkChange[] => [
    { do: 'add-link', link: { kind: 'bridge', name: bridge(n) } },
    { do: 'add-link', link: { kind: 'vlan', name, dev, id } },
    { do: 'set-link', name, master: bridge(n) },
  ];
  const made: LinkChange[] = [
    ...['eth1', 'eth2', 'enp216s0f0np0'].map(name => ({ do: 'add-link', link: { kind: 'dummy', name } }) as const),
    ...withVlan(1, 'eth1', 'eth1.101', 101),
    // Mapped itself, of no mapped device, and under a name that no agent gives.
    ...withVlan(2, 'eth1', 'eth1.102', 102),
    ...withVlan(3, 'eth2', 'eth2.101', 101),
    ...withVlan(4, 'eth1', 'storage', 104),
    ...withVlan(5, 'enp216s0f0np0', long, 103),
  ];
  assert.deepEqual(await host.links.apply(hostNetns, made), []);
  const inventory = await takeInventory(host, { dhcp: '/dhcp', physical: ['eth1', 'eth1.102', 'enp216s0f0np0'] }, {});
  const expected = { host: 'h1', agents: { 'Linux bridge agent': true }, ports: [], vnis: [], dhcp: [], routers: [], others: [] };
  const findings = compareHost({ ...expected, spread: { ids: [], ports: [] } }, inventory);
  assert.deepEqual(
    findings.map(({ repair: words }) => words),
    [`removes ${bridge(1)} and eth1.101`, undefined, undefined, undefined, `removes ${bridge(5)} and ${long}`],
  );
  for (const { fix } of findings) if (fix && fix.do !== 'resync') assert.equal(await repair(host, clock, fix), undefined);
  const left = (await host.links.list(hostNetns)).map(({ name }) => name).sort();
  assert.deepEqual(
    left,
    [bridge(2), bridge(3), bridge(4), 'enp216s0f0np0', 'eth1', 'eth1.102', 'eth2', 'eth2.101', 'lo', 'storage'].sort(),
  );
});
