// The packet filter of a router's namespace as iptables rules, in the words that iptables-save uses for them.
// Chain names and rules are those of Neutron's L3 agent: operators and its tools know them.

export type Family = 4 | 6;

export interface FirewallFloatingIp {
  readonly floating: string;
  readonly fixed: string;
  /** Mark of the fixed address's scope; only where it is not the external network's. */
  readonly scopeMark?: string;
}

export interface FirewallForwarding {
  readonly floating: string;
  readonly id: string;
  readonly protocol: string;
  readonly externalPorts: string;
  /** `ip:ports`. */
  readonly to: string;
}

/** A protocol whose further connections the kernel follows. */
export interface FirewallHelper {
  readonly protocol: string;
  readonly port: number;
  readonly helper: string;
}

export interface FirewallGateway {
  readonly device: string;
  /** First IPv4 address of the gateway port. */
  readonly address?: string;
  readonly snat: boolean;
  /** Mark of the external network's IPv4 scope, where it has one: within a scope nothing is translated. */
  readonly sameScopeMark?: string;
  readonly scopeMark: string;
}

export interface RouterFirewall {
  readonly gateway?: FirewallGateway;
  readonly scopes: Readonly<Record<Family, readonly { readonly device: string; readonly mark: string }[]>>;
  readonly floatingIps: readonly FirewallFloatingIp[];
  readonly forwardings: readonly FirewallForwarding[];
  readonly helpers: readonly FirewallHelper[];
  /** Where metadata requests are redirected to; absent: no metadata. */
  readonly metadataPort?: number;
}

export interface Table {
  /** Own chain → its rules. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Built-in chain → the rules at its head, each a jump to an own chain. */
  readonly heads: ReadonlyMap<string, readonly string[]>;
}

/** Apart from the others: a kernel may lack a helper, and a router is no less a router for that. */
export const helpersTable = 'raw';

export type Ruleset = ReadonlyMap<string, Table>;

export const ownPrefix = 'neutron-l3-agent-';
const own = (chain: string): string => `${ownPrefix}${chain}`;
const jump = (chain: string): string => `-j ${own(chain)}`;

const METADATA = '-d 169.254.169.254/32 -i qr-+ -p tcp -m tcp --dport 80';
const HIGH = '--nfmask 0xffff0000 --ctmask 0xffff0000';
const FROM_OUTSIDE = '0x2/0xffff';
const METADATA_MARK = '0x1/0xffff';

/** Builds one table; rules come in the order of the calls. */
class TableBuilder implements Table {
  readonly chains = new Map<string, string[]>();
  readonly heads = new Map<string, string[]>();

  /** An own chain for each, and the jump from its built-in namesake. */
  builtin(...chains: string[]): this {
    for (const chain of chains) {
      this.chains.set(own(chain), []);
      this.heads.set(chain, [...(this.heads.get(chain) ?? []), jump(chain)]);
    }
    return this;
  }

  head(builtin: string, rule: string): this {
    this.heads.set(builtin, [...(this.heads.get(builtin) ?? []), rule]);
    return this;
  }

  add(chain: string, ...rules: string[]): this {
    const key = chain.startsWith('neutron-') ? chain : own(chain);
    this.chains.set(key, [...(this.chains.get(key) ?? []), ...rules]);
    return this;
  }
}

export interface FirewallOptions {
  /** `--random-fully`: known to iptables from 1.6.2 on. */
  readonly randomFully: boolean;
}

export function firewallRules(fw: RouterFirewall, family: Family, options: FirewallOptions): Ruleset {
  const out = new Map<string, Table>();
  if (family === 4) out.set('nat', natTable(fw, options.randomFully ? ' --random-fully' : ''));
  out.set('mangle', family === 4 ? mangleTable4(fw) : mangleTable6(fw));
  out.set('filter', filterTable(fw, family));
  if (fw.helpers.length > 0) out.set(helpersTable, rawTable(fw.helpers));
  return out;
}

function natTable(fw: RouterFirewall, random: string): Table {
  const t = new TableBuilder().builtin('PREROUTING', 'OUTPUT', 'POSTROUTING');
  t.head('POSTROUTING', '-j neutron-postrouting-bottom');
  t.add('neutron-postrouting-bottom', `-m comment --comment "leaves through the gateway" ${jump('snat')}`);
  t.add('float-snat').add('snat', jump('float-snat'));
  if (fw.metadataPort !== undefined) t.add('PREROUTING', `${METADATA} -j REDIRECT --to-ports ${fw.metadataPort}`);
  for (const { floating, fixed } of fw.floatingIps) {
    t.add('PREROUTING', `-d ${floating}/32 -j DNAT --to-destination ${fixed}`);
    t.add('OUTPUT', `-d ${floating}/32 -j DNAT --to-destination ${fixed}`);
    t.add('float-snat', `-s ${fixed}/32 -j SNAT --to-source ${floating}${random}`);
  }
  addForwardings(t, fw.forwardings);
  if (fw.gateway?.address !== undefined) addGatewayNat(t, fw.gateway, fw.gateway.address, random);
  return t;
}

function addGatewayNat(t: TableBuilder, gateway: FirewallGateway, address: string, random: string): void {
  const { device } = gateway;
  const to = `-j SNAT --to-source ${address}${random}`;
  // What only crosses between internal networks is not translated …
  t.add('POSTROUTING', `! -o ${device} -m conntrack ! --ctstate DNAT -j ACCEPT`);
  if (gateway.sameScopeMark !== undefined) t.add('snat', `-o ${device} -m connmark --mark ${gateway.sameScopeMark} -j ACCEPT`);
  if (gateway.snat) t.add('snat', `-o ${device} ${to}`);
  // … but what an instance sends to a floating IP of this router is, so that the answer comes back this way.
  t.add('snat', `-m mark ! --mark ${FROM_OUTSIDE} -m conntrack --ctstate DNAT ${to}`);
}

/** One chain for all port forwardings, so that floating IPs with a fixed address stay in front. */
function addForwardings(t: TableBuilder, forwardings: readonly FirewallForwarding[]): void {
  if (forwardings.length === 0) return;
  t.add('PREROUTING', jump('fip-pf'));
  for (const { floating, protocol, externalPorts, to } of forwardings) {
    const rule = `-d ${floating}/32 -p ${protocol} -m ${protocol} --dport ${externalPorts} -j DNAT --to-destination ${to}`;
    t.add('OUTPUT', rule).add('fip-pf', rule);
  }
}

function addScopes(t: TableBuilder, fw: RouterFirewall, family: Family): void {
  t.add('PREROUTING', jump('scope'));
  t.add('scope', ...fw.scopes[family].map(({ device, mark }) => `-i ${device} -j MARK --set-xmark ${mark}`));
}

function mangleTable6(fw: RouterFirewall): Table {
  const t = new TableBuilder().builtin('PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING');
  addScopes(t, fw, 6);
  return t;
}

function mangleTable4(fw: RouterFirewall): Table {
  const t = new TableBuilder().builtin('PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING');
  t.add('mark').add('floatingip').add('float-snat');
  t.add('PREROUTING', jump('mark'));
  addScopes(t, fw, 4);
  // Answers carry the scope of who asked: what was let out may come back in.
  t.add('PREROUTING', `-m connmark ! --mark 0x0/0xffff0000 -j CONNMARK --restore-mark ${HIGH}`, jump('floatingip'));
  if (fw.metadataPort !== undefined) t.add('PREROUTING', `${METADATA} -j MARK --set-xmark ${METADATA_MARK}`);
  const { gateway } = fw;
  if (!gateway) return t;
  const save = `-m connmark --mark 0x0/0xffff0000 -j CONNMARK --save-mark ${HIGH}`;
  t.add('mark', `-i ${gateway.device} -j MARK --set-xmark ${FROM_OUTSIDE}`);
  t.add('POSTROUTING', `-o ${gateway.device} ${save}`);
  const crossing = fw.floatingIps.filter(f => f.scopeMark !== undefined);
  if (crossing.length > 0) t.add('float-snat', `-o ${gateway.device} -j MARK --set-xmark ${gateway.scopeMark}`, save);
  for (const { floating, fixed, scopeMark } of crossing) {
    t.add('floatingip', `-d ${floating}/32 -j MARK --set-xmark ${scopeMark}`);
    t.add('FORWARD', `-s ${fixed}/32 ${jump('float-snat')}`);
  }
  return t;
}

function rawTable(helpers: readonly FirewallHelper[]): Table {
  const t = new TableBuilder().builtin('PREROUTING', 'OUTPUT').add('PREROUTING', jump('cth'));
  for (const { protocol, port, helper } of helpers) t.add('cth', `-p ${protocol} -m ${protocol} --dport ${port} -j CT --helper ${helper}`);
  return t;
}

function filterTable(fw: RouterFirewall, family: Family): Table {
  const t = new TableBuilder();
  t.head('FORWARD', '-j neutron-filter-top').head('OUTPUT', '-j neutron-filter-top').builtin('INPUT', 'FORWARD', 'OUTPUT');
  t.add('neutron-filter-top', jump('local')).add('local').add('scope').add('FORWARD', jump('scope'));
  // Translated traffic leaves whatever scope it came from.
  const leaves = family === 4 && fw.gateway?.snat === true ? fw.gateway.device : undefined;
  for (const { device, mark } of fw.scopes[family]) if (device !== leaves) t.add('scope', `-o ${device} -m mark ! --mark ${mark} -j DROP`);
  if (fw.metadataPort !== undefined) {
    if (family === 4) t.add('INPUT', `-m mark --mark ${METADATA_MARK} -j ACCEPT`);
    t.add('INPUT', `-p tcp -m tcp --dport ${fw.metadataPort} -j DROP`);
  }
  return t;
}
