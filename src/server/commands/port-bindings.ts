// Bindings below a port. Every change relies on the port's revision, so that two activations never leave two active ones.
import type { Row, Value } from '../../contracts/store.ts';
import { apiError, badRequest } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { pvlanOf } from '../../domain/pvlan.ts';
import { port } from '../../model/port.ts';
import { portBinding } from '../../model/port-binding.ts';
import { changedColumns, shownColumns } from '../columns.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import { relyOnParent } from '../find.ts';
import { type BindingRequest, planBinding, writeLevels } from './binding.ts';
import type { ApiObject, Commands, Created } from './commands.ts';
import { byIds } from './load.ts';
import { awaitAgents } from './port-blocks.ts';
import { macOfDevice, type PluggedAs, refuseUsedMac } from './port-mac.ts';
import { profileOf } from './port-profile.ts';
import { factsOf, type PortFacts, partsOf } from './port-rows.ts';
import { putTrunkDown } from './trunk-binding.ts';

const plugOf = (row: Row): PluggedAs => ({
  host: String(row.host),
  vnic_type: String(row.vnic_type),
  profile: row.profile as PluggedAs['profile'],
});

function requireComputePort(row: Row): void {
  if (String(row.device_owner).startsWith('compute:')) return;
  throw badRequest('port', `Invalid port ${String(row.id)}. Operation only valid on compute ports`);
}

/** The port as the decision relies on it, and its bindings. */
interface Bound {
  readonly row: Row;
  readonly bindings: readonly Row[];
  readonly active: Row | undefined;
  readonly before: PortFacts;
}

async function boundPort(ctx: RequestContext, draft: Draft): Promise<Bound> {
  const row = await relyOnParent(ctx, draft);
  requireComputePort(row);
  const id = String(row.id);
  const bindings = await ctx.store.select({ table: 'port_bindings', where: { eq: ['port_id', id] } });
  const before = factsOf(row, await partsOf(ctx, [id]));
  return { row, bindings, active: bindings.find(b => b.status === 'ACTIVE'), before };
}

/** What the drivers make of it; a host where the port cannot be plugged is an error here. */
async function planOrFail(ctx: RequestContext, request: BindingRequest): Promise<Awaited<ReturnType<typeof planBinding>>> {
  const plan = await planBinding(ctx, request);
  if (plan.row.vif_type === 'binding_failed') throw apiError('PortBindingError', { port_id: request.port_id, host: request.host });
  return plan;
}

const place = (port_id: unknown, host: unknown) =>
  ({ and: [{ eq: ['port_id', String(port_id)] }, { eq: ['host', String(host)] }] }) as const;

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const bound = await boundPort(ctx, draft);
  const { row, bindings, active } = bound;
  const port_id = String(row.id);
  const host = String(input.host);
  if (bindings.some(b => b.host === host)) throw apiError('PortBindingAlreadyExists', { port_id, host });
  const profile = (input.profile ?? {}) as PluggedAs['profile'];
  const plan = await planOrFail(ctx, {
    port_id,
    network_id: String(row.network_id),
    host,
    vnic_type: String(input.vnic_type),
    profile,
    ...pvlanOf(row),
  });
  const binding = { ...plan.row, status: active ? 'INACTIVE' : 'ACTIVE' };
  draft.insert('port_bindings', binding, { tag: 'binding' });
  writeLevels(draft, plan);
  if (active) draft.update(port, row, {}, { touch: false, facts: { before: bound.before, changed: [], place_added: host } });
  else await rewire(ctx, draft, bound, binding, {});
  return { id: host, shown: shown(row, binding) };
}

const shown = (portRow: Row, binding: Row): ApiObject => ({
  ...shownColumns(portBinding, binding),
  profile: profileOf(portRow, binding),
});

/** The port is somewhere else now, or in another way: its agents have to report again. */
async function rewire(ctx: RequestContext, draft: Draft, { row, before }: Bound, active: Row, facts: Record<string, Value>): Promise<void> {
  const port_id = String(row.id);
  draft.delete('provisioning_blocks', { eq: ['port_id', port_id] });
  const subnets = await byIds(
    ctx,
    'subnets',
    before.fixed_ips.map(f => f.subnet_id),
  );
  await awaitAgents(ctx, draft, {
    port_id,
    network_id: before.network_id,
    owner: before.device_owner,
    bound: !unplugged.includes(String(active.vif_type)),
    withDhcp: [...subnets.values()].some(s => s.enable_dhcp === true),
  });
  const was = await ctx.store.get('port_bindings', { port_id, host: before.host });
  const mac = macOfDevice(ctx, draft, was ? plugOf(was) : undefined, plugOf(active));
  if (mac !== undefined && mac !== row.mac_address) await refuseUsedMac(ctx, draft, before.network_id, mac);
  const set = { status: 'DOWN', ...(mac === undefined ? {} : { mac_address: mac }) };
  const changed = ['status', 'binding:host_id', ...(mac === undefined ? [] : ['mac_address'])];
  draft.update(port, row, set, { facts: { before, changed, ...facts } });
}

const unplugged = ['unbound', 'binding_failed'];

async function update(ctx: RequestContext, draft: Draft, found: Row, input: Attributes): Promise<void> {
  const bound = await boundPort(ctx, draft);
  const { host } = found;
  const now = bound.bindings.find(b => b.host === host);
  const port_id = String(bound.row.id);
  if (!now) throw apiError('PortBindingNotFound', { port_id, host: String(host) });
  const wanted = { ...plugOf(now), ...changedColumns(portBinding, input) } as PluggedAs;
  if (wanted.vnic_type === now.vnic_type && now.vif_type !== 'binding_failed') {
    draft.set('port_bindings', place(port_id, host), { profile: wanted.profile as Value });
    draft.update(port, bound.row, {}, { touch: false, facts: { before: bound.before, changed: ['binding:profile'] } });
    return;
  }
  const plan = await planOrFail(ctx, { port_id, network_id: String(bound.row.network_id), ...wanted, ...pvlanOf(bound.row) });
  const { vnic_type, profile, vif_type, vif_details } = plan.row as Record<string, Value>;
  draft.set('port_bindings', place(port_id, host), { vnic_type, profile, vif_type, vif_details } as Row);
  draft.delete('port_binding_levels', place(port_id, host));
  writeLevels(draft, plan);
  if (now.status === 'ACTIVE') await rewire(ctx, draft, bound, plan.row, {});
  else draft.update(port, bound.row, {}, { touch: false, facts: { before: bound.before, changed: [] } });
}

/** Also of the active one: the port is nowhere then. */
async function remove(ctx: RequestContext, draft: Draft, found: Row): Promise<void> {
  const { row, active, before } = await boundPort(ctx, draft);
  draft.delete('port_bindings', place(row.id, found.host));
  draft.delete('port_binding_levels', place(row.id, found.host));
  const isActive = found.host === active?.host;
  if (isActive) {
    draft.delete('provisioning_blocks', { eq: ['port_id', String(row.id)] });
    await putTrunkDown(ctx, draft, String(row.id));
  }
  const changed = isActive ? ['status', 'binding:host_id'] : [];
  const facts = { before, changed, ...(isActive ? {} : { place_removed: String(found.host) }) };
  draft.update(port, row, isActive ? { status: 'DOWN' } : {}, { touch: false, facts });
}

/** The instance has moved: the binding of the host where it is now takes the place of the active one, which stays for a way back. */
async function activate(ctx: RequestContext, draft: Draft, found: Row): Promise<() => Promise<ApiObject>> {
  const bound = await boundPort(ctx, draft);
  const { row, bindings, active } = bound;
  const port_id = String(row.id);
  const host = String(found.host);
  const next = bindings.find(b => b.host === host);
  if (!next) throw apiError('PortBindingNotFound', { port_id, host });
  if (next.status === 'ACTIVE') throw apiError('PortBindingAlreadyActive', { port_id, host });
  const taken = unplugged.includes(String(next.vif_type)) ? await boundAgain(ctx, draft, row, next) : next;
  if (active) draft.set('port_bindings', place(port_id, active.host), { status: 'INACTIVE' });
  draft.set('port_bindings', place(port_id, host), { status: 'ACTIVE' });
  await rewire(ctx, draft, bound, taken, { activated: { from: String(active?.host ?? ''), to: host } });
  return async () => shown(row, { ...taken, status: 'ACTIVE' });
}

/** A binding that had failed, or lost its agent, is tried once more. */
async function boundAgain(ctx: RequestContext, draft: Draft, row: Row, binding: Row): Promise<Row> {
  const port_id = String(row.id);
  const plan = await planOrFail(ctx, { port_id, network_id: String(row.network_id), ...plugOf(binding), ...pvlanOf(row) });
  const { vif_type, vif_details } = plan.row as Record<string, Value>;
  draft.set('port_bindings', place(port_id, binding.host), { vif_type, vif_details } as Row);
  writeLevels(draft, plan);
  return plan.row;
}

export const portBindings: Commands = {
  resource: portBinding,
  present: async (services, rows) => {
    const ports = await byIds(
      services,
      'ports',
      rows.map(r => r.port_id),
    );
    return rows.map(row => shown(ports.get(String(row.port_id)) ?? {}, row));
  },
  async beforeList({ parent }) {
    if (parent) requireComputePort(parent.row);
  },
  create,
  update,
  delete: remove,
  actions: { activate },
};
