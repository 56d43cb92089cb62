// What has to be undone so that nothing of ours is left on the machine: a pure comparison of before and now, by marks and names that are ours.
import { chainName, type Families, type Machine, type NftItem } from './look.ts';
import { isOurChain, isOurSet, isOurTable } from './names.ts';

export interface Sweep {
  readonly namespaces: readonly string[];
  /** For `ip -batch`. */
  readonly links: readonly string[];
  /** For `iptables-restore --noflush`; empty when there is nothing to do. */
  readonly rules: Readonly<Record<'iptables' | 'ip6tables', string>>;
  readonly sets: readonly string[];
  /** nft tables that are ours whole. */
  readonly tables: readonly string[];
  /** Zones of connection tracking that our rules put packets into. */
  readonly zones: readonly number[];
  /** `key=value`. */
  readonly sysctls: readonly string[];
}

export interface Marks {
  /** The alias of links that we made. */
  readonly mark: string;
  /** Namespaces that we made. */
  readonly namespaces: ReadonlySet<string>;
}

export function planSweep(before: Machine, now: Machine, ours: Marks): Sweep {
  const added = (key: 'namespaces' | 'sets' | 'tables'): string[] => now[key].filter(name => !before[key].includes(name));
  return {
    namespaces: added('namespaces').filter(name => ours.namespaces.has(name)),
    links: now.links.filter(name => now.aliases[name] === ours.mark),
    rules: {
      iptables: undoRules(before.rules.iptables, now.rules.iptables),
      ip6tables: undoRules(before.rules.ip6tables, now.rules.ip6tables),
    },
    sets: added('sets').filter(isOurSet),
    tables: added('tables').filter(isOurTable),
    zones: addedZones(before.rules, now.rules),
    sysctls: Object.entries(before.sysctls).flatMap(([key, value]) => (now.sysctls[key] === value ? [] : [`${key}=${value}`])),
  };
}

/** Of rules that are there now and name a zone that nobody's rule named before. */
function addedZones(before: Families, now: Families): number[] {
  const zonesOf = ({ iptables, ip6tables }: Families): Set<number> =>
    new Set([...`${iptables}\n${ip6tables}`.matchAll(/^-A neutron-\S+ .*-j CT --zone (\d+)$/gm)].map(match => Number(match[1])));
  const known = new Set([...`${before.iptables}\n${before.ip6tables}`.matchAll(/ --zone (\d+)/g)].map(match => Number(match[1])));
  return [...zonesOf(now)].filter(zone => zone !== 0 && !known.has(zone));
}

export function isClean({ namespaces, links, rules, sets, tables, sysctls }: Sweep): boolean {
  const lists = [namespaces, links, sets, tables, sysctls];
  return lists.every(list => list.length === 0) && rules.iptables === '' && rules.ip6tables === '';
}

/**
 * Base chains and tables that iptables made for our rules, as a script for nft, once those rules are gone: what holds no rule and
 * lets everything pass does nothing, and was not there before.
 */
export function planEmptied(before: Pick<Machine, 'tables' | 'chains'>, ruleset: readonly NftItem[]): string {
  const made = (table: string): boolean => /^ip6? (raw|mangle|nat|filter)$/.test(table);
  const used = new Set(ruleset.flatMap(({ rule }) => (rule ? [`${rule.family} ${rule.table} ${rule.chain}`] : [])));
  const chains = ruleset.flatMap(({ chain }) => (chain && made(`${chain.family} ${chain.table}`) ? [chain] : []));
  const idle = chains.filter(
    c => c.hook !== undefined && c.policy === 'accept' && !used.has(chainName(c)) && !before.chains.includes(chainName(c)),
  );
  const kept = new Set(chains.filter(chain => !idle.includes(chain)).map(({ family, table }) => `${family} ${table}`));
  for (const { set, map } of ruleset) for (const item of [set, map]) if (item) kept.add(`${item.family} ${item.table}`);
  const tables = ruleset.flatMap(({ table }) => (table ? [`${table.family} ${table.name}`] : []));
  const gone = tables.filter(table => made(table) && !kept.has(table) && !before.tables.includes(table));
  return [...idle.map(chain => `delete chain ${chainName(chain)}\n`), ...gone.map(table => `delete table ${table}\n`)].join('');
}

interface SavedTable {
  readonly name: string;
  readonly chains: string[];
  readonly rules: string[];
}

function parseSaved(text: string): SavedTable[] {
  const tables: SavedTable[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) tables.push({ name: line.slice(1), chains: [], rules: [] });
    else if (line.startsWith(':')) tables.at(-1)?.chains.push(line.slice(1).split(' ')[0] ?? '');
    else if (line.startsWith('-A ')) tables.at(-1)?.rules.push(line);
  }
  return tables;
}

/** Deletes the rules of others' chains that lead to ours, then empties our chains, then removes them. */
export function undoRules(before: string, now: string): string {
  const known = new Map(parseSaved(before).map(table => [table.name, new Set(table.chains)]));
  return parseSaved(now)
    .map(table => {
      const ours = table.chains.filter(chain => isOurChain(chain) && !known.get(table.name)?.has(chain));
      if (ours.length === 0) return '';
      const leads = (rule: string): boolean => {
        // A comment may say anything.
        const words = rule.replace(/"(?:[^"\\]|\\.)*"/g, '""').split(' ');
        const target = words[words.findIndex(word => word === '-j' || word === '-g') + 1] ?? '';
        return ours.includes(target) && !ours.includes(words[1] ?? '');
      };
      const undo = table.rules.filter(leads).map(rule => rule.replace(/^-A/, '-D'));
      return [`*${table.name}`, ...undo, ...ours.map(chain => `-F ${chain}`), ...ours.map(chain => `-X ${chain}`), 'COMMIT', ''].join('\n');
    })
    .join('');
}
