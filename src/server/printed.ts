// Objects and pages of lists as they were printed last. Most are asked for again before they change, and printing them costs more than all
// the rest of the answer. The texts are of one server process; a revision that another process made is another revision here, too.

/**
 * Values by kind and name, up to about `most` bytes. Two generations: what nobody asked for while the newer one filled goes with the older.
 */
class Kept<V extends { readonly bytes: number }> {
  private readonly most: number;
  private newer = new Map<string, Map<string, V>>();
  private older = this.newer;
  private size = 0;

  constructor(most: number) {
    this.most = most;
  }

  get(kind: string, name: string): V | undefined {
    const found = this.newer.get(kind)?.get(name);
    if (found) return found;
    const before = this.older.get(kind)?.get(name);
    if (before) this.put(kind, name, before);
    return before;
  }

  /** Under one of the kinds that begin so, of which there are few. */
  hasAny(beginning: string, name: string): boolean {
    const among = (kinds: ReadonlyMap<string, ReadonlyMap<string, V>>): boolean =>
      [...kinds].some(([kind, values]) => kind.startsWith(beginning) && values.has(name));
    return among(this.newer) || among(this.older);
  }

  put(kind: string, name: string, value: V): void {
    const ofKind = this.newer.get(kind) ?? new Map<string, V>();
    this.newer.set(kind, ofKind);
    this.size += value.bytes - (ofKind.get(name)?.bytes ?? 0);
    ofKind.set(name, value);
    if (this.size <= this.most / 2) return;
    this.older = this.newer;
    this.newer = new Map();
    this.size = 0;
  }
}

interface Printed {
  readonly revision: number;
  readonly text: Uint8Array;
  readonly bytes: number;
}

/** JSON texts, as bytes, by object and revision. `kind`: of which resource, and what of it is shown. */
export class PrintedObjects {
  private readonly kept: Kept<Printed>;

  /** `most`: bytes that are kept, about; by default those of some twenty thousand ports. */
  constructor(most = 32 * 1024 * 1024) {
    this.kept = new Kept(most);
  }

  get(kind: string, id: string, revision: number): Uint8Array | undefined {
    const found = this.kept.get(kind, id);
    return found?.revision === revision ? found.text : undefined;
  }

  /** Of whatever revision, under one of the kinds that begin so. */
  has(beginning: string, id: string): boolean {
    return this.kept.hasAny(beginning, id);
  }

  keep(kind: string, id: string, revision: number, text: Uint8Array): void {
    const known = this.kept.get(kind, id);
    // A slow reader's older text is not put over a newer one.
    if (known && known.revision > revision) return;
    this.kept.put(kind, id, { revision, text, bytes: text.length });
  }
}

/** Which objects a list has, in order, and of which revisions. */
export interface Contents {
  readonly ids: readonly string[];
  readonly revisions: readonly number[];
}

interface Page extends Contents {
  readonly texts: Texts;
  readonly bytes: number;
}

/** Lists of objects that tell all of themselves by their revisions, each as one text: the same objects of the same revisions are the same list. */
export class PrintedPages {
  private readonly most: number;
  private readonly kept: Kept<Page>;

  /** `most`: bytes that are kept, about. */
  constructor(most = 32 * 1024 * 1024) {
    this.most = most;
    this.kept = new Kept(most);
  }

  /** `kind`: of which resource, and what of it is shown; `name`: what was asked for. */
  get(kind: string, name: string, { ids, revisions }: Contents): Texts | undefined {
    const found = this.kept.get(kind, name);
    return found && isSame(found.revisions, revisions) && isSame(found.ids, ids) ? found.texts : undefined;
  }

  /** One list does not push out all others. */
  keep(kind: string, name: string, { ids, revisions }: Contents, texts: Texts): void {
    const bytes = texts.bytes + mostAround + name.length + ids.length * idBytes;
    if (bytes <= this.most / 8) this.kept.put(kind, name, { ids, revisions, texts, bytes });
  }
}

/** What an id and a revision take in a page, about. */
const idBytes = 80;

const isSame = <T>(a: readonly T[], b: readonly T[]): boolean => a.length === b.length && a.every((value, i) => value === b[i]);

const comma = Buffer.from(',');

/** Characters around a list, such as those of its links, up to which a body is remembered: what a client makes longer is not the list's. */
const mostAround = 1024;

const encoder = new TextEncoder();

/** In bytes of its own: a short `Buffer` is a part of a larger piece of memory, which stays for as long as any of its parts. */
export const utf8 = (text: string): Uint8Array => encoder.encode(text);

export const textOf = (object: unknown): Uint8Array => utf8(JSON.stringify(object));

/** Objects as JSON in UTF-8: a list of them, or one alone. */
export class Texts {
  readonly bytes: number;
  /** Each of one object or of several, with commas between them. */
  private parts: readonly Uint8Array[];
  private readonly brackets: readonly [string, string];
  private last: { readonly before: string; readonly after: string; readonly whole: Uint8Array } | undefined;

  private constructor(parts: readonly Uint8Array[], brackets: readonly [string, string]) {
    this.parts = parts;
    this.brackets = brackets;
    this.bytes = parts.reduce((sum, { length }) => sum + length + 1, 0);
  }

  static list(parts: readonly Uint8Array[]): Texts {
    return new Texts(parts, ['[', ']']);
  }

  static one(part: Uint8Array): Texts {
    return new Texts([part], ['', '']);
  }

  /** A whole body, with what stands around it; it is remembered for whoever asks for the same. Nobody changes its bytes. */
  within(before: string, after: string): Uint8Array {
    const { last, brackets } = this;
    if (last?.before === before && last.after === after) return last.whole;
    const [head, tail] = [Buffer.from(before + brackets[0]), Buffer.from(brackets[1] + after)];
    const whole = joined([head, ...between(this.parts), tail]);
    if (before.length + after.length > mostAround) return whole;
    // The bytes are there once.
    this.parts = [whole.subarray(head.length, whole.length - tail.length)];
    this.last = { before, after, whole };
    return whole;
  }

  /** How many pieces it has. */
  get length(): number {
    return this.parts.length;
  }

  /** So many pieces of it, as they stand within brackets. */
  *pieces(most: number): Generator<Uint8Array> {
    for (let from = 0; from < this.parts.length; from += most) yield Buffer.concat(between(this.parts.slice(from, from + most)));
  }
}

const between = (parts: readonly Uint8Array[]): Uint8Array[] => parts.flatMap((part, i) => (i === 0 ? [part] : [comma, part]));

/** In bytes of its own. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
