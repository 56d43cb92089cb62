// Objects as they were printed last. Most objects of a list are asked for again before they change, and printing them costs more than
// all the rest of the answer.

interface Printed {
  readonly revision: number;
  readonly text: Uint8Array;
}

/**
 * JSON texts, as bytes, by object and revision. Two generations: what nobody asked for while the newer one filled goes with the older.
 * The texts are of one server process; a revision that another process made is another revision here, too.
 */
export class PrintedObjects {
  private readonly most: number;
  private newer = new Map<string, Printed>();
  private older = new Map<string, Printed>();
  private size = 0;

  /** `most`: bytes that are kept, about; by default those of some twenty thousand ports. */
  constructor(most = 32 * 1024 * 1024) {
    this.most = most;
  }

  /** `name`: the object, and what of it is shown. */
  get(name: string, revision: number): Uint8Array | undefined {
    const found = this.newer.get(name);
    if (found) return found.revision === revision ? found.text : undefined;
    const before = this.older.get(name);
    if (before?.revision !== revision) return undefined;
    this.put(name, before);
    return before.text;
  }

  keep(name: string, revision: number, text: Uint8Array): void {
    const known = this.newer.get(name);
    // A slow reader's older text is not put over a newer one.
    if (known && known.revision > revision) return;
    if (known) this.size -= known.text.length;
    this.put(name, { revision, text });
  }

  private put(name: string, printed: Printed): void {
    this.newer.set(name, printed);
    this.size += printed.text.length;
    if (this.size <= this.most / 2) return;
    this.older = this.newer;
    this.newer = new Map();
    this.size = 0;
  }
}

/** Objects in order, each as JSON in UTF-8. */
export class Texts {
  readonly texts: readonly Uint8Array[];
  constructor(texts: readonly Uint8Array[]) {
    this.texts = texts;
  }
}
