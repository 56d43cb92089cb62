// An automatic topology goes: its interfaces and router, then its network, with the memory of it. What is gone already is passed over.
import type { Predicate, Row } from '../../contracts/store.ts';
import { isApiError } from '../../domain/errors.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { commitDecision } from '../retry.ts';
import { networks } from './networks.ts';
import { removeInterface } from './router-interfaces.ts';
import { gatewayOwner, routerPorts } from './router-rows.ts';
import { routers } from './routers.ts';

export interface Topology {
  /** The network's. */
  readonly id: string;
  readonly project_id: string;
  readonly router_id: string | null;
  readonly ready: boolean;
}

export async function topologyOf({ store }: Services, project_id: string): Promise<Topology | undefined> {
  return (await store.get('auto_allocated_topologies', { project_id })) as unknown as Topology | undefined;
}

/** Nobody has gone on with it, or removed it, meanwhile. */
export function relyOnTopology(draft: Draft, { id, project_id, router_id, ready }: Topology): void {
  const same: Predicate[] = [{ eq: ['project_id', project_id] }, { eq: ['id', id] }, { eq: ['router_id', router_id] }];
  draft.present('auto_allocated_topologies', { and: [...same, { eq: ['ready', ready] }] });
}

/** Somebody may be making it at the same moment: so often it is looked at again. */
const rounds = 10;

export async function removeTopology(ctx: RequestContext, project: string): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    const topology = await topologyOf(ctx, project);
    if (!topology) return;
    if (topology.router_id !== null) await removeRouter(ctx, topology, topology.router_id);
    else if (await removeNetwork(ctx, project)) return;
  }
}

async function removeRouter(ctx: RequestContext, topology: Topology, id: string): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    try {
      if (await removeNextInterface(ctx, topology, id)) continue;
      return await commitDecision(ctx, {
        decide: async (draft, now) => {
          const row = await now.store.get('routers', { id });
          if (row) await routers.delete?.(now, draft, row);
          draft.set('auto_allocated_topologies', { and: [{ eq: ['id', topology.id] }, { eq: ['router_id', id] }] }, { router_id: null });
        },
      });
    } catch (error) {
      // What somebody else has removed between two looks is gone.
      if (isApiError(error) && error.status === 404) continue;
      // An interface that came just now goes in the next round; one on another network stays.
      if (!isApiError(error, 'RouterInUse') || !(await interfaceOf(ctx, topology, id))) throw error;
    }
  }
}

async function interfaceOf(services: Services, { id: network_id }: Topology, router: string): Promise<Row | undefined> {
  const ports = (await routerPorts(services, [router])).get(router) ?? [];
  return ports.find(p => p.type !== gatewayOwner && p.port.network_id === network_id)?.port;
}

/** False: there is none. */
async function removeNextInterface(ctx: RequestContext, topology: Topology, id: string): Promise<boolean> {
  return commitDecision(ctx, {
    decide: async (draft, now) => {
      const row = await now.store.get('routers', { id });
      const port = row && (await interfaceOf(now, topology, id));
      if (!row || !port) return false;
      await removeInterface(now, draft, row, { port_id: port.id });
      return true;
    },
  });
}

/** False: there is a router again. */
async function removeNetwork(ctx: RequestContext, project: string): Promise<boolean> {
  return commitDecision(ctx, {
    decide: async (draft, now) => {
      const topology = await topologyOf(now, project);
      if (!topology) return true;
      if (topology.router_id !== null) return false;
      const row = await now.store.get('networks', { id: topology.id });
      if (row) await networks.delete?.(now, draft, row);
      else draft.delete('auto_allocated_topologies', { eq: ['project_id', project] });
      relyOnTopology(draft, topology);
      return true;
    },
  });
}
