// What other services of the cloud are told of is told by one server at a time, again and again until it is. Whether it is, is a column of the row itself:
// false where there is news, null while it is on its way, true when they know.
import { CloudUnavailable, NovaRefused, PlacementRefused } from '../../contracts/cloud.ts';
import type { Predicate, Row } from '../../contracts/store.ts';
import { Backoff } from '../../engine/backoff.ts';
import type { Signal } from '../../engine/clock.ts';
import type { Services } from '../context.ts';
import { commitDecision } from '../retry.ts';

const everyMs = 2000;
const leaseMs = 60_000;

export interface Report {
  readonly table: string;
  /** The column of the primary key. */
  readonly key: string;
  /** The column that says whether it is told. */
  readonly synced: string;
  /** What the log calls it. */
  readonly what: string;
  readonly about: (row: Row) => Readonly<Record<string, string>>;
  /** Tells of a row as it is now. */
  readonly tell: (row: Row) => Promise<Told>;
}

export interface Told {
  /** Why not all is told, if so. */
  readonly problem?: string | undefined;
  /** What else is known of the row now. */
  readonly set?: Row;
}

/** `pass` answers whether there is nothing left to tell. While the others are away they are asked ever more rarely. */
export async function runReports(
  services: Services,
  { lease, holder, signal }: { readonly lease: string; readonly holder: string; readonly signal: Signal },
  pass: (hold: () => Promise<boolean>) => Promise<boolean>,
): Promise<void> {
  const { clock, store, log } = services;
  const backoff = new Backoff({ firstMs: everyMs, maxMs: 60_000 }, services.random);
  // What takes long must not become another's meanwhile.
  const hold = async (): Promise<boolean> => !signal.aborted && (await store.lease(lease, holder, leaseMs));
  while (!signal.aborted) {
    let waitMs = everyMs;
    try {
      const settled = !(await hold()) || (await pass(hold));
      if (settled) backoff.reset();
      else waitMs = backoff.next();
    } catch (error) {
      if (!signal.aborted) log.error(`${lease}: not told, will be repeated`, { error });
      waitMs = backoff.next();
    }
    await clock.sleep(waitMs, signal);
  }
  await store.lease(lease, holder, 0).catch(() => {});
}

export const untold = ({ synced }: Pick<Report, 'synced'>): Predicate => ({ not: { eq: [synced, true] } });

/** Answers whether all are told. What is not taken of one keeps nobody from telling of the others. */
export async function tellAll(services: Services, report: Report, rows: readonly Row[], hold?: () => Promise<boolean>): Promise<boolean> {
  let settled = true;
  for (const row of rows) {
    if (hold && !(await hold())) return false;
    settled = (await tellOne(services, report, row[report.key] as string)) && settled;
  }
  return settled;
}

/** Null while it is on its way: whoever has news meanwhile writes false, and it is told again. */
async function tellOne(services: Services, report: Report, id: string): Promise<boolean> {
  const { store, log } = services;
  const { table, key, synced, what } = report;
  const mark = (where: Predicate, set: Row): Promise<void> =>
    commitDecision(services, { decide: async draft => draft.set(table, where, set) });
  await mark({ eq: [key, id] }, { [synced]: null });
  const row = await store.get(table, { [key]: id });
  if (!row) return true;
  const ours: Predicate = { and: [{ eq: [key, id] }, { eq: [synced, null] }] };
  const about = report.about(row);
  try {
    const { problem, set } = await report.tell(row).catch(refusalOf);
    await mark(ours, { ...set, [synced]: problem === undefined });
    if (problem === undefined) log.info(`Placement was told ${what}`, about);
    else log.warning(`Placement was not told all of ${what}, will be repeated`, { ...about, reason: problem });
    return problem === undefined;
  } catch (error) {
    await mark(ours, { [synced]: false });
    if (!(error instanceof CloudUnavailable)) throw error;
    log.warning(`Placement was not told ${what}, will be repeated`, { ...about, reason: error.message });
    throw error;
  }
}

function refusalOf(error: unknown): Told {
  if (error instanceof PlacementRefused || error instanceof NovaRefused) return { problem: error.message };
  throw error;
}
