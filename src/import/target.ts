// Where the rows go: a database of Weft that is empty, or that an import has left unfinished. A marker in it says so from the first commit
// to the last; every commit in between relies on the marker of its own import, so of two imports only the later one writes.
import { randomUUID } from 'node:crypto';
import type { Guard, Op, Predicate, Row, Store } from '../contracts/store.ts';
import { importPrefix } from '../model/beginnings.ts';
import type { TableDef } from '../model/kit/table.ts';

/** The target cannot take an import; said in the user's words. */
export class TargetRefused extends Error {}

const everything: Predicate = { and: [] };
const unfinished: Predicate = { startsWith: ['name', importPrefix] };
/** Rows in one commit. */
const most = 1000;

export class Target {
  private readonly store: Store;
  private readonly tables: readonly TableDef[];
  private readonly name = `${importPrefix}${randomUUID()}`;

  constructor(store: Store, tables: readonly TableDef[]) {
    this.store = store;
    this.tables = tables;
  }

  /** Tables with rows in them; of an import that was broken off there are none to speak of. */
  async occupied(): Promise<readonly string[]> {
    if ((await this.store.count('beginnings', unfinished)) > 0) return [];
    const found: string[] = [];
    for (const { name } of this.tables) if ((await this.store.count(name)) > 0) found.push(name);
    return found;
  }

  /** Makes it ours, and empty. */
  async claim(): Promise<void> {
    const before = await this.store.select({ table: 'beginnings', where: unfinished });
    const guards: Guard[] =
      before.length === 0
        ? [{ guard: 'absent', table: 'beginnings', where: everything }]
        : before.map(({ name }) => ({ guard: 'present', table: 'beginnings', where: { eq: ['name', String(name)] } }));
    const ops: Op[] = [
      { op: 'delete', table: 'beginnings', where: unfinished },
      { op: 'insert', table: 'beginnings', row: { name: this.name } },
    ];
    const { done } = await this.store.commit({ guards, ops });
    if (!done) throw new TargetRefused('something else has begun to use the target at the same moment; nothing was written');
    if (before.length > 0) await this.clear();
  }

  /** Undefined, or what is in the way. */
  async write(rows: readonly { readonly table: string; readonly row: Row }[]): Promise<string | undefined> {
    for (let i = 0; i < rows.length; i += most) {
      const ops = rows.slice(i, i + most).map(({ table, row }): Op => ({ op: 'insert', table, row }));
      const result = await this.store.commit({ guards: [this.ours()], ops });
      if (result.done) continue;
      if (result.why === 'conflict') return `${result.table}: two rows have the same ${result.columns.join(', ')}`;
      throw overtaken();
    }
    return undefined;
  }

  /** Takes out whatever was written, but for the marker. */
  async clear(): Promise<void> {
    for (const { name } of this.tables) {
      if (name === 'beginnings') continue;
      await this.commit([{ op: 'delete', table: name, where: everything }]);
    }
  }

  /** All is there, or all is gone again: the marker goes. */
  async release(): Promise<void> {
    await this.commit([{ op: 'delete', table: 'beginnings', where: { eq: ['name', this.name] }, expect: 1 }]);
  }

  private async commit(ops: readonly Op[]): Promise<void> {
    const { done } = await this.store.commit({ guards: [this.ours()], ops });
    if (!done) throw overtaken();
  }

  private ours(): Guard {
    return { guard: 'present', table: 'beginnings', where: { eq: ['name', this.name] } };
  }
}

const overtaken = (): TargetRefused =>
  new TargetRefused('another import into the same target has begun since, and goes on in place of this one');
