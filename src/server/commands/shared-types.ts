// The types of objects that can be shared with other projects. A type is a line here; what uses its objects is a condition.
import type { Predicate, Row } from '../../contracts/store.ts';
import { apiError, invalidInput } from '../../domain/errors.ts';
import { pyRepr } from '../../domain/input/python.ts';
import { owners } from '../../domain/ipam/owners.ts';
import { addressGroup } from '../../model/address-group.ts';
import { addressScope } from '../../model/address-scope.ts';
import type { Resource } from '../../model/kit/resource.ts';
import { network } from '../../model/network.ts';
import { qosPolicy } from '../../model/qos.ts';
import { securityGroup } from '../../model/security-group.ts';
import { subnetpool } from '../../model/subnet-pool.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { policyUses } from './qos-rows.ts';

export type SharingAction = 'access_as_shared' | 'access_as_external';

/** Rows with a `project_id` that use an object: a project that has some cannot lose its access to the object. */
export interface Use {
  readonly table: string;
  readonly where: Predicate;
}

export interface SharedType {
  readonly resource: Resource;
  /** What uses an object that is shared as this; the keys are the actions that the type knows. */
  readonly uses: { readonly [action in SharingAction]?: (id: string) => readonly Use[] };
  /** Refuses to share an object with a project, or with all (`*`). */
  readonly mayShare?: (services: Services, draft: Draft, object: Row, target: string) => Promise<void>;
}

/** Rows of a table that name the object in a column. */
export function by(table: string, column: string): (id: string) => Use {
  return id => ({ table, where: { eq: [column, id] } });
}

/** Rows that another table ties to the object: its `theirs` is the id of the row, its `column` the id of the object. */
export function through(
  table: string,
  link: { readonly table: string; readonly theirs: string; readonly column: string },
): (id: string) => Use {
  return id => ({ table, where: { exists: { table: link.table, on: [[link.theirs, 'id']], where: { eq: [link.column, id] } } } });
}

const asShared = (resource: Resource, ...uses: readonly ((id: string) => Use)[]): SharedType => ({
  resource,
  uses: { access_as_shared: id => uses.map(use => use(id)) },
});

/** Routers with a gateway on a network, the first or another. */
export function gateways(id: string): Use {
  const there: Predicate = { exists: { table: 'ports', on: [['id', 'port_id']], where: { eq: ['network_id', id] } } };
  const where: Predicate = { and: [{ eq: ['port_type', owners.routerGateway] }, there] };
  return { table: 'routers', where: { exists: { table: 'router_ports', on: [['router_id', 'id']], where } } };
}

/** Whom a pool is shared with must have its address scope, too. */
export async function mayShareSubnetpool(services: Services, draft: Draft, pool: Row, target: string): Promise<void> {
  if (pool.address_scope_id === null) return;
  const targets = target === '*' ? ['*'] : ['*', target];
  const shared: Predicate = { and: [{ eq: ['object_id', String(pool.address_scope_id)] }, { in: ['target_project', targets] }] };
  if ((await services.store.count('rbac_entries', shared)) === 0) {
    const reason = "target project doesn't have access to associated address scope.";
    throw invalidInput(apiError('RbacPolicyInitError', { object_id: String(pool.id), reason }).message);
  }
  draft.present('rbac_entries', shared);
}

/** By `object_type`. */
export const sharedTypes: Readonly<Record<string, SharedType>> = {
  network: {
    resource: network,
    uses: { access_as_shared: id => [by('ports', 'network_id')(id)], access_as_external: id => [gateways(id)] },
  },
  address_group: asShared(addressGroup, by('security_group_rules', 'remote_address_group_id')),
  address_scope: asShared(addressScope, by('subnetpools', 'address_scope_id')),
  subnetpool: { ...asShared(subnetpool, by('subnets', 'subnetpool_id')), mayShare: mayShareSubnetpool },
  security_group: asShared(
    securityGroup,
    through('ports', { table: 'port_security_groups', theirs: 'port_id', column: 'security_group_id' }),
  ),
  qos_policy: asShared(qosPolicy, ...policyUses.map(({ table }) => by(table, 'qos_policy_id'))),
};

export function sharedType(name: unknown): { readonly name: string; readonly type: SharedType } {
  const key = String(name).trim().toLowerCase();
  const type = Object.hasOwn(sharedTypes, key) ? sharedTypes[key] : undefined;
  if (!type) throw invalidInput(`${pyRepr(String(name))} is not a valid RBAC object type`);
  return { name: key, type };
}

export function actionsOf(type: SharedType): readonly string[] {
  return Object.keys(type.uses);
}
