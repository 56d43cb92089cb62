// A port of an instance gets another QoS policy: what the instance has of Placement follows, and what the port's profile says of it.
import { isDeepStrictEqual } from 'node:util';
import type { Predicate, Row, Value } from '../../contracts/store.ts';
import { allocationIn } from '../../domain/placement.ts';
import { allocationChange, type Resources, together } from '../../domain/qos-allocations.ts';
import { port } from '../../model/port.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { changeAllocation } from '../placement/allocations.ts';
import { uuid5 } from '../uuid5.ts';
import { factsOf, partsOf } from './port-rows.ts';
import { rulesOf } from './qos-rows.ts';

export interface PolicyTurn {
  /** The port as it was. */
  readonly row: Row;
  /** Of the active binding. */
  readonly profile: Readonly<Record<string, unknown>>;
  /** Policies in effect. */
  readonly before: unknown;
  readonly after: unknown;
}

/** Comes last in a decision: Placement is asked, and refuses. */
export async function followPolicy(services: Services, draft: Draft, turn: PolicyTurn): Promise<void> {
  const { diff } = await planTurn(services, draft, turn);
  await change(services, draft, String(turn.row.device_id), diff);
}

/** Of a network: its ports without a policy of their own follow. */
export async function followPolicyOnNetwork(services: Services, draft: Draft, network: Row, after: unknown): Promise<void> {
  const before = network.qos_policy_id;
  if (after === before) return;
  const where: Predicate = {
    and: [{ eq: ['network_id', String(network.id)] }, { eq: ['qos_policy_id', null] }, { startsWith: ['device_owner', 'compute:'] }],
  };
  const ports = await services.store.select({ table: 'ports', where, order: [['id', 'asc']] });
  const ids = ports.map(row => String(row.id));
  const parts = await partsOf(services, ids);
  const diffs = new Map<string, Resources>();
  for (const row of ports) {
    const profile = (parts.bindings.get(String(row.id))?.profile ?? {}) as Readonly<Record<string, unknown>>;
    const { diff, profiled } = await planTurn(services, draft, { row, profile, before, after });
    if (profiled) draft.update(port, row, {}, { touch: false, facts: { before: factsOf(row, parts), changed: ['binding:profile'] } });
    const consumer = String(row.device_id);
    diffs.set(consumer, together(diffs.get(consumer) ?? {}, diff));
  }
  for (const [consumer, diff] of diffs) await change(services, draft, consumer, diff);
}

async function change(services: Services, draft: Draft, consumer: string, diff: Resources): Promise<void> {
  if (Object.keys(diff).length > 0) await changeAllocation(services, draft, consumer, diff);
}

interface Turned {
  readonly diff: Resources;
  /** The profile of the active binding is another. */
  readonly profiled: boolean;
}

const nothing: Turned = { diff: {}, profiled: false };

async function planTurn(services: Services, draft: Draft, { row, profile, before, after }: PolicyTurn): Promise<Turned> {
  if (before === after || !String(row.device_owner).startsWith('compute:')) return nothing;
  const id = String(row.id);
  const policies = [before, after].filter(policy => typeof policy === 'string');
  const rules = await draft.once(`reserved/${policies.join()}`, () =>
    rulesOf(services, policies, ['minimum_bandwidth', 'minimum_packet_rate']),
  );
  const allocation = allocationIn(profile);
  const move = { allocation, before: rules.get(String(before)) ?? [], after: rules.get(String(after)) ?? [] };
  const planned = allocationChange({ ...move, groupId: name => uuid5(id, name) });
  if (!planned) return nothing;
  if (planned.unbacked.length > 0)
    services.log.warning('Placement has promised nothing for rules of a port: its agent alone sees to them', {
      port: id,
      rules: planned.unbacked,
    });
  const profiled = !isDeepStrictEqual(planned.allocation, allocation);
  const active: Predicate = { and: [{ eq: ['port_id', id] }, { eq: ['status', 'ACTIVE'] }] };
  if (profiled) draft.set('port_bindings', active, { profile: { ...profile, allocation: planned.allocation } as Value });
  return { diff: planned.diff, profiled };
}
