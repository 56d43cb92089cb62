// A flat network takes the host's interface, and gives it back: stopped after any single change, no address is gone, and the next agent ends where
// one that was not stopped does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simHost } from '../../adapters/host/sim-host.ts';
import type { Host } from '../../contracts/host/host.ts';
import type { LinkChange } from '../../contracts/host/links.ts';
import type { PortDetails } from '../desired/l2-port.ts';
import { type HostPlan, planHost } from '../desired/linuxbridge.ts';
import { byName, linksToMake, linksToRemove, linksToSet } from './link-steps.ts';

const port = {
  device: 'tap10000000-00',
  port_id: '10000000-0000-4000-8000-000000000001',
  network_id: 'a0000000-0000-4000-8000-000000000001',
  network_type: 'flat',
  segmentation_id: null,
  physical_network: 'public',
  mtu: 1500,
  mac_address: 'fa:16:3e:00:00:01',
  fixed_ips: [],
  device_owner: 'compute:nova',
  admin_state_up: true,
} as unknown as PortDetails;

const options = { interfaceMappings: { public: 'eth1' }, bridgeMappings: {}, sha1Hex: (text: string) => text };
const [taken, given] = [planHost([port], options), planHost([], options)];
const bridge = 'brqa0000000-00';
const addresses = ['203.0.113.5/24', '203.0.113.6/24', '198.51.100.1/28', '2001:db8::5/64'];

async function hostWithInterface(): Promise<Host> {
  const host = simHost();
  await host.links.apply('', [
    { do: 'add-link', link: { kind: 'dummy', name: 'eth1' } },
    { do: 'set-link', name: 'eth1', up: true },
    ...addresses.map(cidr => ({ do: 'add-address', dev: 'eth1', cidr, nodad: true }) as const),
    { do: 'replace-route', route: { dst: 'default', via: '203.0.113.1', dev: 'eth1', family: 4 } },
    { do: 'replace-route', route: { dst: '192.0.2.0/24', via: '203.0.113.9', dev: 'eth1', family: 4, metric: 7 } },
    { do: 'replace-route', route: { dst: 'default', via: '2001:db8::1', dev: 'eth1', family: 6 } },
  ]);
  return host;
}

/** What an agent would do next, in its order. */
async function next(host: Host, plan: HostPlan): Promise<readonly LinkChange[]> {
  const links = byName(await host.links.list(''));
  const make = linksToMake(plan, links).map(({ change }) => change);
  if (make.length > 0) return make;
  const routes = (await Promise.all([host.links.routes('', 4), host.links.routes('', 6)])).flat();
  const set = linksToSet(plan, links, routes).map(({ change }) => change);
  return set.length > 0 ? set : linksToRemove(plan, links, { physical: new Set(['eth1']) }, routes).changes;
}

async function settle(host: Host, plan: HostPlan): Promise<void> {
  for (let changes = await next(host, plan); changes.length > 0; changes = await next(host, plan))
    assert.deepEqual(await host.links.apply('', changes), []);
}

/** Applies so many changes one by one; whether there were more. */
async function stopAfter(host: Host, plan: HostPlan, count: number): Promise<boolean> {
  let left = count;
  for (let changes = await next(host, plan); changes.length > 0; changes = await next(host, plan))
    for (const change of changes) {
      if (left-- === 0) return true;
      assert.deepEqual(await host.links.apply('', [change]), []);
      assert.deepEqual(await held(host), new Set(addresses), JSON.stringify(change));
    }
  return false;
}

async function held(host: Host): Promise<Set<string>> {
  const links = await host.links.list('');
  return new Set(links.flatMap(l => l.addresses.filter(a => a.scope === 'global').map(a => a.cidr)));
}

async function picture(host: Host): Promise<unknown> {
  const links = (await host.links.list('')).map(({ name, master, addresses: all }) => ({ name, master, all: all.map(a => a.cidr).sort() }));
  const routes = (await Promise.all([host.links.routes('', 4), host.links.routes('', 6)])).flat();
  return { links: links.filter(l => l.name !== 'lo'), routes: routes.map(r => JSON.stringify(r)).sort() };
}

const ways = [
  { name: 'to the bridge', before: given, plan: taken },
  { name: 'back to the interface', before: taken, plan: given },
];
for (const { name, before, plan } of ways)
  test(`stopped on the way ${name}, after each of the changes`, async () => {
    const whole = await hostWithInterface();
    await settle(whole, before);
    await settle(whole, plan);
    let count = 0;
    for (let more = true; more; count++) {
      const host = await hostWithInterface();
      await settle(host, before);
      more = await stopAfter(host, plan, count);
      await settle(host, plan);
      assert.deepEqual(await picture(host), await picture(whole), `after ${count} changes`);
    }
    assert.ok(count > addresses.length * 2, `${count} changes`);
  });

test('a bridge with addresses whose interface is not known stays', async () => {
  const host = await hostWithInterface();
  await settle(host, taken);
  await host.links.apply('', [
    { do: 'set-link', name: 'eth1', master: null },
    { do: 'set-link', name: 'eth1', mac: 'fa:16:3e:99:99:99' },
  ]);
  await settle(host, given);
  assert.ok((await host.links.list('')).some(l => l.name === bridge));
  assert.deepEqual(await held(host), new Set(addresses));
});

test('an interface that does not take an address keeps its bridge', async () => {
  const host = simHost();
  await host.links.apply('', [
    { do: 'add-link', link: { kind: 'dummy', name: 'eth1' } },
    { do: 'add-link', link: { kind: 'bridge', name: bridge } },
    { do: 'set-link', name: 'eth1', master: bridge },
    { do: 'add-address', dev: bridge, cidr: '203.0.113.5/24' },
  ]);
  host.links.failNext('add-address', { name: 'eth1' });
  await host.links.apply('', await next(host, given));
  assert.deepEqual(await held(host), new Set(['203.0.113.5/24']));
  await settle(host, given);
  assert.deepEqual([await held(host), (await host.links.list('')).some(l => l.name === bridge)], [new Set(['203.0.113.5/24']), false]);
});
