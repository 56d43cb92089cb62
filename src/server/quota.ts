// Limits of projects: an early check with Neutron's order of refusals, and the limits that the commit itself holds.
import { apiError } from '../domain/errors.ts';
import type { Attributes } from '../domain/input/body.ts';
import { pyRepr } from '../domain/input/python.ts';
import type { Resource } from '../model/kit/resource.ts';
import type { Services } from './context.ts';

export function defaultLimit(services: Services, resource: Resource): number {
  return services.config.quotas[resource.name] ?? resource.quota ?? -1;
}

export async function limitOf(services: Services, resource: Resource, project: string): Promise<number> {
  const row = await services.store.get('quotas', { project_id: project, resource: resource.name });
  return row ? Number(row.hard_limit) : defaultLimit(services, resource);
}

function perProject(inputs: readonly Attributes[]): Map<string, number> {
  const out = new Map<string, number>();
  for (const { project_id } of inputs) if (typeof project_id === 'string') out.set(project_id, (out.get(project_id) ?? 0) + 1);
  return out;
}

/** Refuses early what cannot fit, so that 409 comes before 403; the commit decides. */
export async function checkQuota(services: Services, resource: Resource, inputs: readonly Attributes[]): Promise<void> {
  if (resource.quota === undefined) return;
  for (const [project, wanted] of perProject(inputs)) {
    const limit = await limitOf(services, resource, project);
    if (limit < 0) continue;
    const usage = await services.store.get('quota_usages', { project_id: project, resource: resource.name });
    if (Number(usage?.in_use ?? 0) + wanted > limit) throw apiError('OverQuota', { overs: pyRepr([resource.name]) });
  }
}

/** The limits that a create must keep. What the server adds for itself (a default group's rules) is counted, not refused. */
export async function limitsFor(
  services: Services,
  resource: Resource,
  inputs: readonly Attributes[],
): Promise<(project: string, name: string) => number | undefined> {
  const limits = new Map<string, number>();
  if (resource.quota !== undefined)
    for (const project of perProject(inputs).keys()) limits.set(project, await limitOf(services, resource, project));
  return (project, name) => (name === resource.name ? limits.get(project) : undefined);
}
