// What an import counts on its way: rows per table, what projects use of their quotas, and keys, so that no two rows have the same.
import type { Row } from '../contracts/store.ts';
import type { Resource } from '../model/kit/resource.ts';
import type { TableDef } from '../model/kit/table.ts';
import type { Broken } from './read.ts';

export class Tally {
  readonly written = new Map<string, number>();
  private readonly usages = new Map<string, { project_id: string; resource: string; in_use: number }>();
  private readonly keys = new Map<string, Set<string>>();
  private readonly defs: ReadonlyMap<string, TableDef>;
  private readonly counted: ReadonlyMap<string, string>;

  constructor(defs: ReadonlyMap<string, TableDef>, resources: readonly Resource[]) {
    this.defs = defs;
    this.counted = new Map(resources.flatMap(r => (r.quota === undefined || r.aliasOf ? [] : [[r.table.name, r.name]])));
  }

  add(table: string, row: Row): void {
    this.written.set(table, (this.written.get(table) ?? 0) + 1);
    const [resource, project_id] = [this.counted.get(table), String(row.project_id ?? '')];
    if (resource === undefined || project_id === '') return;
    const key = `${resource}/${project_id}`;
    const usage = this.usages.get(key) ?? { project_id, resource, in_use: 0 };
    usage.in_use++;
    this.usages.set(key, usage);
  }

  usageRows(): { readonly table: string; readonly row: Row }[] {
    return [...this.usages.values()].map(row => ({ table: 'quota_usages', row }));
  }

  /** Rows whose keys others have already. */
  twin(table: string, row: Row): Broken | undefined {
    const def = this.defs.get(table)!;
    for (const columns of [def.primaryKey, ...(def.unique ?? [])]) {
      const values = columns.map(name => row[name] ?? null);
      // Rows with a null in one of the columns do not collide.
      if (values.includes(null)) continue;
      const name = `${table} ${columns.join()}`;
      const seen = this.keys.get(name) ?? new Set();
      this.keys.set(name, seen);
      const key = JSON.stringify(values);
      if (seen.has(key))
        return { table, key: columns.map((c, i) => `${c} ${values[i]}`).join(', '), reason: 'two rows would have this key' };
      seen.add(key);
    }
    return undefined;
  }
}
