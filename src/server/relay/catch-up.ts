// Readers of the outbox that can do without it: they look at everything anew when they may have missed something. Whether a reader has done
// so is a row of its own, so that it may be forgotten while nobody needs it, and again at any moment.
import type { Predicate } from '../../contracts/store.ts';
import type { Signal } from '../../engine/clock.ts';
import type { Services } from '../context.ts';

const table = 'beginnings';
const nameOf = (reader: string): string => `caught up: ${reader}`;
const leaseOf = (reader: string): string => `relay:${reader}`;

/** Runs `all` where the reader is new, or was forgotten. What is committed meanwhile is kept for it. */
export async function catchUp({ store }: Services, reader: string, all: () => Promise<void>): Promise<void> {
  const name = nameOf(reader);
  if (await store.get(table, { name })) return;
  await store.outbox(reader, 1);
  await all();
  await store.commit({ ops: [{ op: 'insert', table, row: { name }, onConflict: 'ignore' }] });
}

/** Whoever reads on at the same moment, or comes between any two lines of this, looks at everything anew afterwards. */
async function forgetReader({ store }: Services, reader: string): Promise<void> {
  const where: Predicate = { eq: ['name', nameOf(reader)] };
  const unmark = () => store.commit({ ops: [{ op: 'delete', table, where }] });
  await unmark();
  await store.forget(reader);
  await unmark();
}

/** So long facts are kept for somebody who is away. */
const keptMs = 7 * 24 * 3600 * 1000;

/** What it would have to be told is so old that looking at everything is the better way. */
export async function forgetLate(services: Services, reader: string): Promise<void> {
  const [oldest] = await services.store.outbox(reader, 1);
  if (!oldest || services.clock.now() - Date.parse(oldest.at) < keptMs) return;
  await forgetReader(services, reader);
  services.log.warning('relay: nothing is kept any longer for a reader that is away', { reader, since: oldest.at });
}

const everyMs = 600_000;

/** A server that has no use for a reader gives it up, unless another server has: then that holds the lease. */
export async function forgetUnused(services: Services, reader: string, holder: string, signal: Signal): Promise<void> {
  const { store, clock, log } = services;
  while (!signal.aborted) {
    try {
      if (await store.lease(leaseOf(reader), holder, 10_000)) {
        await forgetReader(services, reader);
        await store.lease(leaseOf(reader), holder, 0);
      }
    } catch (error) {
      log.warning('relay: an unused reader was not forgotten, will be repeated', { reader, error });
    }
    await clock.sleep(everyMs, signal);
  }
}
