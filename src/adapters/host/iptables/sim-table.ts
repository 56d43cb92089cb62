// One simulated iptables table: the commands of a restore text with --noflush, and the print of iptables-save.
import { parseRule, type SimRule, words } from './sim-rule.ts';

export class RestoreError extends Error {}

export interface SimChain {
  /** A built-in chain's policy; undefined for a chain of the user. */
  policy: string | undefined;
  rules: SimRule[];
}

export type SimTable = Map<string, SimChain>;

const BUILTIN: Readonly<Record<string, readonly string[]>> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  raw: ['PREROUTING', 'OUTPUT'],
  security: ['INPUT', 'FORWARD', 'OUTPUT'],
};

const TARGETS = new Set(
  (
    'ACCEPT DROP QUEUE RETURN REJECT LOG NFLOG NFQUEUE CT NOTRACK MARK CONNMARK SNAT DNAT MASQUERADE REDIRECT NETMAP TPROXY CHECKSUM ' +
    'TCPMSS SET DSCP TOS CLASSIFY TRACE HL TTL AUDIT CONNSECMARK SECMARK TEE'
  ).split(' '),
);

export function freshTable(name: string): SimTable | undefined {
  const chains = BUILTIN[name];
  return chains && new Map(chains.map(c => [c, { policy: 'ACCEPT', rules: [] }]));
}

export const copyTable = (table: SimTable): SimTable => new Map([...table].map(([name, c]) => [name, { ...c, rules: [...c.rules] }]));

export function printTable(name: string, table: SimTable): string {
  // the nft-backed tool prints the users' chains by name
  const sorted = [...table].sort(([a, x], [b, y]) => (x.policy !== undefined || y.policy !== undefined ? 0 : a < b ? -1 : 1));
  const chains = sorted.map(([chain, c]) => `:${chain} ${c.policy ?? '-'} [0:0]`);
  const rules = sorted.flatMap(([chain, c]) => c.rules.map(r => (r.text === '' ? `-A ${chain}` : `-A ${chain} ${r.text}`)));
  return `${[`*${name}`, ...chains, ...rules, 'COMMIT'].join('\n')}\n`;
}

/** `:CHAIN POLICY [0:0]`: makes a chain or empties it; a built-in one only gets its policy. */
export function declare(table: SimTable, line: string): void {
  const [, chain = '', policy = ''] = /^:(\S+)\s+(\S+)/.exec(line) ?? [];
  if (chain === '' || chain.length > 28) throw new RestoreError(`invalid chain name \`${chain}' (limit 28)`);
  const known = table.get(chain);
  if (known?.policy !== undefined) {
    if (policy !== '-') known.policy = policy;
  } else if (policy !== '-') throw new RestoreError(`Policy ${policy} on chain ${chain} not allowed`);
  else if (known) known.rules = [];
  else table.set(chain, { policy: undefined, rules: [] });
}

export function command(table: SimTable, line: string): void {
  const [verb = '', chain = '', ...spec] = words(line);
  switch (verb) {
    case '-A':
    case '-I':
      insert(table, verb, chain, spec);
      break;
    case '-D':
      remove(table, chain, spec);
      break;
    case '-R': {
      const rules = mustFind(table, chain).rules;
      rules[ruleNumber(rules, spec[0])] = parseRule(spec.slice(1));
      break;
    }
    case '-N':
      if (table.has(chain)) throw new RestoreError('Chain already exists.');
      table.set(chain, { policy: undefined, rules: [] });
      break;
    case '-F':
      for (const c of chain === '' ? table.values() : [mustFind(table, chain)]) c.rules = [];
      break;
    case '-P':
      mustFind(table, chain).policy = spec[0] ?? 'ACCEPT';
      break;
    case '-X':
      drop(table, chain);
      break;
    default:
      throw new RestoreError(`unknown command ${verb}`);
  }
}

function insert(table: SimTable, verb: '-A' | '-I', chain: string, spec: readonly string[]): void {
  const rules = mustFind(table, chain).rules;
  if (verb === '-A') {
    rules.push(parseRule(spec));
    return;
  }
  const numbered = /^\d+$/.test(spec[0] ?? '');
  const at = numbered ? Number(spec[0]) - 1 : 0;
  if (at < 0 || at > rules.length) throw new RestoreError('Index of insertion too big.');
  rules.splice(at, 0, parseRule(numbered ? spec.slice(1) : spec));
}

function remove(table: SimTable, chain: string, spec: readonly string[]): void {
  const rules = mustFind(table, chain).rules;
  const numbered = spec.length === 1 && /^\d+$/.test(spec[0] ?? '');
  const wanted = numbered ? undefined : parseRule(spec);
  if (wanted?.target !== undefined) mustBeTarget(table, wanted.target);
  const at = wanted ? rules.findIndex(r => r.text === wanted.text) : ruleNumber(rules, spec[0]);
  if (at < 0) throw new RestoreError('Bad rule (does a matching rule exist in that chain?).');
  rules.splice(at, 1);
}

function drop(table: SimTable, chain: string): void {
  const found = mustFind(table, chain);
  const referred = [...table.values()].some(c => c.rules.some(r => r.target === chain));
  if (found.policy !== undefined || found.rules.length > 0 || referred) {
    throw new RestoreError(`CHAIN_DEL failed (Device or resource busy): chain ${chain}`);
  }
  table.delete(chain);
}

function ruleNumber(rules: readonly SimRule[], text: string | undefined): number {
  const at = Number(text) - 1;
  if (!Number.isInteger(at) || at < 0 || at >= rules.length) throw new RestoreError('Index of deletion too big.');
  return at;
}

function mustFind(table: SimTable, chain: string): SimChain {
  const found = table.get(chain);
  if (!found) throw new RestoreError('No chain/target/match by that name.');
  return found;
}

export function mustBeTarget(table: SimTable, target: string): void {
  const own = table.get(target);
  if (!TARGETS.has(target) && (!own || own.policy !== undefined)) throw new RestoreError(`Chain '${target}' does not exist`);
}
