// From what iptables-save says and what is wanted, the iptables-restore text that leads there; empty when nothing differs.
// A table is replaced in one transaction; rules of other owners in the built-in chains stay.
import { ownPrefix, type Ruleset, type Table } from './l3-firewall.ts';

interface FoundTable {
  /** Chain → rules, without `-A <chain>`, in one spelling. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
}

/** The rules of each table of an `iptables-save` text. */
export function parseSave(text: string): ReadonlyMap<string, FoundTable> {
  const tables = new Map<string, { chains: Map<string, string[]> }>();
  let chains: Map<string, string[]> | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      chains = new Map();
      tables.set(line.slice(1).trim(), { chains });
    } else if (line.startsWith(':')) chains?.set(line.slice(1).split(' ')[0] ?? '', []);
    else if (line.startsWith('-A ')) {
      const [, chain = ''] = line.split(' ', 2);
      chains?.get(chain)?.push(normalised(line.slice(`-A ${chain} `.length)));
    }
  }
  return tables;
}

/** Spellings that versions of iptables-save differ in. */
function normalised(rule: string): string {
  return rule
    .replace(/"/g, '')
    .replace(/ --set-mark /, ' --set-xmark ')
    .trim();
}

const isOwn = (chain: string): boolean =>
  chain.startsWith(ownPrefix) || chain === 'neutron-postrouting-bottom' || chain === 'neutron-filter-top';

/** The own chain that a rule of a built-in chain jumps to. */
function jumpsTo(rule: string): string | undefined {
  const target = /(?:^| )-j (\S+)$/.exec(rule)?.[1];
  return target !== undefined && isOwn(target) ? target : undefined;
}

/** Text for `iptables-restore --noflush`; `''` when all is as wanted. */
export function firewallDelta(found: string, wanted: Ruleset): string {
  const tables = parseSave(found);
  const names = new Set([...wanted.keys(), ...tables.keys()]);
  return [...names].map(name => tableDelta(name, tables.get(name), wanted.get(name))).join('');
}

const empty: Table = { chains: new Map(), heads: new Map() };

function tableDelta(name: string, found: FoundTable = { chains: new Map() }, wanted: Table = empty): string {
  const stale = [...found.chains.keys()].filter(c => isOwn(c) && !wanted.chains.has(c));
  const changed = [...wanted.chains].filter(([chain, rules]) => !sameRules(found.chains.get(chain), rules.map(normalised)));
  const heads = headChanges(found, wanted);
  if (stale.length === 0 && changed.length === 0 && heads.length === 0) return '';
  const lines = [
    `*${name}`,
    // Declaring an own chain empties it, and makes it where it was not.
    ...[...changed.map(([chain]) => chain), ...stale].map(chain => `:${chain} - [0:0]`),
    ...changed.flatMap(([chain, rules]) => rules.map(rule => `-A ${chain} ${rule}`)),
    ...heads,
    ...stale.map(chain => `-X ${chain}`),
    'COMMIT',
    '',
  ];
  return lines.join('\n');
}

function sameRules(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a !== undefined && a.length === b.length && a.every((rule, i) => rule === b[i]);
}

/** Our jumps stand first and in order; anything else that jumps to us is taken away. */
function headChanges(found: FoundTable, wanted: Table): string[] {
  const out: string[] = [];
  const builtins = new Set([...wanted.heads.keys(), ...[...found.chains.keys()].filter(c => !isOwn(c))]);
  for (const chain of builtins) {
    const ours = (found.chains.get(chain) ?? []).filter(rule => jumpsTo(rule) !== undefined);
    const want = wanted.heads.get(chain) ?? [];
    if (sameRules(ours, want.map(normalised))) continue;
    out.push(...ours.map(rule => `-D ${chain} ${rule}`), ...want.map((rule, i) => `-I ${chain} ${i + 1} ${rule}`));
  }
  return out;
}

/** Floating IP → fixed IP of the DNAT rules that were found: their flows end when a pair goes. */
export function foundTranslations(found: string): ReadonlyMap<string, string> {
  const out = new Map<string, string>();
  for (const rule of parseSave(found).get('nat')?.chains.get(`${ownPrefix}PREROUTING`) ?? []) {
    const match = /^-d ([0-9.]+)\/32 -j DNAT --to-destination ([0-9.]+)$/.exec(rule);
    if (match?.[1] !== undefined && match[2] !== undefined) out.set(match[1], match[2]);
  }
  return out;
}
