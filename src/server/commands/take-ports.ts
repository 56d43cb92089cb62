// PUT /agents/{id}/take_ports: an L2 agent takes over the ports that another kind of L2 agent has on the same host. Their bindings say
// afterwards how this one plugs them; nothing else of them changes. docs/design/migrate-l2.md.
import type { AgentView, MechanismDriver, SegmentView } from '../../contracts/drivers.ts';
import type { Row, Value } from '../../contracts/store.ts';
import { apiError, badRequest } from '../../domain/errors.ts';
import { isKeptApart, pvlanOf } from '../../domain/pvlan.ts';
import { port } from '../../model/port.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { isAlive } from './agent-liveness.ts';
import { agentViewOf, portViewOf } from './binding.ts';
import { byIds, grouped } from './load.ts';
import { profileOf } from './port-profile.ts';
import { deviceOf, factsOf, type PortParts, partsOf } from './port-rows.ts';

/** What became of one binding, or would become of it. */
interface Taken {
  readonly port_id: string;
  readonly host: string;
  /** `left`: not done, for the reason; `there`: it was this agent's before. */
  readonly outcome: 'taken' | 'there' | 'left';
  readonly vif_type: string;
  readonly vif_details: unknown;
  readonly reason?: string;
}

interface Wanted {
  readonly from: string;
  /** Undefined: all that are there. */
  readonly ports: readonly string[] | undefined;
  readonly dryRun: boolean;
}

const mostPorts = 1000;

function readWanted(body: unknown): Wanted {
  const { agent_id, ports, dry_run = false } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  if (typeof agent_id !== 'string') throw badRequest('agent', "'agent_id' names the agent that ports are taken from");
  if (typeof dry_run !== 'boolean') throw badRequest('agent', "'dry_run' is true or false");
  const named = ports === undefined || (Array.isArray(ports) && ports.length <= mostPorts && ports.every(id => typeof id === 'string'));
  if (!named) throw badRequest('agent', `'ports' is a list of at most ${mostPorts} ids`);
  return { from: agent_id, ports: ports as readonly string[] | undefined, dryRun: dry_run };
}

interface Side {
  readonly row: Row;
  readonly view: AgentView;
  readonly driver: MechanismDriver;
}

function sideOf(services: Services, row: Row): Side {
  const driver = services.drivers.mechanisms.find(m => m.agentType === row.agent_type);
  if (!driver) throw badRequest('agent', `${String(row.agent_type)} binds no ports`);
  return { row, view: agentViewOf(services, row), driver };
}

/** Two that both work would both be told that the ports are theirs. What is relied on is guarded. */
function relyOnTurn(services: Services, draft: Draft, from: Side, to: Side): void {
  const { row: old } = from;
  const { row: next } = to;
  if (!to.view.alive || !to.view.admin_state_up)
    throw badRequest('agent', `${String(next.agent_type)} on ${String(next.host)} is not at work`);
  if (isAlive(services, old) && old.admin_state_up === true)
    throw badRequest('agent', `${String(old.agent_type)} on ${String(old.host)} is at work: switch it off (admin_state_up) before`);
  draft.present('agents', { and: [{ eq: ['id', String(next.id)] }, { eq: ['admin_state_up', true] }] });
  const retired =
    old.admin_state_up === true
      ? (['heartbeat_timestamp', String(old.heartbeat_timestamp)] as const)
      : (['admin_state_up', false] as const);
  draft.present('agents', { and: [{ eq: ['id', String(old.id)] }, { eq: retired }] });
}

export async function takePorts(ctx: RequestContext, draft: Draft, row: Row, body: unknown): Promise<() => Promise<unknown>> {
  const wanted = readWanted(body);
  const other = await ctx.store.get('agents', { id: wanted.from });
  if (!other) throw apiError('AgentNotFound', { id: wanted.from });
  const [from, to] = [sideOf(ctx, other), sideOf(ctx, row)];
  if (other.host !== row.host) throw badRequest('agent', `the agents are on two hosts, ${String(other.host)} and ${String(row.host)}`);
  if (from.driver === to.driver) throw badRequest('agent', 'both agents are of one type');
  if (!wanted.dryRun) relyOnTurn(ctx, draft, from, to);
  // Where nothing is done it is shown what would be, were the taking agent at work.
  const able = wanted.dryRun ? { ...to, view: { ...to.view, alive: true, admin_state_up: true } } : to;
  const ports = await takeAll(ctx, draft, able, from.driver, wanted);
  return async () => ({ ports });
}

async function takeAll(ctx: RequestContext, draft: Draft, to: Side, from: MechanismDriver, { ports, dryRun }: Wanted): Promise<Taken[]> {
  const scene = await sceneOf(ctx, String(to.row.host), ports);
  const out: Taken[] = [];
  for (const binding of scene.bindings) {
    const taken = await judge(ctx, scene, binding, to, from);
    out.push(taken);
    if (taken.outcome === 'taken' && !dryRun) write(draft, scene, binding, taken, to.driver);
  }
  return out;
}

interface Scene {
  readonly bindings: readonly Row[];
  readonly ports: ReadonlyMap<string, Row>;
  readonly parts: PortParts;
  readonly levels: ReadonlyMap<string, readonly Row[]>;
  readonly segments: ReadonlyMap<string, Row>;
  readonly inTrunks: ReadonlySet<string>;
}

async function sceneOf(ctx: RequestContext, host: string, named: readonly string[] | undefined): Promise<Scene> {
  const here = { eq: ['host', host] } as const;
  const where = named === undefined ? here : { and: [here, { in: ['port_id', named] }] as const };
  const bindings = await ctx.store.select({ table: 'port_bindings', where, order: [['port_id', 'asc']] });
  const ids = bindings.map(b => String(b.port_id));
  const levels = await grouped(ctx, 'port_binding_levels', 'port_id', ids, { where: here, order: [['level', 'asc']] });
  const segmentIds = [...levels.values()].flat().map(l => l.segment_id);
  const trunks = await grouped(ctx, 'trunks', 'port_id', ids);
  const subports = await grouped(ctx, 'sub_ports', 'port_id', ids);
  return {
    bindings,
    ports: await byIds(ctx, 'ports', ids),
    parts: await partsOf(ctx, ids),
    levels,
    segments: await byIds(ctx, 'segments', segmentIds),
    inTrunks: new Set([...trunks.keys(), ...subports.keys()]),
  };
}

async function judge(ctx: RequestContext, scene: Scene, binding: Row, to: Side, from: MechanismDriver): Promise<Taken> {
  const port_id = String(binding.port_id);
  const is = { port_id, host: String(binding.host), vif_type: String(binding.vif_type), vif_details: binding.vif_details };
  const left = (reason: string): Taken => ({ ...is, outcome: 'left', reason });
  const row = scene.ports.get(port_id);
  const levels = scene.levels.get(port_id) ?? [];
  const [level] = levels;
  if (level?.driver === to.driver.name) return { ...is, outcome: 'there' };
  if (!row || levels.length !== 1 || level?.driver !== from.name) return left(`it is not bound by ${from.name} alone`);
  if (scene.inTrunks.has(port_id)) return left('it belongs to a trunk, whose parent is plugged in another way');
  const { pvlan_type } = pvlanOf(row);
  if (isKeptApart(pvlan_type) && !to.driver.pvlan) return left(`${to.driver.name} keeps no ports of private VLANs apart`);
  const segment = scene.segments.get(String(level.segment_id)) as unknown as SegmentView | undefined;
  const request = { port_id, vnic_type: String(binding.vnic_type), profile: profileOf(row, binding) };
  const bound = segment && to.driver.bind(await portViewOf(ctx, request, to.driver), to.view, [segment]);
  if (!bound) return left(`${String(to.row.agent_type)} does not reach ${segmentText(segment)}`);
  return { ...is, outcome: 'taken', vif_type: bound.vif_type, vif_details: bound.vif_details };
}

function segmentText(segment: SegmentView | undefined): string {
  if (!segment) return 'its segment';
  const { network_type, physical_network, segmentation_id } = segment;
  return [network_type, physical_network, segmentation_id].filter(part => part !== null).join(' ');
}

/** The row of the port carries the guard: whatever changes a binding raises its revision. Its status stays: what plugs it has not come yet. */
function write(
  draft: Draft,
  scene: Scene,
  binding: Row,
  { port_id, host, vif_type, vif_details }: Taken,
  { name: driver }: MechanismDriver,
): void {
  const here = { and: [{ eq: ['port_id', port_id] }, { eq: ['host', host] }] } as const;
  draft.set('port_bindings', here, { vif_type, vif_details: vif_details as Value });
  draft.set('port_binding_levels', here, { driver });
  const row = scene.ports.get(port_id) as Row;
  const isActive = binding.status === 'ACTIVE';
  const changed = isActive ? ['binding:vif_type', 'binding:vif_details'] : [];
  // Nova keeps what it was told of a port until it hears of a change.
  const facts = { before: factsOf(row, scene.parts), changed, ...(isActive ? { asked: true, after: deviceOf(row) } : {}) };
  draft.update(port, row, {}, { touch: false, facts });
}
