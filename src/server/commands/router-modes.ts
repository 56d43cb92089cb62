// How a router is served: at one place, highly available at several, or distributed over all hosts. Its ports are called accordingly.
import type { Row, Value } from '../../contracts/store.ts';
import { badRequest } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { isRouterInterface, owners } from '../../domain/ipam/owners.ts';
import { checkProvider } from '../../domain/service-providers.ts';
import { port } from '../../model/port.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import { providerOfFlavor } from './flavors.ts';
import { dropHa, dropHaNetwork, joinHa } from './router-ha.ts';
import type { RouterPort } from './router-rows.ts';
import { dropSnatPorts, makeSnatPorts } from './router-snat.ts';

export interface Mode {
  readonly ha: boolean;
  readonly distributed: boolean;
}

export const modeOf = (row: Row): Mode => ({ ha: row.ha === true, distributed: row.distributed === true });

/** What a new router asks for; else what its flavor stands for, or the server's default. */
export async function newMode(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Mode> {
  const provider = input.flavor_id ? await providerOfFlavor(ctx, draft, String(input.flavor_id)) : undefined;
  if (provider) checkProvider(provider, input);
  const chosen = (given: unknown, otherwise: boolean): boolean => (typeof given === 'boolean' ? given : otherwise);
  return {
    ha: chosen(input.ha, provider?.ha ?? ctx.config.l3Ha),
    distributed: chosen(input.distributed, provider?.distributed ?? ctx.config.routerDistributed),
  };
}

/** `device_owner` of the router's interfaces. */
export function interfaceOwnerOf(row: Row): string {
  const { ha, distributed } = modeOf(row);
  if (distributed) return owners.routerInterfaceDistributed;
  return ha ? owners.routerInterfaceHa : owners.routerInterface;
}

/** The mode after a change: only a router that is down already changes it. Null asks for nothing. */
function changedMode(row: Row, input: Attributes): Mode {
  const now = modeOf(row);
  const distributed = typeof input.distributed === 'boolean' ? input.distributed : now.distributed;
  const ha = typeof input.ha === 'boolean' ? input.ha : now.ha;
  const refuse = (what: string): never => {
    throw badRequest('router', `Cannot change ${what} of active routers. Please set router admin_state_up to False prior to upgrade`);
  };
  if (row.admin_state_up === true) {
    if (distributed !== now.distributed) refuse("the 'distributed' attribute");
    if (ha !== now.ha) refuse('HA attribute');
  }
  return { ha, distributed };
}

/** Answers the router's columns that change. Agents are told by the change of the router itself, and are chosen anew. */
export async function changeMode(
  ctx: RequestContext,
  draft: Draft,
  row: Row,
  input: Attributes,
  ports: readonly RouterPort[],
): Promise<Record<string, Value>> {
  const now = modeOf(row);
  const wanted = changedMode(row, input);
  if (wanted.ha === now.ha && wanted.distributed === now.distributed) return {};
  const after: Row = { ...row, ...wanted };
  const owner = interfaceOwnerOf(after);
  for (const p of ports.filter(q => isRouterInterface(q.type) && q.type !== owner)) renameInterface(draft, p, owner);
  if (wanted.distributed !== now.distributed) {
    if (wanted.distributed && row.gw_port_id) await makeSnatPorts(ctx, draft, after, ports);
    if (!wanted.distributed) await dropSnatPorts(ctx, draft, ports);
  }
  if (wanted.ha !== now.ha) {
    const going = await dropHa(ctx, draft, row);
    if (wanted.ha) await joinHa(ctx, draft, after);
    else await dropHaNetwork(ctx, draft, row, going);
  }
  return {
    ...(wanted.ha === now.ha ? {} : { ha: wanted.ha }),
    ...(wanted.distributed === now.distributed ? {} : { distributed: wanted.distributed }),
  };
}

function renameInterface(draft: Draft, { port: row }: RouterPort, owner: string): void {
  draft.update(port, row, { device_owner: owner }, { facts: { changed: ['device_owner'] } });
  draft.set('router_ports', { eq: ['port_id', String(row.id)] }, { port_type: owner });
}
