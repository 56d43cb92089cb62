// Automatic topologies: a GET makes one. It is made in steps, each of them whole and each a matter of course for whoever comes to it
// again: another server, or the next request after a crash.
import type { Predicate, Row } from '../../contracts/store.ts';
import { ApiError, apiError, badRequest } from '../../domain/errors.ts';
import { readCreate } from '../../domain/input/body.ts';
import { autoAllocatedTopology } from '../../model/auto-allocated-topology.ts';
import { network } from '../../model/network.ts';
import { authorizeAction, notFound } from '../authorize.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import { commitDecision } from '../retry.ts';
import type { ApiObject, Commands, Created } from './commands.ts';
import { defaultExternal } from './default-external.ts';
import { networks } from './networks.ts';
import { addInterface } from './router-interfaces.ts';
import { routerPorts } from './router-rows.ts';
import { routers } from './routers.ts';
import { defaultPool } from './subnet-pools.ts';
import { subnets } from './subnets.ts';
import { relyOnTopology, removeTopology, type Topology, topologyOf } from './topology-removal.ts';

const versions = [4, 6] as const;

/** As clients name the project of whoever asks. */
const own = 'None';

function projectOf(ctx: RequestContext, key: string, verb: 'get' | 'delete'): string {
  const project_id = key === own ? String(ctx.caller.project_id) : key;
  const hidden = notFound(autoAllocatedTopology, project_id);
  authorizeAction(ctx, autoAllocatedTopology, `${verb}_auto_allocated_topology`, { project_id, tenant_id: project_id }, hidden);
  return project_id;
}

async function show(ctx: RequestContext, key: string, fields: readonly string[]): Promise<ApiObject> {
  const project_id = projectOf(ctx, key, 'get');
  if (fields.includes('dry-run')) {
    await requireExternal(ctx);
    if ((await defaultPools(ctx)).length === 0) throw failure('No default subnetpools defined');
    return { id: 'dry-run=pass', tenant_id: project_id };
  }
  if (fields.length > 0) throw badRequest('auto_allocate', 'Unrecognized field');
  const found = await topologyOf(ctx, project_id);
  const { id } = found?.ready ? found : await build(ctx, project_id, await requireExternal(ctx));
  return { id, project_id, tenant_id: project_id };
}

const failure = (reason: string): ApiError => apiError('AutoAllocationFailure', { reason });

async function requireExternal(ctx: RequestContext): Promise<Row> {
  const external = await defaultExternal(ctx);
  if (!external) throw failure('No default router:external network');
  return external;
}

async function defaultPools(ctx: RequestContext): Promise<Row[]> {
  return (await Promise.all(versions.map(v => defaultPool(ctx, v)))).filter(p => p !== undefined);
}

/** So often it is begun anew after somebody has removed it meanwhile. */
const beginnings = 10;

async function build(ctx: RequestContext, project: string, external: Row): Promise<Topology> {
  for (let i = 0; i < beginnings; i++) {
    const inside = await attempt(ctx, project, unableInside, async () => {
      await begin(ctx, project);
      return step(ctx, project, addSubnets);
    });
    const outside =
      inside &&
      (await attempt(ctx, project, unableOutside, async () => {
        await step(ctx, project, makeRouter(String(external.id)));
        for (const _version of versions) await step(ctx, project, attach);
        return step(ctx, project, finish);
      }));
    const built = outside ? await topologyOf(ctx, project) : undefined;
    if (built?.ready) return built;
  }
  throw apiError('HTTPServiceUnavailable', { message: 'The topology was removed while it was being made; try again.' });
}

/** What cannot be made leaves nothing behind. The refusals that are about the deployment are told as such. */
async function attempt<T>(ctx: RequestContext, project: string, told: (error: ApiError) => ApiError, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    await removeTopology(ctx, project);
    throw told(error);
  }
}

function unableInside(error: ApiError): ApiError {
  const deployment = error.status === 400 || error.status === 404 || error.type === 'SubnetAllocationError';
  return deployment ? failure('Unable to provide tenant private network') : error;
}

const unableOutside = (error: ApiError): ApiError => (error.status === 400 ? failure('Unable to provide external connectivity') : error);

/** The first step: the network, and with it the memory of it, of which a project has one. */
async function begin(ctx: RequestContext, project_id: string): Promise<void> {
  await commitDecision(ctx, {
    decide: async (draft, now) => {
      if (await topologyOf(now, project_id)) return;
      const { id } = await make(now, draft, networks, { name: 'auto_allocated_network', admin_state_up: false, project_id });
      draft.insert('auto_allocated_topologies', { id, project_id, router_id: null, ready: false }, { tag: 'topology' });
    },
  });
}

/** False: somebody is removing it. */
type Step = (ctx: RequestContext, draft: Draft, topology: Topology) => Promise<boolean>;

/** One commit. False: there is no topology to go on with. */
function step(ctx: RequestContext, project: string, decide: Step): Promise<boolean> {
  return commitDecision(ctx, {
    decide: async (draft, now) => {
      const seen = await topologyOf(now, project);
      if (!seen || seen.ready) return seen !== undefined;
      const goesOn = await decide(now, draft, seen);
      relyOnTopology(draft, seen);
      return goesOn;
    },
  });
}

async function make(ctx: RequestContext, draft: Draft, commands: Commands, item: ApiObject): Promise<Created> {
  if (!commands.create) throw new Error(`no ${commands.resource.name} can be made`);
  const input = readCreate(commands.resource, item, { project_id: ctx.caller.project_id, privileged: true });
  return commands.create(ctx, draft, input);
}

async function addSubnets(ctx: RequestContext, draft: Draft, { id: network_id, project_id }: Topology): Promise<boolean> {
  const where: Predicate = { eq: ['network_id', network_id] };
  const there = await ctx.store.select({ table: 'subnets', where, columns: ['id', 'ip_version'] });
  // Whoever goes on with it at the same moment may have made them since.
  draft.absent('subnets', { and: [where, { not: { in: ['id', there.map(s => String(s.id))] } }] });
  const pools = await defaultPools(ctx);
  if (pools.length === 0) throw failure('Unable to provide tenant private network');
  for (const { id: subnetpool_id, ip_version } of pools.filter(p => there.every(s => s.ip_version !== p.ip_version))) {
    await make(ctx, draft, subnets, { name: `auto_allocated_subnet_v${ip_version}`, network_id, project_id, ip_version, subnetpool_id });
  }
  return true;
}

function makeRouter(network_id: string): Step {
  return async (ctx, draft, { project_id, router_id }) => {
    if (router_id !== null && (await ctx.store.get('routers', { id: router_id }))) return true;
    const made = await make(ctx, draft, routers, { name: 'auto_allocated_router', project_id, external_gateway_info: { network_id } });
    draft.set('auto_allocated_topologies', { eq: ['project_id', project_id] }, { router_id: made.id });
    return true;
  };
}

/** One interface in each step, since each is decided by those that are there. */
async function attach(ctx: RequestContext, draft: Draft, topology: Topology): Promise<boolean> {
  const router = await routerOf(ctx, topology);
  if (!router) return false;
  const here = await ctx.store.select({ table: 'subnets', where: { eq: ['network_id', topology.id] }, order: [['ip_version', 'asc']] });
  const ports = (await routerPorts(ctx, [String(router.id)])).get(String(router.id)) ?? [];
  const attached = new Set(ports.flatMap(p => p.fixed_ips.map(f => f.subnet_id)));
  const next = here.find(s => !attached.has(String(s.id)));
  if (next) await addInterface(ctx, draft, router, { subnet_id: next.id });
  return true;
}

async function routerOf({ store }: RequestContext, { router_id }: Topology): Promise<Row | undefined> {
  return router_id === null ? undefined : store.get('routers', { id: router_id });
}

async function finish(ctx: RequestContext, draft: Draft, topology: Topology): Promise<boolean> {
  if (!(await routerOf(ctx, topology))) return false;
  const net = await ctx.store.get('networks', { id: topology.id });
  if (!net) throw apiError('NetworkNotFound', { net_id: topology.id });
  draft.update(network, net, { admin_state_up: true }, { facts: { changed: ['admin_state_up'] } });
  draft.set('auto_allocated_topologies', { eq: ['project_id', topology.project_id] }, { ready: true });
  return true;
}

export const autoAllocatedTopologies: Commands = {
  resource: autoAllocatedTopology,
  present: async () => [],
  show,
  async remove(ctx, key) {
    await removeTopology(ctx, projectOf(ctx, key, 'delete'));
  },
};
