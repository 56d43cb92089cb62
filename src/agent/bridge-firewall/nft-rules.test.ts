// Rules in nftables on a simulated host: one transaction, a new life, another driver before it, and whom a refusal is about.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SimHost, simHost } from '../../adapters/host/sim-host.ts';
import { members, setName } from '../render/ipset.ts';
import { linuxbridgeNames } from '../render/iptables-names.ts';
import { compilePort, type PortSecurity } from '../render/security-port.ts';
import type { WireRule } from '../render/security-rules.ts';
import type { FirewallPlan } from './firewall-plan.ts';
import { IptablesRules } from './iptables-rules.ts';
import { NftRules } from './nft-rules.ts';
import { RefusedFor, type RuleTables } from './rule-tables.ts';

const group = 'fe4f52c7-ab8e-4c88-a606-b012618227f7';
const tcp = (port: number): WireRule => ({
  direction: 'ingress',
  ethertype: 'IPv4',
  protocol: 'tcp',
  port_range_min: port,
  port_range_max: port,
});
const fromGroup: WireRule = { direction: 'ingress', ethertype: 'IPv4', remote_group_id: group };

const port = (n: number, ...rules: WireRule[]): PortSecurity =>
  compilePort({
    id: `0000000${n}-0000-4000-8000-000000000000`,
    device: `tap0000000${n}-00`,
    mac_address: `fa:16:3e:00:00:0${n}`,
    fixed_ips: [`10.0.0.${n}`],
    allowed_address_pairs: [],
    rules,
  });

function planOf(filtered: readonly PortSecurity[], ...addresses: string[]): FirewallPlan {
  const named = filtered.some(p => p.rules.some(r => r.remoteGroup !== undefined));
  return {
    input: { filtered, closed: [], open: [], zones: [{ bridge: 'brq11111111-11', zone: 4242, hostAddresses: false }] },
    sets: new Map(named ? [[setName(group, 4), { family: 4, members: members(4, addresses) }]] : []),
    admitted: new Set(filtered.map(p => p.device)),
    foreign: new Set(),
    nohost: new Set(),
    wires: new Set(),
    fragmentZones: new Map(),
    problems: new Map(),
  };
}

async function begin(
  host: SimHost,
  make: (host: SimHost) => RuleTables = h => new NftRules(h.nft, 'neutron-linuxbri'),
): Promise<RuleTables> {
  const rules = make(host);
  await rules.load();
  return rules;
}

async function realise(rules: RuleTables, plan: FirewallPlan) {
  await rules.prepare(plan);
  const shrunk = await rules.apply(plan);
  await rules.finish(plan);
  return { lost: [...shrunk.devices], changed: shrunk.changed };
}

test('a pass is one transaction; what is as it should be costs none, in this life and the next', async () => {
  const host = simHost();
  const rules = await begin(host);
  const plan = planOf([port(1, tcp(22)), port(2, fromGroup)], '10.0.0.1', '10.1.0.0/24', '10.1.0.7');
  assert.deepEqual(await realise(rules, plan), { lost: [], changed: true });
  assert.equal(host.nft.applied.length, 1);
  assert.deepEqual(await realise(rules, plan), { lost: [], changed: false });
  const next = await begin(host);
  assert.deepEqual([...next.zones()], [['brq11111111-11', 4242]]);
  assert.deepEqual(await realise(next, plan), { lost: [], changed: false });
  assert.equal(host.nft.applied.length, 1);
});

test('a member more is one element, and whoever loses a rule or a member is named', async () => {
  const host = simHost();
  const rules = await begin(host);
  const [one, two] = [port(1, tcp(22), tcp(80)), port(2, fromGroup)];
  await realise(rules, planOf([one, two], '10.0.0.1'));
  assert.deepEqual(await realise(rules, planOf([one, two], '10.0.0.1', '10.0.0.9')), { lost: [], changed: true });
  assert.equal(host.nft.applied.at(-1)?.script, `add element inet neutron-linuxbri-sg ${setName(group, 4)} { 10.0.0.9 }\n`);
  assert.deepEqual((await realise(rules, planOf([one, two], '10.0.0.9'))).lost, [two.device]);
  assert.deepEqual((await realise(rules, planOf([port(1, tcp(22)), two], '10.0.0.9'))).lost, [one.device]);
  assert.deepEqual((await realise(rules, planOf([port(1, tcp(22), tcp(443)), two], '10.0.0.9'))).lost, []);
});

test('ports that the tool refuses are named; where none is to blame the refusal stands', async () => {
  const host = simHost();
  const rules = await begin(host);
  const set = setName(group, 4);
  // Somebody has made a set of that name of another type.
  await realise(rules, planOf([port(1, tcp(22))]));
  await host.nft.apply('', `add set inet neutron-linuxbri-sg ${set} { type ipv6_addr; }\n`);
  const plan = planOf([port(1, tcp(22)), port(2, fromGroup)], '10.0.0.1');
  await assert.rejects(realise(rules, plan), (error: unknown) => error instanceof RefusedFor && error.devices.join() === 'tap00000002-00');
  await rules.load();
  host.nft.failNext('apply', { reason: 'no more memory' });
  await assert.rejects(
    realise(rules, planOf([port(3, tcp(1))])),
    (error: unknown) => !(error instanceof RefusedFor) && /no more memory/.test(String(error)),
  );
});

test('each driver finds the zones of the other, and takes away what it has left', async () => {
  const host = simHost();
  const iptables = (h: SimHost): RuleTables => new IptablesRules(h, linuxbridgeNames);
  const plan = planOf([port(1, tcp(22)), port(2, fromGroup)], '10.0.0.1');
  await realise(await begin(host, iptables), plan);
  const before = await host.iptables.save('', 4, 'filter');
  assert.match(before, /neutron-linuxbri-i00000001-0/);
  const old = await begin(host, iptables);
  assert.deepEqual([...old.zones()], [['brq11111111-11', 4242]]);
  await realise(await begin(host), plan);
  assert.equal(await host.iptables.save('', 4, 'filter'), before, 'not before it is told');
  await old.remove();
  for (const family of [4, 6] as const) assert.doesNotMatch(await host.iptables.save('', family), /linuxbri/);
  assert.equal((await host.ipsets.list('')).size, 0);
  assert.match((await host.nft.listTable('', 'inet', 'neutron-linuxbri-sg')) ?? '', /goto ingress-/);
  await (await begin(host)).remove();
  for (const family of ['inet', 'bridge'] as const) assert.equal(await host.nft.listTable('', family, 'neutron-linuxbri-sg'), undefined);
});

test('a set that other rules name stays when the chains go', async () => {
  const host = simHost();
  const rules = new IptablesRules(host, linuxbridgeNames);
  await rules.load();
  await realise(rules, planOf([port(2, fromGroup)], '10.0.0.1'));
  await host.iptables.restore('', 4, `*filter\n-A INPUT -m set --match-set ${setName(group, 4)} src -j ACCEPT\nCOMMIT\n`);
  await rules.remove();
  assert.deepEqual([...(await host.ipsets.list('')).keys()], [setName(group, 4)]);
});
