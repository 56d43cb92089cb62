// Limits of projects: those that the commit holds, and the check that keeps Neutron's order of refusals.
import type { Predicate } from '../contracts/store.ts';
import { apiError } from '../domain/errors.ts';
import type { Attributes } from '../domain/input/body.ts';
import { pyRepr } from '../domain/input/python.ts';
import type { Resource } from '../model/kit/resource.ts';
import type { Services } from './context.ts';

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

/** The limits that a create must keep. What the server adds for itself (the default group that comes with a network) is only counted. */
export async function limitsFor(services: Services, resource: Resource, inputs: readonly Attributes[]): Promise<Limits> {
  const projects = [...perProject(inputs).keys()];
  const counted = [resource, ...(resource.brings ?? [])].filter(one => one.quota !== undefined);
  if (counted.length === 0 || projects.length === 0) return () => undefined;
  const where: Predicate = { and: [{ in: ['resource', counted.map(one => one.name)] }, { in: ['project_id', projects] }] };
  const rows = await services.store.select({ table: 'quotas', where });
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
    const usage = await services.store.get('quota_usages', { project_id: project, resource: resource.name });
    if (Number(usage?.in_use ?? 0) + wanted > limit) throw apiError('OverQuota', { overs: pyRepr([resource.name]) });
  }
}
