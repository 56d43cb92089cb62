// Placement changes what an instance has before a commit changes what its ports ask for. While it is not known whether that is committed there is a row,
// which the commit takes out with what it commits: whoever finds an old one takes the change back. One change of an instance at a time.
import { type Allocation, type Allocations, CloudUnavailable, PlacementRefused } from '../../contracts/cloud.ts';
import type { Predicate, Row, Value } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import { pyRepr } from '../../domain/input/python.ts';
import { isUuid } from '../../domain/input/text.ts';
import { changed, opposite, type Resources } from '../../domain/qos-allocations.ts';
import { type Services, timestamp } from '../context.ts';
import type { Draft } from '../draft.ts';

const table = 'allocation_changes';
/** Others change what an instance has, too. */
const attempts = 10;
/** Longer than any decision takes. */
const oldMs = 180_000;
/** So long another's change of the same instance is waited for. */
const patienceMs = 5000;
const pauseMs = 100;

interface Change {
  readonly id: string;
  readonly consumer: string;
  readonly diff: Resources;
}

const rowOf = ({ id, consumer }: Pick<Change, 'id' | 'consumer'>): Predicate => ({
  and: [{ eq: ['consumer', consumer] }, { eq: ['id', id] }],
});

/** Changes it now, and back again where the draft is not committed. Refuses where Placement does. */
export async function changeAllocation(services: Services, draft: Draft, consumer: string, diff: Resources): Promise<void> {
  const { allocations, log } = services;
  if (!allocations) throw apiError('PlacementEndpointNotFound');
  // Whoever has a port writes what he likes there, and it is part of a path.
  if (!isUuid(consumer)) throw apiError('PlacementAllocationRemoved', { consumer });
  try {
    const change = { id: services.newId(), consumer, diff };
    await write(services, allocations, change);
    draft.undos.push(() => takeBack(services, allocations, change));
    // Whoever has taken it back meanwhile has done so for good.
    draft.ops.push({ op: 'delete', table, where: rowOf(change), expect: 1, tag: table });
  } catch (error) {
    if (error instanceof PlacementRefused && error.status === 409)
      throw apiError('QosPlacementAllocationUpdateConflict', { alloc_diff: pyRepr(diff), consumer });
    if (!(error instanceof CloudUnavailable || error instanceof PlacementRefused)) throw error;
    log.error('an allocation was not changed', { consumer, reason: error.message });
    throw apiError('HTTPServiceUnavailable', { message: 'Placement did not change what the instance has; try again.' });
  }
}

async function write(services: Services, allocations: Allocations, change: Change): Promise<void> {
  const { consumer, diff } = change;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const before = await allocations.read(consumer);
    if (!before) throw apiError('PlacementAllocationRemoved', { consumer });
    const resource_provider = Object.keys(diff).find(provider => !before.resources[provider]);
    if (resource_provider !== undefined) throw apiError('PlacementAllocationRpNotExists', { resource_provider, consumer });
    const resources = changed(before.resources, diff);
    await announce(services, { ...change, generation: before.generation, resources });
    const done = await allocations.write(consumer, { ...before, resources }).catch(async (error: unknown) => {
      // Whether it has arrived is not known where nobody has answered, or who did has failed at it: then the row stays.
      if (error instanceof PlacementRefused && error.status < 500) await forget(services, change);
      throw error;
    });
    if (done || (await hasArrived(allocations, consumer, { generation: before.generation, resources }))) return;
    await forget(services, change);
  }
  throw apiError('PlacementAllocationGenerationConflict', { consumer });
}

async function announce(
  services: Services,
  change: Change & { readonly generation: number; readonly resources: Resources },
): Promise<void> {
  const { store, clock } = services;
  const { id, consumer, generation } = change;
  const row = { id, consumer, generation, diff: change.diff as Value, resources: change.resources as Value, at: timestamp(clock) };
  for (const end = clock.now() + patienceMs; ; await clock.sleep(pauseMs)) {
    if ((await store.commit({ ops: [{ op: 'insert', table, row }] })).done) return;
    if (clock.now() > end)
      throw apiError('HTTPServiceUnavailable', {
        message: 'Another change of what the instance has in Placement is on its way; try again.',
      });
  }
}

const forget = ({ store }: Services, change: Pick<Change, 'id' | 'consumer'>): Promise<unknown> =>
  store.commit({ ops: [{ op: 'delete', table, where: rowOf(change) }] });

/** What is known to have been changed. Of two that would take it back one does: who makes the row its own. */
async function takeBack(services: Services, allocations: Allocations, change: Change): Promise<void> {
  const { store, newId } = services;
  const { consumer, diff } = change;
  const own = { ...change, id: newId() };
  const claimed = await store.commit({ ops: [{ op: 'update', table, where: rowOf(change), set: { id: own.id }, expect: 1 }] });
  if (!claimed.done) return;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const now = await allocations.read(consumer);
    // Without it the instance is gone.
    if (!now || (await replace(allocations, consumer, { ...now, resources: restored(now.resources, diff) })))
      return void (await forget(services, own));
  }
  throw new Error(`what ${consumer} has in Placement is changed by others all the time`);
}

const replace = async (allocations: Allocations, consumer: string, wanted: Allocation): Promise<boolean> =>
  (await allocations.write(consumer, wanted)) || hasArrived(allocations, consumer, wanted);

/** A request whose connection broke is sent again, and refused as overtaken where the first one has arrived. */
async function hasArrived(
  allocations: Allocations,
  consumer: string,
  sent: Pick<Allocation, 'generation' | 'resources'>,
): Promise<boolean> {
  const now = await allocations.read(consumer);
  return now !== undefined && isResultOf(now, sent.generation, sent.resources);
}

const isResultOf = (now: Allocation, generation: number, resources: Resources): boolean =>
  now.generation === generation + 1 && isSame(now, resources);

/** A provider of which nothing was left has it again. */
function restored(resources: Resources, diff: Resources): Resources {
  const empty = Object.fromEntries(Object.keys(diff).map(provider => [provider, {}]));
  return changed({ ...empty, ...resources }, opposite(diff));
}

/** Takes back what nobody has committed. Answers whether nothing is left to be. */
export async function takeBackOld(services: Services, allocations: Allocations, hold: () => Promise<boolean>): Promise<boolean> {
  const { store, clock, log } = services;
  const rows = (await store.select({ table })).filter(row => clock.now() - Date.parse(String(row.at)) > oldMs);
  let settled = true;
  for (const row of rows) {
    if (!(await hold())) return false;
    const change = { id: String(row.id), consumer: String(row.consumer), diff: row.diff as Resources };
    try {
      await takeBackOne(services, allocations, change, row);
    } catch (error) {
      if (!(error instanceof PlacementRefused)) throw error;
      const { consumer, diff } = change;
      const fields = { consumer, diff, reason: error.message };
      if (error.status >= 500) {
        settled = false;
        log.warning('what an instance was given for nothing was not taken back, will be repeated', fields);
        continue;
      }
      log.error('what an instance was given for nothing could not be taken back', fields);
      // Its id may be another by now; a row that came after it is another change's.
      const where: Predicate = { and: [{ eq: ['consumer', consumer] }, { eq: ['at', String(row.at)] }] };
      await store.commit({ ops: [{ op: 'delete', table, where }] });
    }
  }
  return settled;
}

/** It may have been changed or not. The generation tells, unless others have changed it since. */
async function takeBackOne(services: Services, allocations: Allocations, change: Change, row: Row): Promise<void> {
  const now = await allocations.read(change.consumer);
  const generation = Number(row.generation);
  if (now && isResultOf(now, generation, row.resources as Resources)) return takeBack(services, allocations, change);
  const { consumer, diff } = change;
  if (now && now.generation !== generation)
    services.log.error('an instance may have been given what its port does not ask for: see what it has in Placement', { consumer, diff });
  await forget(services, change);
}

function isSame({ resources }: Allocation, wanted: Resources): boolean {
  const flat = (all: Resources): string[] =>
    Object.entries(all).flatMap(([provider, own]) => Object.entries(own).map(([name, value]) => `${provider} ${name} ${value}`));
  return flat(resources).sort().join() === flat(wanted).sort().join();
}
