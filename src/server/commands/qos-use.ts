// A QoS policy on an object: seen by whoever names it, taken off by whoever sees the one that was there.
import type { Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { QosRule } from '../../domain/qos.ts';
import { qosPolicy } from '../../model/qos.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { find } from '../find.ts';
import { byIds } from './load.ts';
import { qosPolicies } from './qos-policies.ts';
import { rulesOf } from './qos-rows.ts';
import { plugOf, refuseOnNetwork, refuseOnPort, refuseOnPorts } from './qos-support.ts';
import { relyOnSharing } from './sharing.ts';

/** A policy that the caller names for an object. It stays as long as the decision takes, and so does what lets the caller see it. */
export async function usePolicy(ctx: RequestContext, draft: Draft, id: unknown): Promise<void> {
  if (typeof id !== 'string') return;
  const row = await find(ctx, qosPolicies, id);
  draft.present(qosPolicy.table.name, { eq: ['id', id] });
  if (!ctx.isAdmin) relyOnSharing(draft, row, String(ctx.caller.project_id));
}

/** The change of an object's policy, where the request names one (or none). */
export async function changePolicy(ctx: RequestContext, draft: Draft, now: unknown, wanted: unknown): Promise<void> {
  if (wanted === undefined) return;
  if (typeof now === 'string') await find(ctx, qosPolicies, now, () => apiError('PolicyRemoveAuthorizationError', { policy_id: now }));
  await usePolicy(ctx, draft, wanted);
}

/** The rules of a policy; that they are these is part of the decision. */
async function reliedRules(services: Services, draft: Draft, policyId: string): Promise<readonly QosRule[]> {
  const row = (await byIds(services, qosPolicy.table.name, [policyId])).get(policyId);
  if (row) draft.relyOn(qosPolicy, row);
  else draft.present(qosPolicy.table.name, { eq: ['id', policyId] });
  return (await rulesOf(services, [policyId])).get(policyId) ?? [];
}

/** Refuses a port that cannot have the rules in effect on it. */
export async function admitPort(services: Services, draft: Draft, policyId: unknown, port: Row, binding: Row | undefined): Promise<void> {
  if (typeof policyId !== 'string') return;
  const placed = { id: String(port.id), network_id: String(port.network_id), ...plugOf(binding) };
  await refuseOnPort(services, draft, await reliedRules(services, draft, policyId), placed);
}

/** Refuses a network, some port of which cannot have the policy's rules. */
export async function admitNetwork(services: Services, draft: Draft, policyId: unknown, networkId: string): Promise<void> {
  if (typeof policyId !== 'string') return;
  const rules = await reliedRules(services, draft, policyId);
  await refuseOnNetwork(services, draft, rules, networkId);
  await refuseOnPorts(services, draft, rules, { and: [{ eq: ['network_id', networkId] }, { eq: ['qos_policy_id', null] }] });
}
