// Binding a port to a host: which driver can plug it there, and what must report before it is ACTIVE.

import type { AgentView, MechanismDriver, PortView, SegmentView } from '../../contracts/drivers.ts';
import type { Predicate, Row, Value } from '../../contracts/store.ts';
import { allocationIn, answersFor, type ReportingAgent } from '../../domain/placement.ts';
import { isKeptApart, type PvlanType } from '../../domain/pvlan.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { uuid5 } from '../uuid5.ts';
import { isAlive } from './agent-liveness.ts';
import { segmentsOf } from './segments.ts';

export interface BindingRequest {
  readonly port_id: string;
  readonly network_id: string;
  /** Empty: unbound. */
  readonly host: string;
  readonly vnic_type: string;
  readonly profile: Readonly<Record<string, unknown>>;
  readonly pvlan_type: PvlanType | null;
}

export interface BindingResult {
  readonly bound: boolean;
  /** The row of the binding. */
  readonly row: Row;
}

/** Puts a new active binding in the place of the present one. */
export async function writeBinding(services: Services, draft: Draft, request: BindingRequest): Promise<BindingResult> {
  const { port_id } = request;
  // An inactive one of the same host is replaced by it; the others stay.
  const replaced: Predicate = { or: [{ eq: ['status', 'ACTIVE'] }, { eq: ['host', request.host] }] };
  const rows = await services.store.select({ table: 'port_bindings', where: { and: [{ eq: ['port_id', port_id] }, replaced] } });
  const there: Predicate = { and: [{ eq: ['port_id', port_id] }, { in: ['host', rows.map(r => String(r.host))] }] };
  draft.delete('port_bindings', there);
  draft.delete('port_binding_levels', there);
  return bindNew(services, draft, request);
}

/** Writes the active binding of a port that has none. A binding that fails is a result, not an error. */
export async function bindNew(services: Services, draft: Draft, request: BindingRequest): Promise<BindingResult> {
  const plan = await planBinding(services, request);
  draft.insert('port_bindings', plan.row);
  writeLevels(draft, plan);
  return { bound: plan.level !== undefined, row: plan.row };
}

export interface BindingPlan {
  /** Of `port_bindings`. */
  readonly row: Row;
  /** Of `port_binding_levels`, where it is bound. */
  readonly level: Row | undefined;
}

/** What the drivers make of a port on a host. */
export async function planBinding(services: Services, request: BindingRequest): Promise<BindingPlan> {
  const { port_id, host, vnic_type, profile } = request;
  const binding = host === '' ? undefined : await findBinding(services, request);
  const vif_type = binding?.vif_type ?? (host === '' ? 'unbound' : 'binding_failed');
  const row = {
    port_id,
    host,
    status: 'ACTIVE',
    vnic_type,
    profile: profile as Value,
    vif_type,
    vif_details: (binding?.vif_details ?? {}) as Value,
  };
  const level = binding && { port_id, host, level: 0, driver: binding.driver, segment_id: binding.segment.id };
  return { row, level };
}

/** The segment stays for as long as something is bound to it. */
export function writeLevels(draft: Draft, { level }: BindingPlan): void {
  if (!level) return;
  draft.present('segments', { eq: ['id', level.segment_id as string] });
  draft.insert('port_binding_levels', level);
}

/** Whoever cannot keep a port apart from others does not get it: packets that must not pass would. */
async function findBinding(services: Services, request: BindingRequest) {
  const { network_id, host, pvlan_type } = request;
  const agents = await services.store.select({ table: 'agents', where: { eq: ['host', host] } });
  const segments = (await segmentsOf(services, network_id)) as unknown as SegmentView[];
  // What Nova has reserved for the port is on a device of one of them.
  const providers = Object.values(allocationIn(request.profile));
  for (const driver of services.drivers.mechanisms) {
    if (isKeptApart(pvlan_type) && !driver.pvlan) continue;
    const agent = agents.find(a => a.agent_type === driver.agentType);
    if (providers.length > 0 && !(agent && answersFor(agent as unknown as ReportingAgent, providers, uuid5))) continue;
    const binding = agent && driver.bind(await portViewOf(services, request, driver), agentViewOf(services, agent), segments);
    if (binding) return binding;
  }
  return undefined;
}

/** A port as drivers see it. */
export async function portViewOf(
  { store, config }: Services,
  { port_id, vnic_type, profile }: Pick<BindingRequest, 'port_id' | 'vnic_type' | 'profile'>,
  { plugsTrunks }: MechanismDriver,
): Promise<PortView> {
  const view = { id: port_id, vnic_type, guarded: config.guardsPorts, profile };
  if (!plugsTrunks) return view;
  const [trunk] = await store.select({ table: 'trunks', where: { eq: ['port_id', port_id] }, columns: ['id'] });
  return trunk ? { ...view, trunk_id: String(trunk.id) } : view;
}

export function agentViewOf(services: Services, row: Row): AgentView {
  return {
    agent_type: String(row.agent_type),
    alive: isAlive(services, row),
    admin_state_up: row.admin_state_up === true,
    configurations: row.configurations as Readonly<Record<string, unknown>>,
  };
}

/** The network's own ports do not wait for DHCP. */
const withoutDhcp = (owner: string): boolean => owner.startsWith('network:');

export interface BlockFacts {
  readonly port_id: string;
  readonly device_owner: string;
  readonly bound: boolean;
  /** Subnets of the port's addresses that DHCP serves. */
  readonly dhcpSubnets: number;
  /** Some DHCP agent has the network. */
  readonly dhcpServed: boolean;
}

/** What must report before the port is ACTIVE: the L2 agent of its host, and the DHCP agents. */
export function writeBlocks(draft: Draft, facts: BlockFacts): void {
  const { port_id, device_owner, bound, dhcpSubnets, dhcpServed } = facts;
  if (bound) draft.insert('provisioning_blocks', { port_id, entity: 'L2' }, { onConflict: 'ignore' });
  if (dhcpSubnets > 0 && dhcpServed && !withoutDhcp(device_owner)) {
    draft.insert('provisioning_blocks', { port_id, entity: 'DHCP' }, { onConflict: 'ignore' });
  }
}
