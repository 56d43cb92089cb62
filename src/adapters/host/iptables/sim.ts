// Simulated iptables: tables kept per namespace and family, changed by restore text, each table whole or not at all.
import { HostRefusal, type Iptables } from '../../../contracts/host/firewall.ts';
import type { Netns } from '../../../contracts/host/netns.ts';
import { type FailOptions, Failures } from '../sim-failures.ts';
import { command, copyTable, declare, freshTable, mustBeTarget, printTable, RestoreError, type SimTable } from './sim-table.ts';

/** Which namespaces there are, and which ipsets a rule may name. */
export interface IptablesWorld {
  open(ns: Netns): void;
  hasSet(ns: Netns, name: string, family: 4 | 6): boolean;
}

export class SimIptables implements Iptables {
  private readonly world: IptablesWorld;
  private readonly all = new Map<string, Map<string, SimTable>>();
  private readonly failures = new Failures<'save' | 'restore'>();
  /** Every text that was restored, for tests that count them. */
  readonly restored: { readonly ns: Netns; readonly family: 4 | 6; readonly text: string }[] = [];

  constructor(world: IptablesWorld) {
    this.world = world;
  }

  failNext(what: 'save' | 'restore', options: FailOptions = {}): void {
    this.failures.failNext(what, options);
  }

  async save(ns: Netns, family: 4 | 6, table?: string): Promise<string> {
    this.check('save', ns, family);
    const tables = this.of(ns, family);
    if (table === undefined) return [...tables].map(([name, t]) => printTable(name, t)).join('');
    const found = tables.get(table) ?? freshTable(table);
    if (!found) throw new HostRefusal(tool(family, 'save'), `Table \`${table}' does not exist`);
    return printTable(table, found);
  }

  async restore(ns: Netns, family: 4 | 6, text: string): Promise<void> {
    this.check('restore', ns, family);
    const tables = this.of(ns, family);
    this.restored.push({ ns, family, text });
    let open: { name: string; table: SimTable } | undefined;
    const lines = text.split('\n');
    for (const [i, raw] of lines.entries()) {
      const line = raw.trim();
      try {
        if (line === '' || line.startsWith('#')) continue;
        if (!open) open = begin(tables, line);
        else if (line === 'COMMIT') {
          this.verify(ns, family, open.table);
          tables.set(open.name, open.table);
          open = undefined;
        } else if (line.startsWith(':')) declare(open.table, line);
        else command(open.table, line.replace(/^\[\d+:\d+\] /, ''));
      } catch (error) {
        if (!(error instanceof RestoreError)) throw error;
        throw new HostRefusal(tool(family, 'restore'), `${error.message}; Error occurred at line: ${i + 1}`, i + 1);
      }
    }
    if (open) throw new HostRefusal(tool(family, 'restore'), `COMMIT expected at line ${lines.length}`, lines.length);
  }

  /** Whether a rule of the namespace names the ipset. */
  usesSet(ns: Netns, set: string): boolean {
    return ([4, 6] as const).some(f =>
      [...(this.all.get(`${f} ${ns}`)?.values() ?? [])].some(t => [...t.values()].some(c => c.rules.some(r => r.sets.includes(set)))),
    );
  }

  forget(ns: Netns): void {
    for (const family of [4, 6]) this.all.delete(`${family} ${ns}`);
  }

  private verify(ns: Netns, family: 4 | 6, table: SimTable): void {
    for (const { rules } of table.values()) {
      for (const rule of rules) {
        if (rule.target !== undefined) mustBeTarget(table, rule.target);
        for (const set of rule.sets) if (!this.world.hasSet(ns, set, family)) throw new RestoreError(`Set ${set} doesn't exist.`);
      }
    }
  }

  private of(ns: Netns, family: 4 | 6): Map<string, SimTable> {
    this.world.open(ns);
    const known = this.all.get(`${family} ${ns}`) ?? new Map<string, SimTable>();
    this.all.set(`${family} ${ns}`, known);
    return known;
  }

  private check(what: 'save' | 'restore', ns: Netns, family: 4 | 6): void {
    const failure = this.failures.take(what, ns);
    if (failure !== undefined) throw new HostRefusal(tool(family, what), failure);
  }
}

const tool = (family: 4 | 6, verb: string): string => `${family === 4 ? 'iptables' : 'ip6tables'}-${verb}`;

function begin(tables: ReadonlyMap<string, SimTable>, line: string): { name: string; table: SimTable } {
  if (!line.startsWith('*')) throw new RestoreError('no table is open');
  const name = line.slice(1).trim();
  const known = tables.get(name);
  const table = known ? copyTable(known) : freshTable(name);
  if (!table) throw new RestoreError(`Table \`${name}' does not exist`);
  return { name, table };
}
