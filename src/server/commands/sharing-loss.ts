// Access that ends: it must not be what somebody stands on.
import type { Predicate, Row } from '../../contracts/store.ts';
import { type ApiError, apiError } from '../../domain/errors.ts';
import { network } from '../../model/network.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { gateways, type SharedType, type SharingAction, sharedType, type Use } from './shared-types.ts';
import { everyone, share, sharingOf, unshare } from './sharing.ts';

export interface Loss {
  readonly type: SharedType;
  readonly object: Row;
  readonly action: SharingAction;
  /** Who loses access: a project, or `*`, all that no other entry names. */
  readonly target: string;
  /** Entries that go. */
  readonly gone: readonly string[];
  /** Who gets access instead. */
  readonly instead?: string;
}

/**
 * Rows whose projects could not see the object any more. As in Neutron what the owner does with it counts among all, though he keeps it;
 * but for networks.
 */
export function losing(use: Use, { type, object, action, target, gone, instead }: Loss): Predicate {
  const owner = type.resource.name === network.name ? [String(object.project_id)] : [];
  const keeping = [...owner, '', ...(instead === undefined ? [] : [instead])];
  const others: Predicate = { and: [{ eq: ['object_id', String(object.id)] }, { eq: ['action', action] }, { not: { in: ['id', gone] } }] };
  const lost: Predicate =
    target === everyone
      ? { not: { exists: { table: 'rbac_entries', on: [['target_project', 'project_id']], where: others } } }
      : { eq: ['project_id', target] };
  return { and: [use.where, { not: { in: ['project_id', keeping] } }, lost] };
}

/** Refuses what would leave somebody without an object that he uses, and guards that nobody does until it is committed. */
export async function refuseLoss(services: Services, draft: Draft, loss: Loss): Promise<void> {
  const { type, object, action, target, gone } = loss;
  if (target === object.project_id && action === 'access_as_shared') return;
  const id = String(object.id);
  const external = action === 'access_as_external';
  if (external && target === everyone && object.is_default === true)
    throw inUse(object, 'Default external networks must be shared to everyone.');
  const others: Predicate = { and: [{ eq: ['object_id', id] }, { eq: ['action', action] }, { not: { in: ['id', gone] } }] };
  const left = await services.store.select({ table: 'rbac_entries', where: others });
  if (left.some(e => e.target_project === everyone))
    return draft.present('rbac_entries', { and: [others, { eq: ['target_project', everyone] }] });
  const last = external && left.length === 0 && loss.instead === undefined;
  if (external && left.length > 0) draft.present('rbac_entries', others);
  const uses = last ? asExternal(id) : (type.uses[action]?.(id) ?? []).map(use => ({ table: use.table, where: losing(use, loss) }));
  for (const use of uses) {
    if ((await services.store.count(use.table, use.where)) > 0) throw inUse(object, detailsOf(loss));
    draft.absent(use.table, use.where);
  }
}

/** With its last entry a network is external for nobody: then it must have no gateways and no floating IPs, whosever they are. */
function asExternal(id: string): readonly Use[] {
  return [gateways(id), { table: 'floatingips', where: { eq: ['floating_network_id', id] } }];
}

function inUse(object: Row, details: string): ApiError {
  return apiError('RbacPolicyInUse', { object_id: String(object.id), details });
}

function detailsOf({ type, object, action, target }: Loss): string {
  if (action === 'access_as_external') return 'There are routers attached to this network that depend on this policy for access.';
  if (type.resource.name === network.name) return apiError('InvalidSharedSetting', { network: String(object.id) }).message;
  return `project_id=${target}`;
}

/** The attribute `shared` of an object that is there: a policy for everyone, or none. `refuse`: what holds it up, if not any loss. */
export async function setShared(
  services: Services,
  draft: Draft,
  object_type: string,
  object: Row,
  shared: boolean,
  refuse = (loss: Loss): Promise<void> => refuseLoss(services, draft, loss),
): Promise<void> {
  const id = String(object.id);
  const entries = (await sharingOf(services, [id])).get(id) ?? [];
  const now = entries.find(e => e.action === 'access_as_shared' && e.target_project === everyone);
  if (shared === (now !== undefined)) return;
  if (!now) return share(draft, object_type, object);
  const { type } = sharedType(object_type);
  await refuse({ type, object, action: 'access_as_shared', target: everyone, gone: [String(now.id)] });
  unshare(draft, [now]);
}
