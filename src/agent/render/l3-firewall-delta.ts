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

/** Device → the mark that what comes in by it gets for its address scope. */
export function inboundMarks(saved: string): ReadonlyMap<string, string> {
  const rules = parseSave(saved).get('mangle')?.chains.get(`${ownPrefix}scope`) ?? [];
  return new Map(
    rules.flatMap(rule => {
      const [, device, mark] = /^-i (\S+) -j MARK --set-xmark (0x[0-9a-f]+\/0xffff0000)$/.exec(rule) ?? [];
      return device === undefined || mark === undefined ? [] : [[device, mark] as const];
    }),
  );
}

const isOwn = (chain: string): boolean =>
  chain.startsWith(ownPrefix) || chain === 'neutron-postrouting-bottom' || chain === 'neutron-filter-top';

/** The own chain that a rule of a built-in chain jumps to. */
function jumpsTo(rule: string): string | undefined {
  const target = /(?:^| )-j (\S+)$/.exec(rule)?.[1];
  return target !== undefined && isOwn(target) ? target : undefined;
}

/** Text for `iptables-restore --noflush`; `''` when all is as wanted. `only`: of these tables. */
export function firewallDelta(found: string, wanted: Ruleset, only: (table: string) => boolean = () => true): string {
  const tables = parseSave(found);
  const names = new Set([...wanted.keys(), ...tables.keys()]);
  return [...names]
    .filter(only)
    .map(name => tableDelta(name, tables.get(name), wanted.get(name)))
    .join('');
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

/**
 * Every translation of an address stands in this chain too. It only serves what the router itself sends, so it can stay as it was
 * until the flows of a translation that goes have been ended: an agent that is killed in between then finds them still to be ended.
 */
const WITNESS = `${ownPrefix}OUTPUT`;

/** Flows by their original direction. */
export interface EndedFlows {
  readonly family: 4;
  readonly dst?: string;
  /** The source as translated. */
  readonly replyDst?: string;
  readonly protocol?: string;
  readonly dstPort?: number;
}

const TRANSLATION = /^-d ([0-9.]+)\/32 (?:-p ([a-z]+) -m [a-z]+ --dport ([0-9]+)(:[0-9]+)? )?-j DNAT --to-destination [0-9.]+/;

/** Flows of the translations that were found and are not wanted: towards the address, and what its instance sent out by it, and by no other. */
export function endedFlows(found: string, wanted: Ruleset): EndedFlows[] {
  const kept = new Set((wanted.get('nat')?.chains.get(WITNESS) ?? []).map(normalised));
  const gone = (parseSave(found).get('nat')?.chains.get(WITNESS) ?? []).filter(rule => !kept.has(rule));
  return gone.flatMap((rule): EndedFlows[] => {
    const [, dst, protocol, port, more] = TRANSLATION.exec(rule) ?? [];
    if (dst === undefined) return [];
    if (protocol === undefined)
      return [
        { family: 4, dst },
        { family: 4, replyDst: dst },
      ];
    // A range is not counted out: its whole protocol goes.
    return [{ family: 4, dst, protocol, ...(more === undefined ? { dstPort: Number(port) } : {}) }];
  });
}

/** What is wanted, but with the translations that were found still on record. */
export function withWitness(found: string, wanted: Ruleset): Ruleset {
  const nat = wanted.get('nat');
  const record = parseSave(found).get('nat')?.chains.get(WITNESS);
  if (!nat || !record) return wanted;
  // A chain that is not wanted any more must not be kept alive by the record.
  const rules = record.filter(rule => jumpsTo(rule) === undefined);
  return new Map([...wanted, ['nat', { ...nat, chains: new Map([...nat.chains, [WITNESS, rules]]) }]]);
}

/** The text that brings the record up to date. */
export function settleWitness(wanted: Ruleset): string {
  const rules = wanted.get('nat')?.chains.get(WITNESS) ?? [];
  return ['*nat', `:${WITNESS} - [0:0]`, ...rules.map(rule => `-A ${WITNESS} ${rule}`), 'COMMIT', ''].join('\n');
}
