// Who the members of remote groups are. A server of ours says it by port, and then tells of each port that changes; others say it as a whole, again and again.

/** A port as a member: what the server knew of it, and its addresses as `memberText` has them. */
export interface MemberPort {
  readonly revision: number;
  readonly addresses: readonly string[];
}

/** A port that changed: what it is now, and of which groups. */
export interface MemberChange extends MemberPort {
  readonly port: string;
  readonly groups: ReadonlySet<string>;
}

/** Ports that left a group and are remembered, so that a late word on them is known to be one. */
const MOST_GONE = 1000;

/** The members of one group by port. */
class Book {
  /** Something may have been missed: it is to be told anew. */
  stale: boolean;
  private readonly ports: Map<string, MemberPort>;
  private readonly gone = new Map<string, number>();
  private list: readonly string[] | undefined;

  constructor(ports: ReadonlyMap<string, MemberPort>, stale: boolean) {
    this.ports = new Map(ports);
    this.stale = stale;
  }

  /** Takes in what is newer than what is known; answers whether it was. */
  take({ port, revision, addresses }: MemberChange, isMember: boolean): boolean {
    if (revision < (this.ports.get(port)?.revision ?? this.gone.get(port) ?? Number.NEGATIVE_INFINITY)) return false;
    if (isMember) {
      this.gone.delete(port);
      const before = this.ports.get(port)?.addresses;
      this.ports.set(port, { revision, addresses });
      if (before?.join() === addresses.join()) return false;
    } else {
      this.forget(port, revision);
      if (!this.ports.delete(port)) return false;
    }
    this.list = undefined;
    return true;
  }

  /** The same value as long as nothing changes. */
  get addresses(): readonly string[] {
    this.list ??= [...this.ports.values()].flatMap(({ addresses }) => addresses);
    return this.list;
  }

  /** What was made of the same addresses before need not be made anew. */
  keep(before: readonly string[] | undefined): void {
    if (before && isSame(before, this.addresses)) this.list = before;
  }

  private forget(port: string, revision: number): void {
    this.gone.delete(port);
    this.gone.set(port, revision);
    for (const oldest of this.gone.keys()) {
      if (this.gone.size <= MOST_GONE) return;
      this.gone.delete(oldest);
    }
  }
}

const isSame = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((text, i) => text === b[i]);

export class Members {
  private readonly books = new Map<string, Book>();
  private readonly lists = new Map<string, readonly string[]>();
  /** Heard of these groups while the server was asked: its answer may be older. */
  private readonly heard: { readonly change: MemberChange; readonly groups: readonly string[] }[] = [];
  /** Doubted while the server was asked: its answer does not end that. */
  private readonly doubted = new Set<string>();

  has(group: string): boolean {
    return this.books.has(group) || this.lists.has(group);
  }

  get(group: string): readonly string[] | undefined {
    return this.books.get(group)?.addresses ?? this.lists.get(group);
  }

  /** Groups that nothing is doubted of. */
  known(): string[] {
    return [...this.books].filter(([, { stale }]) => !stale).map(([group]) => group);
  }

  /** The whole of a group, as a list or by port. Answers whether it has to be asked for again: to a list nothing that was heard can be applied. */
  set(group: string, members: readonly string[] | ReadonlyMap<string, MemberPort>): boolean {
    if (members instanceof Map) {
      const book = new Book(members, this.doubted.has(group));
      for (const { change } of this.heard)
        if (change.groups.has(group) || members.has(change.port)) book.take(change, change.groups.has(group));
      book.keep(this.get(group));
      this.books.set(group, book);
      this.lists.delete(group);
      return false;
    }
    const before = this.get(group);
    this.lists.set(group, before && isSame(before, members as readonly string[]) ? before : (members as readonly string[]));
    this.books.delete(group);
    return this.heard.some(({ groups }) => groups.includes(group));
  }

  /** A port has changed: of these groups. Answers those that have to be asked for, and whether anything else is different now. */
  take(change: MemberChange, groups: readonly string[], asking: boolean): { ask: string[]; changed: boolean } {
    if (asking) this.heard.push({ change, groups });
    let changed = false;
    const ask: string[] = [];
    for (const group of groups) {
      const book = this.books.get(group);
      if (book?.take(change, change.groups.has(group))) changed = true;
      if (!book && this.lists.has(group)) ask.push(group);
    }
    return { ask, changed };
  }

  /** What was asked has been answered. */
  settle(): void {
    this.heard.length = 0;
    this.doubted.clear();
  }

  /** Something about it was missed. */
  doubt(group: string, asking: boolean): void {
    const book = this.books.get(group);
    if (book) book.stale = true;
    if (asking) this.doubted.add(group);
  }

  keepOnly(groups: ReadonlySet<string>): void {
    for (const kept of [this.books, this.lists]) for (const id of kept.keys()) if (!groups.has(id)) kept.delete(id);
  }
}
