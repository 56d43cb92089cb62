// From one driver to another on a simulated host: zones stay, the new rules stand before the old ones go, and only once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SimHost, simHost } from '../../adapters/host/sim-host.ts';
import { textLog } from '../../adapters/log/text-log.ts';
import type { AgentContext } from '../context.ts';
import type { PortDetails } from '../desired/l2-port.ts';
import { tapName } from '../desired/linuxbridge-names.ts';
import { View } from '../l2/view.ts';
import { linuxbridgeNames } from '../render/iptables-names.ts';
import type { Bridged } from './bridged.ts';
import { type Filters, makeFilters } from './filters.ts';
import { IptablesRules } from './iptables-rules.ts';
import { NftRules } from './nft-rules.ts';

const tap = 'tap10000000-00';
const bridge = 'brqa0000000-00';
const plan: Bridged = {
  taps: new Map([[tap, { name: tap, bridge, device: tap }]]),
  bridges: new Map([[bridge, { name: bridge }]]),
};

/** A guarded port with one rule. */
function seen(): View {
  const view = new View(tapName);
  view.appeared(tap);
  const device = view.devices.get(tap)!;
  const details = {
    device: tap,
    port_id: '10000000-0000-4000-8000-000000000000',
    fixed_ips: ['10.0.0.1'],
    device_owner: 'compute:nova',
    port_security_enabled: true,
  };
  device.answer = { kind: 'port', details: details as unknown as PortDetails };
  const secured = {
    id: details.port_id,
    device: tap,
    mac_address: 'fa:16:3e:00:00:01',
    fixed_ips: ['10.0.0.1'],
    allowed_address_pairs: [],
    security_groups: ['g'],
    provider_rules: [],
    port_security_enabled: true,
    admin_state_up: true,
  };
  const rule = { direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 22, port_range_max: 22 };
  view.takeSecurity({ devices: new Map([[tap, secured]]), groups: new Map([['g', [rule]]]), members: new Map() }, [device]);
  return view;
}

function filtersOf(host: SimHost, driver: 'iptables' | 'nftables'): Filters {
  const both = { iptables: new IptablesRules(host, linuxbridgeNames), nftables: new NftRules(host.nft, linuxbridgeNames.table) };
  const other = driver === 'iptables' ? 'nftables' : 'iptables';
  const ctx = { host, log: textLog({ sink: { write() {} } }) } as unknown as AgentContext;
  return makeFilters({ ctx, rules: both[driver], others: [both[other]], table: linuxbridgeNames.table, guards: true, isOurs: () => true });
}

async function begin(host: SimHost, driver: 'iptables' | 'nftables'): Promise<Filters> {
  const filters = filtersOf(host, driver);
  await filters.load(true);
  return filters;
}

const inNft = async (host: SimHost): Promise<string> => (await host.nft.listTable('', 'inet', 'neutron-linuxbri-sg')) ?? '';
const inIptables = async (host: SimHost): Promise<string> => (await host.iptables.save('', 4)) + (await host.iptables.save('', 6));

for (const [from, to] of [
  ['iptables', 'nftables'],
  ['nftables', 'iptables'],
] as const)
  test(`${from} → ${to}: the zone stays, and nothing of the old one does`, async () => {
    const host = simHost();
    const view = seen();
    await (await begin(host, from)).apply(view, plan, new Map());
    // As it would be after other networks came and went.
    if (from === 'iptables')
      for (const family of [4, 6] as const) await host.iptables.restore('', family, rezoned(await host.iptables.save('', family, 'raw')));
    else
      await host.nft.apply(
        '',
        `delete element inet neutron-linuxbri-sg zones { "${bridge}" }\nadd element inet neutron-linuxbri-sg zones { "${bridge}" : 4200 }\n`,
      );
    host.conntrack.flushed.length = 0;
    const next = await begin(host, to);
    const { admitted, problems } = await next.apply(view, plan, new Map());
    assert.deepEqual([[...admitted], problems.size], [[tap], 0]);
    assert.deepEqual(host.conntrack.flushed, [], 'no connection is forgotten');
    const [nft, iptables] = [await inNft(host), await inIptables(host)];
    const [now, old] = to === 'nftables' ? [nft, iptables] : [iptables, nft];
    assert.match(now, /4200/);
    assert.doesNotMatch(old, /linuxbri|4200/);
    const count = [host.nft.applied.length, host.iptables.restored.length];
    await next.apply(view, plan, new Map());
    assert.deepEqual([host.nft.applied.length, host.iptables.restored.length], count);
  });

const rezoned = (raw: string): string =>
  raw
    .replace('*raw\n', '*raw\n-F neutron-linuxbri-PREROUTING\n')
    .replaceAll('--zone 4097', '--zone 4200')
    .replace(/^-A PREROUTING.*\n/m, '');

test('the old rules stay as long as the new ones do not stand', async () => {
  const host = simHost();
  const view = seen();
  await (await begin(host, 'iptables')).apply(view, plan, new Map());
  const before = await inIptables(host);
  const next = await begin(host, 'nftables');
  host.nft.failNext('apply', { reason: 'not now' });
  await assert.rejects(next.apply(view, plan, new Map()), /not now/);
  assert.equal(await inIptables(host), before);
  await next.apply(view, plan, new Map());
  assert.doesNotMatch(await inIptables(host), /linuxbri/);
  assert.match(await inNft(host), /ingress-/);
});

test('what could not be removed is removed in the next pass', async () => {
  const host = simHost();
  const view = seen();
  await (await begin(host, 'iptables')).apply(view, plan, new Map());
  const next = await begin(host, 'nftables');
  host.iptables.failNext('restore', { reason: 'busy' });
  await assert.rejects(next.apply(view, plan, new Map()), /busy/);
  await next.apply(view, plan, new Map());
  assert.doesNotMatch(await inIptables(host), /linuxbri/);
});
