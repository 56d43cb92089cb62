// Keeps Placement as agents say that their hosts are. What is to be told is what no server has told since the agent said so: `resources_synced`.
import { CloudUnavailable, type Placement, PlacementRefused } from '../../contracts/cloud.ts';
import type { Predicate, Row } from '../../contracts/store.ts';
import { hypervisorsOf, providersOf, reportsResources } from '../../domain/placement.ts';
import { Backoff } from '../../engine/backoff.ts';
import type { Signal } from '../../engine/clock.ts';
import { isAlive } from '../commands/agent-liveness.ts';
import type { Services } from '../context.ts';
import { commitDecision } from '../retry.ts';
import { uuid5 } from '../uuid5.ts';

const everyMs = 2000;
const leaseMs = 60_000;

type Configurations = Readonly<Record<string, unknown>>;

/** One server at a time. While Placement is away it is asked ever more rarely. */
export async function runPlacementReports(services: Services, placement: Placement, holder: string, signal: Signal): Promise<void> {
  const { clock, store, log } = services;
  const backoff = new Backoff({ firstMs: everyMs, maxMs: 60_000 }, services.random);
  while (!signal.aborted) {
    let waitMs = everyMs;
    try {
      const settled = !(await store.lease('placement', holder, leaseMs)) || (await reportAll(services, placement, signal));
      if (settled) backoff.reset();
      else waitMs = backoff.next();
    } catch (error) {
      if (!signal.aborted) log.error('Placement was not told, will be repeated', { error });
      waitMs = backoff.next();
    }
    await clock.sleep(waitMs, signal);
  }
  await store.lease('placement', holder, 0).catch(() => {});
}

/** Answers whether there is nothing left to tell. */
export async function reportAll(services: Services, placement: Placement, signal?: Signal): Promise<boolean> {
  const rows = await services.store.select({ table: 'agents', where: { not: { eq: ['resources_synced', true] } } });
  const waiting = rows.filter(
    row => reportsResources(String(row.agent_type), row.configurations as Configurations) && isAlive(services, row),
  );
  let settled = true;
  for (const row of waiting) {
    if (signal?.aborted) return false;
    settled = (await reportOne(services, placement, String(row.id))) && settled;
  }
  return settled;
}

/** Null while it is on its way: whoever hears something new from the agent meanwhile writes false, and it is told again. */
async function reportOne(services: Services, placement: Placement, id: string): Promise<boolean> {
  const { store, log } = services;
  await mark(services, { eq: ['id', id] }, null);
  const row = await store.get('agents', { id });
  if (!row) return true;
  const about = { agent_type: String(row.agent_type), host: String(row.host) };
  const ours: Predicate = { and: [{ eq: ['id', id] }, { eq: ['resources_synced', null] }] };
  try {
    const problem = await tell(placement, row).catch(refusalOf);
    await mark(services, ours, problem === undefined);
    if (problem === undefined) log.info('Placement was told what a host has', about);
    else log.warning('Placement was not told all that a host has, will be repeated', { ...about, reason: problem });
    return problem === undefined;
  } catch (error) {
    await mark(services, ours, false);
    if (!(error instanceof CloudUnavailable)) throw error;
    log.warning('Placement was not told what a host has, will be repeated', { ...about, reason: error.message });
    throw error;
  }
}

/** What Placement does not take of one agent keeps nobody from telling it of the others. */
function refusalOf(error: unknown): string {
  if (error instanceof PlacementRefused) return error.message;
  throw error;
}

async function mark(services: Services, where: Predicate, resources_synced: boolean | null): Promise<void> {
  await commitDecision(services, { decide: async draft => draft.set('agents', where, { resources_synced }) });
}

/** What is wrong, if anything; the rest is told all the same. */
async function tell(placement: Placement, row: Row): Promise<string | undefined> {
  const agent = { agent_type: String(row.agent_type), host: String(row.host), configurations: row.configurations as Configurations };
  const roots = new Map<string, string>();
  for (const name of new Set(hypervisorsOf(agent).values())) {
    const uuid = await placement.providerNamed(name);
    // Nova makes it, when the host is up.
    if (uuid === undefined) return `there is no resource provider ${name} yet`;
    roots.set(name, uuid);
  }
  const providers = providersOf(agent, roots, uuid5);
  if (!providers) return 'a device with a bandwidth is on no physical network of the agent';
  const problems: string[] = [];
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof PlacementRefused)) throw error;
      problems.push(error.message);
    }
  };
  for (const name of new Set(providers.flatMap(p => p.traits))) await attempt(() => placement.ensureTrait(name));
  for (const provider of providers) await attempt(() => placement.ensureProvider(provider));
  for (const { uuid, traits } of providers) await attempt(() => placement.setTraits(uuid, traits));
  for (const { uuid, inventories } of providers) if (inventories) await attempt(() => placement.setInventories(uuid, inventories));
  return problems[0];
}
