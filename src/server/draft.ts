// A write set in the making: rows with their timestamps, revisions and quota, the guards of what was read, and the outbox entries.
import type { Guard, Op, OutboxEntry, Predicate, Row, Scalar, Value, WriteSet } from '../contracts/store.ts';
import type { Resource } from '../model/kit/resource.ts';
import { isKnownKind } from './kinds.ts';

export interface DraftOptions {
  /** ISO 8601 UTC of the change. */
  readonly now: string;
  readonly newId: () => string;
  /** 1 for the first; what others took meanwhile is better not all sought at the same place again. */
  readonly attempt?: number;
}

export interface UpdateOptions {
  /** False: the change is bookkeeping of the server (a status) and does not touch `updated_at`; the revision grows all the same. */
  readonly touch?: boolean;
  readonly facts?: OutboxEntry['facts'];
  /** Fails the commit when the row is not as it was read. */
  readonly guarded?: boolean;
}

const isRow = (where: Predicate, id: string): boolean => 'eq' in where && where.eq[0] === 'id' && where.eq[1] === id;

/** The columns of a row as they were read, as far as they can be compared. */
function saying({ table }: Resource, row: Row): Predicate[] {
  const columns = Object.entries(table.columns).filter(([name, { type }]) => type !== 'json' && row[name] !== undefined);
  return columns.map(([name]) => ({ eq: [name, row[name] as Scalar] }));
}

/** What was a status, and has become another: whoever tells of it later cannot read that from the row. */
function turnOf({ status: from }: Row, { status: to }: Row): { turned?: { from: Value; to: Value } } {
  return from === undefined || to === undefined || from === to ? {} : { turned: { from, to } };
}

export class Draft {
  readonly now: string;
  readonly newId: () => string;
  readonly attempt: number;
  readonly guards: Guard[] = [];
  readonly ops: Op[] = [];
  readonly outbox: OutboxEntry[] = [];
  /** Takes back what the decision has changed elsewhere, where it is not committed; the last first. */
  readonly undos: (() => Promise<void>)[] = [];
  /** Values taken by this draft and not yet committed (addresses, segments, MACs), so that a bulk create does not take one twice. */
  readonly taken = new Set<string>();
  /** MACs that chance gave: what cannot be had because of one can be had with another. */
  readonly drawnMacs = new Set<string>();
  /** Default groups that come with this draft, by project. */
  readonly defaultGroups = new Map<string, string>();
  private readonly known = new Map<string, Promise<unknown>>();
  private readonly usage = new Map<string, { project: string; resource: string; by: number; unasked: number }>();
  /** Usages that have their row. */
  private readonly counted = new Set<string>();
  private readonly changed = new Set<string>();
  private readonly guarded = new Set<string>();

  constructor(options: DraftOptions) {
    this.now = options.now;
    this.newId = options.newId;
    this.attempt = options.attempt ?? 1;
  }

  /** What the decision reads once, however many objects of one request need it. */
  once<T>(key: string, read: () => Promise<T>): Promise<T> {
    const known = this.known.get(key) as Promise<T> | undefined;
    if (known) return known;
    const reading = read();
    this.known.set(key, reading);
    return reading;
  }

  /** A new row of a resource, counted against its project's quota; what nobody asked for is counted, and not refused for it. */
  create(resource: Resource, row: Row, facts: OutboxEntry['facts'] = {}, options: { unasked?: boolean } = {}): Row {
    const full: Row = resource.standard ? { description: '', revision_number: 0, created_at: this.now, updated_at: this.now, ...row } : row;
    this.ops.push({ op: 'insert', table: resource.table.name, row: full, tag: resource.name });
    this.changed.add(`${resource.name}/${String(row.id)}`);
    this.count(resource, full.project_id, 1, options.unasked ? 1 : 0);
    this.outbox.push({ kind: resource.name, id: String(row.id), event: 'created', revision: Number(full.revision_number ?? 0), facts });
    return full;
  }

  /** The row of an object that this draft makes. */
  made(table: string, id: string): Row | undefined {
    for (const op of this.ops) if (op.op === 'insert' && op.table === table && op.row.id === id) return op.row;
    return undefined;
  }

  /** A change of one row. Several changes of one row in a draft raise its revision once. */
  update(resource: Resource, row: Row, set: Row, options: UpdateOptions = {}): void {
    const id = String(row.id);
    if (options.guarded !== false && !this.changed.has(`${resource.name}/${id}`)) this.relyOn(resource, row);
    this.ops.push({
      op: 'update',
      table: resource.table.name,
      where: { eq: ['id', id] },
      set: resource.standard && options.touch !== false ? { ...set, updated_at: this.now } : set,
      ...this.revisionBump(resource, id),
      expect: 1,
      tag: resource.name,
    });
    const revision = Number(row.revision_number ?? 0) + 1;
    this.outbox.push({ kind: resource.name, id, event: 'updated', revision, facts: { ...options.facts, ...turnOf(row, set) } });
  }

  /** Raises the revision of an object whose dependents changed; commutative, so it guards nothing. */
  touch(resource: Resource, id: string, facts: OutboxEntry['facts'] = {}): void {
    const bump = this.revisionBump(resource, id);
    if (!bump.bump) return;
    this.ops.push({ op: 'update', table: resource.table.name, where: { eq: ['id', id] }, set: { updated_at: this.now }, ...bump });
    this.outbox.push({ kind: resource.name, id, event: 'updated', revision: 0, facts });
  }

  remove(resource: Resource, row: Row, facts: OutboxEntry['facts'] = {}): void {
    const id = String(row.id);
    if (resource.standard) this.relyOn(resource, row);
    if (resource.taggable) this.delete('tags', { eq: ['object_id', id] });
    this.ops.push({ op: 'delete', table: resource.table.name, where: { eq: ['id', id] }, expect: 1, tag: resource.name });
    if (resource.taggable) this.ops.push({ op: 'delete', table: 'tags', where: { eq: ['object_id', id] } });
    this.count(resource, row.project_id, -1);
    this.outbox.push({
      kind: resource.name,
      id,
      event: 'deleted',
      revision: Number(row.revision_number ?? 0) + 1,
      facts: { ...facts, last: row },
    });
  }

  /** The decision relied on this row as it was read: on its revision, or on what it says, where it has none. */
  relyOn(resource: Resource, row: Row): void {
    const table = resource.table.name;
    if (resource.standard) this.guard({ guard: 'revision', table, key: { id: row.id as Scalar }, revision: Number(row.revision_number) });
    else this.present(table, { and: saying(resource, row) });
  }

  present(table: string, where: Predicate): void {
    this.guard({ guard: 'present', table, where });
  }

  absent(table: string, where: Predicate): void {
    this.guard({ guard: 'absent', table, where });
  }

  insert(table: string, row: Row, options: { readonly tag?: string; readonly onConflict?: 'ignore' } = {}): void {
    this.ops.push({ op: 'insert', table, row, ...options });
  }

  /** A change of rows that are not a resource's own. */
  set(table: string, where: Predicate, values: Row): void {
    this.ops.push({ op: 'update', table, where, set: values });
  }

  upsert(table: string, row: Row): void {
    this.ops.push({ op: 'upsert', table, row });
  }

  delete(table: string, where: Predicate): void {
    this.ops.push({ op: 'delete', table, where });
  }

  announce(entry: OutboxEntry): void {
    if (!isKnownKind(entry.kind)) throw new Error(`facts of the kind ${entry.kind} would be left alone: it is not in the list of kinds`);
    this.outbox.push(entry);
  }

  /** Rows of a resource that this draft makes: a decision about several at once compares them too. */
  allMade(resource: Resource): Row[] {
    return this.ops.flatMap(op => (op.op === 'insert' && op.table === resource.table.name ? [op.row] : []));
  }

  /** What this draft has set of an object, last. */
  setBefore(table: string, id: string, column: string): Value | undefined {
    const sets = this.ops.flatMap(op => (op.op === 'update' && op.table === table && isRow(op.where, id) ? [op.set ?? {}] : []));
    return sets.findLast(set => Object.hasOwn(set, column))?.[column];
  }

  /** How the draft changes what projects use. */
  get usages(): readonly { readonly project: string; readonly resource: string; readonly by: number; readonly unasked: number }[] {
    return [...this.usage.values()].filter(u => u.by !== 0);
  }

  /** The project's usage of it has its row. */
  isCounted(resource: Resource, project: string): void {
    this.counted.add(`${resource.name}/${project}`);
  }

  /**
   * The write set, quota last. `limitOf` answers the limit that an API request must keep (undefined: count only, as for
   * what the server makes for itself).
   */
  writeSet(limitOf: (project: string, resource: string) => number | undefined): WriteSet {
    const ops = [...this.ops];
    for (const { project, resource, by, unasked } of this.usages) {
      const key: Predicate[] = [{ eq: ['project_id', project] }, { eq: ['resource', resource] }];
      const limit = by > unasked ? limitOf(project, resource) : undefined;
      if (by > 0 && !this.counted.has(`${resource}/${project}`))
        ops.push({ op: 'insert', table: 'quota_usages', row: { project_id: project, resource, in_use: 0 }, onConflict: 'ignore' });
      const where: Predicate = { and: limit === undefined || limit < 0 ? key : [...key, { lte: ['in_use', limit - (by - unasked)] }] };
      ops.push({
        op: 'update',
        table: 'quota_usages',
        where,
        bump: { in_use: by },
        ...(by > 0 ? { expect: 1, tag: `quota:${resource}` } : {}),
      });
    }
    return { guards: this.guards, ops, outbox: this.outbox };
  }

  /** Many objects of one request rely on the same things; each is looked at once. */
  private guard(guard: Guard): void {
    const key = JSON.stringify(guard);
    if (this.guarded.has(key)) return;
    this.guarded.add(key);
    this.guards.push(guard);
  }

  private revisionBump(resource: Resource, id: string): { bump?: Record<string, number> } {
    const key = `${resource.name}/${id}`;
    if (!resource.standard || this.changed.has(key)) return {};
    this.changed.add(key);
    return { bump: { revision_number: 1 } };
  }

  private count(resource: Resource, project: unknown, by: number, unasked = 0): void {
    if (resource.quota === undefined || typeof project !== 'string' || project === '') return;
    const key = `${resource.name}/${project}`;
    const was = this.usage.get(key);
    this.usage.set(key, { project, resource: resource.name, by: (was?.by ?? 0) + by, unasked: (was?.unasked ?? 0) + unasked });
  }
}
