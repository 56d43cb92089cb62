// Facts of kinds that this version of the server does not know: a newer one on the same database has written them, and it alone can tell them.
import type { OutboxRow } from '../../contracts/store.ts';
import type { Services } from '../context.ts';
import { isKnownKind } from '../kinds.ts';

/** How long the newer server has for coming by, and how long it is let by. */
const patienceMs = 60_000;
export const letByMs = 3000;

/** The next fact is somebody else's. */
export class LeftForAnother extends Error {}

export class Strangers {
  private readonly services: Services;
  private readonly reader: string;
  private met: { readonly seq: number; readonly since: number } | undefined;

  constructor(services: Services, reader: string) {
    this.services = services;
    this.reader = reader;
  }

  /** The rows before the first such. One that nobody has fetched for a minute is nobody's any more, and must not hold up all others. */
  before(rows: readonly OutboxRow[]): readonly OutboxRow[] {
    const at = rows.findIndex(row => !isKnownKind(row.kind));
    if (at !== 0) return at < 0 ? rows : rows.slice(0, at);
    const { seq, kind, id } = rows[0]!;
    const now = this.services.clock.now();
    if (this.met?.seq !== seq) this.met = { seq, since: now };
    if (now - this.met.since < patienceMs) throw new LeftForAnother(`the fact ${seq} is of the kind ${kind}`);
    this.services.log.error('relay: a fact of an unknown kind was given up', { reader: this.reader, seq, kind, id });
    return rows.slice(0, 1);
  }
}
