// Limits of projects: those that the commit holds, and the check that keeps Neutron's order of refusals.
import type { Query } from '../contracts/store.ts';
import { apiError } from '../domain/errors.ts';
import type { Attributes } from '../domain/input/body.ts';
import { pyRepr } from '../domain/input/python.ts';
import type { Resource } from '../model/kit/resource.ts';
import type { Services } from './context.ts';
import type { Draft } from './draft.ts';
import { keyed } from './read-set.ts';

export function defaultLimit(services: Services, resource: Resource): number {
  return services.config.quotas[resource.name] ?? resource.quota ?? -1;
}

function perProject(inputs: readonly Attributes[]): Map<string, number> {
  const out = new Map<string, number>();
  for (const { project_id } of inputs) if (typeof project_id === 'string') out.set(project_id, (out.get(project_id) ?? 0) + 1);
  return out;
}

/** The limit of a project for a resource's name; undefined: what is made is counted and not refused. */
export type Limits = (project: string, name: string) => number | undefined;

const countedFor = (resource: Resource): Resource[] => [resource, ...(resource.brings ?? [])].filter(one => one.quota !== undefined);

/** Limits that are not the default, of what a create counts; undefined: it counts nothing. */
function limitQuery(resource: Resource, inputs: readonly Attributes[]): Query | undefined {
  const projects = [...perProject(inputs).keys()];
  const counted = countedFor(resource);
  if (counted.length === 0 || projects.length === 0) return undefined;
  return {
    table: 'quotas',
    where: { and: [{ in: ['resource', counted.map(one => one.name)] }, { in: ['project_id', projects] }] },
  };
}

/** What a create reads of quotas. */
export function quotaQueries(resource: Resource, inputs: readonly Attributes[]): Query[] {
  const limits = limitQuery(resource, inputs);
  if (!limits) return [];
  const usages = resource.quota === undefined ? [] : [...perProject(inputs).keys()].map(project => usageKey(resource, project));
  return [limits, ...usages.map((key): Query => ({ table: 'quota_usages', where: keyed(key) }))];
}

const usageKey = ({ name }: Resource, project: string) => ({ project_id: project, resource: name });

/** Usages that are counted already need no row any more; such rows stay for ever. */
export async function findUsages({ store }: Services, draft: Draft, resource: Resource, inputs: readonly Attributes[]): Promise<void> {
  if (resource.quota === undefined) return;
  for (const project of perProject(inputs).keys())
    if (await store.get('quota_usages', usageKey(resource, project))) draft.isCounted(resource, project);
}

/** The limits that a create must keep. What the server adds for itself (the default group that comes with a network) is only counted. */
export async function limitsFor(services: Services, resource: Resource, inputs: readonly Attributes[]): Promise<Limits> {
  const counted = countedFor(resource);
  const query = limitQuery(resource, inputs);
  if (!query) return () => undefined;
  const rows = await services.store.select(query);
  const stored = new Map(rows.map(r => [`${r.resource}/${r.project_id}`, Number(r.hard_limit)]));
  return (project, name) => {
    const one = counted.find(candidate => candidate.name === name);
    return one && (stored.get(`${name}/${project}`) ?? defaultLimit(services, one));
  };
}

/** Refuses what does not fit. Only for the order of refusals: the commit holds the limits itself. */
export async function checkQuota(services: Services, resource: Resource, inputs: readonly Attributes[], limits: Limits): Promise<void> {
  for (const [project, wanted] of perProject(inputs)) {
    const limit = limits(project, resource.name);
    if (limit === undefined || limit < 0) continue;
    const usage = await services.store.get('quota_usages', usageKey(resource, project));
    if (Number(usage?.in_use ?? 0) + wanted > limit) throw apiError('OverQuota', { overs: pyRepr([resource.name]) });
  }
}
