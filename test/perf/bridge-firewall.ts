// What rules of ports behind Linux bridges cost in iptables with ipsets and in nftables: how much there is of it, and how long a pass takes.
// Run as root: node_modules/.bin/node --disable-warning=ExperimentalWarning test/perf/bridge-firewall.ts [ports] [members]
import { spawnSync } from 'node:child_process';
import { openHost } from '../../src/adapters/host/open-host.ts';
import type { FirewallPlan } from '../../src/agent/bridge-firewall/firewall-plan.ts';
import { IptablesRules } from '../../src/agent/bridge-firewall/iptables-rules.ts';
import { NftRules } from '../../src/agent/bridge-firewall/nft-rules.ts';
import type { RuleTables } from '../../src/agent/bridge-firewall/rule-tables.ts';
import { members, setName } from '../../src/agent/render/ipset.ts';
import { linuxbridgeNames } from '../../src/agent/render/iptables-names.ts';
import { compilePort, type PortSecurity } from '../../src/agent/render/security-port.ts';
import type { WireRule } from '../../src/agent/render/security-rules.ts';
import { markdown } from './statistics.ts';

if (process.env['WEFT_UNSHARED'] === undefined) {
  const again = ['--net', process.execPath, '--disable-warning=ExperimentalWarning', import.meta.filename, ...process.argv.slice(2)];
  process.exit(spawnSync('unshare', again, { stdio: 'inherit', env: { ...process.env, WEFT_UNSHARED: '1' } }).status ?? 1);
}

const ports = Number(process.argv[2] ?? 200);
const count = Number(process.argv[3] ?? 1000);
const group = 'fe4f52c7-ab8e-4c88-a606-b012618227f7';
const rule = (fields: WireRule): WireRule[] => ['IPv4', 'IPv6'].map(ethertype => ({ ethertype, ...fields }));
/** The default group, and ten ports of TCP. */
const rules = [
  ...rule({ direction: 'egress' }),
  ...rule({ direction: 'ingress', remote_group_id: group }),
  ...Array.from({ length: 10 }, (_, i) =>
    rule({ direction: 'ingress', protocol: 'tcp', port_range_min: 8000 + i, port_range_max: 8000 + i }),
  ).flat(),
];

const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, '0');
const portOf = (n: number): PortSecurity =>
  compilePort({
    id: `${hex(n, 8)}-00${hex(n & 0xff, 2)}-4000-8000-000000000000`,
    device: `tap${hex(n, 8)}-00`,
    mac_address: `fa:16:3e:00:${hex(n >> 8, 2)}:${hex(n & 0xff, 2)}`,
    fixed_ips: [`10.1.${n >> 8}.${n & 0xff}`, `fd00:1::${hex(n, 1)}`],
    allowed_address_pairs: [],
    rules,
  });
const addresses = (many: number): string[] =>
  Array.from({ length: many }, (_, i) => [`10.9.${(i >> 8) & 0xff}.${i & 0xff}`, `fd00:9::${hex(i + 1, 1)}`]).flat();

const all = Array.from({ length: ports + 1 }, (_, i) => portOf(i + 1));
const planOf = (filtered: readonly PortSecurity[], many: number): FirewallPlan => ({
  input: { filtered, closed: [], open: [], zones: [{ bridge: 'brq11111111-11', zone: 4097, hostAddresses: false }] },
  sets: new Map(([4, 6] as const).map(family => [setName(group, family), { family, members: members(family, addresses(many)) }])),
  admitted: new Set(),
  foreign: new Set(),
  nohost: new Set(),
  wires: new Set(),
  fragmentZones: new Map(),
  problems: new Map(),
});

async function pass(rules: RuleTables, plan: FirewallPlan): Promise<number> {
  const began = performance.now();
  await rules.prepare(plan);
  await rules.apply(plan);
  await rules.finish(plan);
  return Math.round(performance.now() - began);
}

const host = openHost();
const out = (argv: string): string => spawnSync('sh', ['-c', argv], { encoding: 'utf8', maxBuffer: 1 << 28 }).stdout;
const lines = (argv: string, pattern: RegExp): number =>
  out(argv)
    .split('\n')
    .filter(line => pattern.test(line)).length;
const drivers = {
  iptables: { rules: new IptablesRules(host, linuxbridgeNames), size: () => lines('iptables-save; ip6tables-save', /^-A/) },
  nftables: {
    rules: new NftRules(host.nft, linuxbridgeNames.table),
    size: () =>
      lines('nft -t list table inet neutron-linuxbri-sg; nft -t list table bridge neutron-linuxbri-sg', /^\t\t(?!type|typeof|flags)\S/),
  },
};
const some = all.slice(0, ports);
for (const [name, { rules, size }] of Object.entries(drivers)) {
  await rules.load();
  const cold = await pass(rules, planOf(some, count));
  const kept = size();
  const member = await pass(rules, planOf(some, count + 1));
  const port = await pass(rules, planOf(all, count + 1));
  const more = size() - kept;
  await rules.load();
  const again = await pass(rules, planOf(all, count + 1));
  console.log(
    markdown([
      [name, ''],
      [`rules for ${ports} ports`, `${kept}`],
      ['rules more for one port more', `${more}`],
      ['ms from cold', `${cold}`],
      ['ms for a member more, both families', `${member}`],
      ['ms for a port more', `${port}`],
      ['ms for nothing', `${again}`],
    ]),
  );
  await rules.remove();
}
