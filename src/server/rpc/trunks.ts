// What agents of trunks say: where subports are to be bound, and how a trunk is.
import { type Endpoint, RpcFailure } from '../../contracts/bus.ts';
import type { Row } from '../../contracts/store.ts';
import { trunkStatuses } from '../../domain/trunks.ts';
import { trunk } from '../../model/trunk.ts';
import { byIds } from '../commands/load.ts';
import { partsOf } from '../commands/port-rows.ts';
import { placeSubPort, subPortOwner } from '../commands/trunk-binding.ts';
import { subPortsOf } from '../commands/trunk-rows.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { commitDecision } from '../retry.ts';
import { type Args, record, text } from './arguments.ts';
import { type Dict, portDicts } from './dicts.ts';

/** Subports as objects of oslo.versionedobjects, or plain. */
function namedSubPorts(args: Args): Map<string, string[]> {
  const out = new Map<string, string[]>();
  for (const item of Array.isArray(args.subports) ? args.subports : []) {
    const outer = record(item, 'subports');
    const { trunk_id, port_id } = record(outer['versioned_object.data'] ?? outer, 'subports');
    if (typeof trunk_id !== 'string' || typeof port_id !== 'string') throw new RpcFailure('InvalidInput', 'a subport without its ids');
    out.set(trunk_id, [...(out.get(trunk_id) ?? []), port_id]);
  }
  return out;
}

/** Binds the subports to the host of the parent. Answers the ports of each trunk, none where one could not be bound. */
async function updateBindings(services: Services, args: Args): Promise<Dict> {
  const answer: Dict = {};
  for (const [trunkId, portIds] of namedSubPorts(args)) {
    const bound = await commitDecision(services, { decide: draft => bindTrunk(services, draft, trunkId, portIds) });
    if (bound) answer[trunkId] = await portDicts(services, [...(await byIds(services, 'ports', bound)).values()]);
  }
  return answer;
}

async function bindTrunk(services: Services, draft: Draft, trunkId: string, portIds: readonly string[]): Promise<string[] | undefined> {
  const row = await services.store.get('trunks', { id: trunkId });
  if (!row) return undefined;
  const own = ((await subPortsOf(services, [trunkId])).get(trunkId) ?? []).map(s => s.port_id);
  const wanted = portIds.filter(id => own.includes(id));
  const parent = String(row.port_id);
  const parts = await partsOf(services, [parent, ...wanted]);
  const host = hostOf(parts.bindings.get(parent));
  const rows = await byIds(services, 'ports', wanted);
  for (const port of rows.values()) {
    if (await placeSubPort(services, draft, port, parts, { host, owner: subPortOwner })) continue;
    setStatus(draft, row, 'ERROR');
    return [];
  }
  setStatus(draft, row, rows.size === portIds.length ? 'BUILD' : 'DEGRADED');
  return [...rows.keys()];
}

/** Of a parent that is moving: where it goes to. */
function hostOf(binding: Row | undefined): string {
  const { migrating_to } = (binding?.profile ?? {}) as { migrating_to?: unknown };
  return typeof migrating_to === 'string' && migrating_to !== '' ? migrating_to : String(binding?.host ?? '');
}

/** Relies on the trunk as it was: a status must not speak for subports that came meanwhile. */
function setStatus(draft: Draft, row: Row, status: string): void {
  draft.update(trunk, row, { status }, { touch: false });
}

async function updateStatus(services: Services, args: Args): Promise<null> {
  const id = text(args, 'trunk_id');
  const status = text(args, 'status');
  if (!trunkStatuses.includes(status)) throw new RpcFailure('InvalidInput', `${status} is no status of a trunk`);
  await commitDecision(services, {
    decide: async draft => {
      const row = await services.store.get('trunks', { id });
      if (row && row.status !== status) setStatus(draft, row, status);
    },
  });
  return null;
}

export function trunkAgents(services: Services): Endpoint {
  const methods = {
    update_subport_bindings: (args: Args) => updateBindings(services, args),
    update_trunk_status: (args: Args) => updateStatus(services, args),
  };
  return { namespace: 'trunk', version: '1.0', methods };
}
