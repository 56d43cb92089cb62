// Objects of one type that an agent has a use for: pulled once, followed by what is pushed, pulled again where that may be older.
import { RemoteError } from '../../contracts/bus.ts';
import type { Log } from '../../contracts/log.ts';
import type { WireObject } from '../../domain/objects/decode.ts';
import type { ObjectEvent, ObjectName, Resources } from './resources.ts';

export interface ObjectKind<T> {
  readonly type: ObjectName;
  /** The field by which it is pulled. */
  readonly key: 'id' | 'port_id';
  /** Throws where it makes no sense: then it counts as not known. */
  read(object: WireObject): T;
}

interface Entry<T> {
  /** Grows with whatever makes the last word stale; `asked` is its value when that word was asked for. */
  heard: number;
  asked: number;
  /** Null: there is none. Undefined: not known. */
  value: T | null | undefined;
  /** The id is told when it is deleted, whatever it is pulled by. */
  id: unknown;
  revision: number;
  /** What was complained of last: once is enough. */
  complaint: string | undefined;
}

export class ObjectCache<T> {
  private readonly kind: ObjectKind<T>;
  private readonly resources: Resources;
  private readonly log: Log;
  private readonly entries = new Map<string, Entry<T>>();
  /** Questions are on their way: an answer may be older than a message that overtakes it. */
  private asking = 0;

  constructor(resources: Resources, log: Log, kind: ObjectKind<T>) {
    this.resources = resources;
    this.log = log;
    this.kind = kind;
  }

  /** Those to be known from now on; others are forgotten. */
  want(keys: ReadonlySet<string>): void {
    for (const key of this.entries.keys()) if (!keys.has(key)) this.entries.delete(key);
    for (const key of keys)
      if (!this.entries.has(key))
        this.entries.set(key, { heard: 1, asked: 0, value: undefined, id: undefined, revision: -1, complaint: undefined });
  }

  /** Null: the server says that there is none. Undefined: it has not said, or what it said makes no sense. */
  get(key: string): T | null | undefined {
    return this.entries.get(key)?.value;
  }

  /** Answers whether it is one of those that are wanted. */
  touch(key: string): boolean {
    const entry = this.entries.get(key);
    if (entry) entry.heard++;
    return entry !== undefined;
  }

  touchAll(): void {
    for (const entry of this.entries.values()) entry.heard++;
  }

  /** What was pushed; answers whether it concerns what is wanted. */
  hear(event: ObjectEvent, objects: readonly WireObject[]): boolean {
    return objects.map(object => this.hearOf(event, object)).includes(true);
  }

  private hearOf(event: ObjectEvent, object: WireObject): boolean {
    const { data } = object;
    const entry = event === 'deleted' ? this.byId(data['id']) : this.entries.get(String(data[this.kind.key]));
    if (!entry || (event !== 'deleted' && data['id'] === entry.id && revisionOf(object) < entry.revision)) return false;
    entry.heard++;
    // What is deleted, or overtakes an answer, is asked for: one of that key may be there again.
    if (event !== 'deleted' && this.asking === 0) this.take(entry, object);
    return true;
  }

  private byId(id: unknown): Entry<T> | undefined {
    return [...this.entries.values()].find(e => e.id !== undefined && e.id === id);
  }

  /** Asks for what is stale; rejects where the server did not answer, and then it stays so. `again`: also for what it refused to tell. */
  async refresh(again: boolean): Promise<void> {
    const stale = [...this.entries].filter(([, e]) => e.heard > e.asked || (again && e.value === undefined));
    if (stale.length === 0) return;
    const asked = stale.map(([key, entry]) => ({ key, entry, heard: entry.heard }));
    this.asking++;
    const outcomes = await this.resources
      .pullEach(
        this.kind.type,
        asked.map(a => a.key),
      )
      .finally(() => this.asking--);
    let trouble: unknown;
    asked.forEach(({ key, entry, heard }, i) => {
      const outcome = outcomes[i];
      if (outcome?.status === 'fulfilled') this.take(entry, outcome.value, heard);
      else if (outcome?.reason instanceof RemoteError) this.refused(key, entry, heard, outcome.reason);
      else trouble ??= outcome?.reason;
    });
    if (trouble) throw trouble;
  }

  private take(entry: Entry<T>, object: WireObject | undefined, heard = entry.heard): void {
    entry.asked = heard;
    if (!object) {
      entry.value = null;
      return;
    }
    entry.id = object.data['id'];
    entry.revision = revisionOf(object);
    try {
      entry.value = this.kind.read(object);
      entry.complaint = undefined;
    } catch (error) {
      entry.value = undefined;
      this.complain(entry, 'the server described an object that makes no sense', String(entry.id), error);
    }
  }

  /** A server without the plug-in, or whose answer is an error: what is there stays as it is. */
  private refused(key: string, entry: Entry<T>, heard: number, error: RemoteError): void {
    entry.asked = heard;
    this.complain(entry, 'the server does not tell of an object', key, error);
  }

  private complain(entry: Entry<T>, message: string, id: string, why: unknown): void {
    const complaint = String(why);
    if (entry.complaint !== complaint) this.log.error(message, { type: this.kind.type, id, why: complaint });
    entry.complaint = complaint;
  }
}

function revisionOf({ data }: WireObject): number {
  const revision = data['revision_number'];
  return typeof revision === 'number' ? revision : 0;
}
