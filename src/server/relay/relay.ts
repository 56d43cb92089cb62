// Carries the outbox to a reader: in commit order, at least once, by one process at a time. What cannot be delivered waits.
import { BusUnavailable } from '../../contracts/bus.ts';
import type { OutboxRow } from '../../contracts/store.ts';
import { Backoff } from '../../engine/backoff.ts';
import type { Signal } from '../../engine/clock.ts';
import type { Services } from '../context.ts';

export interface RelayOptions {
  /** The reader's name: its cursor and its lease. */
  readonly reader: string;
  /** This process, for the lease. */
  readonly holder: string;
  readonly deliver: (row: OutboxRow) => Promise<void>;
}

const batch = 200;
const leaseMs = 10_000;
/** How long the relay sleeps when nobody wakes it: facts of other processes are found this late at the worst. */
const idleMs = 500;

export async function runRelay(services: Services, options: RelayOptions, signal: Signal): Promise<void> {
  const backoff = new Backoff({ firstMs: 100, maxMs: 10_000 }, services.random);
  let wake: (() => void) | undefined;
  using _listener = services.store.onOutbox(() => wake?.());
  while (!signal.aborted) {
    const woken = new Promise<void>(resolve => {
      wake = resolve;
    });
    try {
      const held = await services.store.lease(`relay:${options.reader}`, options.holder, leaseMs);
      const sent = held ? await pass(services, options) : 0;
      backoff.reset();
      if (sent > 0) continue;
    } catch (error) {
      services.log.error('relay: delivery failed, will be repeated', { reader: options.reader, error });
      await services.clock.sleep(backoff.next(), signal);
      continue;
    }
    await Promise.race([woken, services.clock.sleep(idleMs, signal)]);
  }
}

/** One bad fact does not hold up the others for ever: it is tried three times, then logged and passed. */
async function pass(services: Services, { reader, deliver }: RelayOptions): Promise<number> {
  const rows = await services.store.outbox(reader, batch);
  for (const row of rows) {
    for (let attempt = 1; ; attempt++) {
      try {
        await deliver(row);
        break;
      } catch (error) {
        // A bus that is away delays everything and loses nothing.
        if (error instanceof BusUnavailable) throw error;
        if (attempt >= 3) {
          services.log.error('relay: a fact was given up', { reader, seq: row.seq, kind: row.kind, id: row.id, error });
          break;
        }
      }
    }
  }
  const last = rows.at(-1);
  if (last) await services.store.acknowledge(reader, last.seq);
  return rows.length;
}
