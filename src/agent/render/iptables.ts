// iptables tables as values: what iptables-save says, what there should be, and the difference as text for `iptables-restore --noflush`.

/** A table that an agent owns a part of: its own chains, and the jumps to them at the top of built-in chains. */
export interface DesiredTable {
  readonly table: string;
  /** Chain → rules, each without `-A chain`, in the words of iptables-save. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Rules that a built-in chain must hold; a missing one is inserted at the top, in this order. */
  readonly jumps: readonly { readonly chain: string; readonly rule: string }[];
}

export type ActualTable = ReadonlyMap<string, readonly string[]>;

/** Table → chain → rules, of the output of iptables-save. */
export function parseSave(text: string): Map<string, Map<string, string[]>> {
  const tables = new Map<string, Map<string, string[]>>();
  let table = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      table = new Map();
      tables.set(line.slice(1).trim(), table);
    } else if (line.startsWith(':')) {
      table.set(line.slice(1).split(' ', 1)[0] ?? '', []);
    } else if (line.startsWith('-A ')) {
      const end = line.indexOf(' ', 3);
      const chain = end < 0 ? line.slice(3) : line.slice(3, end);
      table.get(chain)?.push(end < 0 ? '' : line.slice(end + 1));
    }
  }
  return tables;
}

/** The text that turns `actual` into `desired`, or '' when they agree. Chains for which `ours` holds and that are not desired go, if `sweep`. */
export function tableDelta(actual: ActualTable, desired: DesiredTable, ours: (chain: string) => boolean, sweep: boolean): string {
  const changed = [...desired.chains].filter(([name, rules]) => !sameRules(actual.get(name), rules));
  const gone = sweep ? [...actual.keys()].filter(name => ours(name) && !desired.chains.has(name)) : [];
  const jumps = desired.jumps.filter(j => !actual.get(j.chain)?.some(rule => same(rule, j.rule)));
  if (changed.length === 0 && gone.length === 0 && jumps.length === 0) return '';
  const edits = changed.map(([name, rules]) => edit(name, actual.get(name), rules));
  const lines = [
    `*${desired.table}`,
    // A chain that is named here is made, or emptied.
    ...edits.filter(e => e.rewrite).map(e => `:${e.name} - [0:0]`),
    ...gone.map(name => `:${name} - [0:0]`),
    ...edits.flatMap(e => e.lines),
    ...jumps.map(j => `-I ${j.chain} ${1 + jumps.filter(k => k.chain === j.chain).indexOf(j)} ${j.rule}`),
    ...jumpsTo(new Set(gone), actual, ours),
    ...gone.map(name => `-X ${name}`),
    'COMMIT',
  ];
  return `${lines.join('\n')}\n`;
}

/** Deletes rules of others' chains that lead to what goes: an agent of Neutron's had jumps that ours has not, and no chain goes before them. */
function jumpsTo(gone: ReadonlySet<string>, actual: ActualTable, ours: (chain: string) => boolean): string[] {
  const leads = (rule: string): boolean => gone.has(/(?:^| )-[jg] (\S+)$/.exec(rule)?.[1] ?? '');
  return [...actual].flatMap(([name, rules]) => (ours(name) ? [] : rules.filter(leads).map(rule => `-D ${name} ${rule}`)));
}

/** Chains of which a rule went away, comparing only chains that both have. */
export function shrunkChains(actual: ActualTable, desired: DesiredTable): string[] {
  return [...desired.chains]
    .filter(([name, rules]) => {
      // Nearly all chains are as they were, word for word, and need no closer look.
      const before = actual.get(name);
      if (before === undefined || before === rules) return false;
      const verbatim = new Set(rules);
      const others = before.filter(rule => !verbatim.has(rule));
      if (others.length === 0) return false;
      const kept = new Set(rules.map(canonical));
      return others.some(rule => !kept.has(canonical(rule)));
    })
    .map(([name]) => name);
}

interface Edit {
  readonly name: string;
  readonly rewrite: boolean;
  readonly lines: readonly string[];
}

/** A few rules of a long chain are deleted and inserted by number; otherwise the chain is written anew. */
function edit(name: string, actual: readonly string[] | undefined, desired: readonly string[]): Edit {
  const anew = { name, rewrite: true, lines: desired.map(rule => `-A ${name} ${rule}`) };
  if (!actual) return anew;
  const steps = diff(actual.map(canonical), desired.map(canonical));
  if (!steps || steps.length > desired.length / 2) return anew;
  const lines = steps.map(s => (s.insert === undefined ? `-D ${name} ${s.at}` : `-I ${name} ${s.at} ${desired[s.insert]}`));
  return { name, rewrite: false, lines };
}

interface Step {
  /** The rule's number in the chain at that moment, from 1. */
  readonly at: number;
  /** Index in the desired rules; absent for a deletion. */
  readonly insert?: number;
}

/** Deletes what is not wanted, then inserts what is missing; undefined when what is kept would change its order. */
function diff(actual: readonly string[], desired: readonly string[]): Step[] | undefined {
  const wanted = new Map(desired.map((rule, i) => [rule, i]));
  const kept = actual.filter(rule => wanted.has(rule));
  if (wanted.size !== desired.length || new Set(kept).size !== kept.length) return undefined;
  for (let i = 1; i < kept.length; i++) if (wanted.get(kept[i]!)! < wanted.get(kept[i - 1]!)!) return undefined;
  const deletes: Step[] = [];
  for (let i = actual.length; i > 0; i--) if (!wanted.has(actual[i - 1]!)) deletes.push({ at: i });
  const stays = new Set(kept);
  const inserts = desired.flatMap((rule, i) => (stays.has(rule) ? [] : [{ at: i + 1, insert: i }]));
  return [...deletes, ...inserts];
}

function sameRules(actual: readonly string[] | undefined, desired: readonly string[]): boolean {
  if (actual === desired) return true;
  return actual !== undefined && actual.length === desired.length && actual.every((rule, i) => same(rule, desired[i]!));
}

const same = (a: string, b: string): boolean => a === b || canonical(a) === canonical(b);

/** Numbers of the protocols that some version of iptables-save prints by name and another by number. */
const protocols: Readonly<Record<string, string>> = {
  icmp: '1',
  igmp: '2',
  ipencap: '4',
  tcp: '6',
  udp: '17',
  dccp: '33',
  ipv6: '41',
  'ipv6-route': '43',
  'ipv6-frag': '44',
  rsvp: '46',
  gre: '47',
  esp: '50',
  ah: '51',
  'ipv6-icmp': '58',
  icmpv6: '58',
  'ipv6-nonxt': '59',
  'ipv6-opts': '60',
  ospf: '89',
  vrrp: '112',
  pgm: '113',
  sctp: '132',
  'mobility-header': '135',
  udplite: '136',
};

/** One form for what different versions of iptables-save print differently: protocol names, case of MACs, quotes. */
export function canonical(rule: string): string {
  const words = rule.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  return words
    .map((word, i) => {
      const before = words[i - 1];
      if (before === '-p') return protocols[word] ?? word;
      if (before === '--mac-source') return word.toLowerCase();
      return word.startsWith('"') ? word.slice(1, -1) : word;
    })
    .join(' ');
}
