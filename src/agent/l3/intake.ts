// What the server tells the L3 agent: topics `l3_agent`, network updates, port forwardings and conntrack helpers. Each message only names what to ask for.
import type { Endpoint } from '../../contracts/bus.ts';
import type { AgentContext } from '../context.ts';
import { asDict, asList, asMtu, asUuid } from '../desired/l3/values.ts';
import type { Routers } from './routers.ts';
import type { Sync } from './sync.ts';

export interface Intake {
  readonly sync: Sync;
  readonly routers: Routers;
}

/** Port forwardings and conntrack helpers are pushed as objects; nothing else tells of them. */
const OBJECTS = ['neutron-vo-PortForwarding-1.3', 'neutron-vo-ConntrackHelper-1.0'];

/** Answers once all topics are served. */
export async function serveIntake(ctx: AgentContext, intake: Intake): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const server = ctx.config.host;
  stack.use(await ctx.bus.serve({ topic: 'l3_agent', server, endpoints: [routerEndpoint(intake)], agent: true }));
  stack.use(await ctx.bus.serve({ topic: 'q-agent-notifier-network-update', server, endpoints: [networkEndpoint(intake)], agent: true }));
  for (const topic of OBJECTS) stack.use(await ctx.bus.serve({ topic, server, endpoints: [objectEndpoint(intake)], agent: true }));
  return stack.move();
}

function routerEndpoint({ sync, routers }: Intake): Endpoint {
  const ask = (ids: unknown): null => {
    for (const id of asList(ids)) {
      const uuid = asUuid(id);
      if (uuid !== undefined) sync.router(uuid);
    }
    return null;
  };
  /** A fan-out: most of these are about routers of other agents. */
  const askIfOurs = (id: unknown): null => {
    const uuid = asUuid(id);
    if (uuid !== undefined && routers.has(uuid)) sync.router(uuid);
    return null;
  };
  return {
    version: '1.4',
    methods: {
      routers_updated: ({ routers: ids }) => ask(ids),
      router_added_to_agent: ({ payload }) => ask(payload),
      router_deleted: ({ router_id }) => askIfOurs(router_id),
      router_removed_from_agent: ({ payload }) => askIfOurs(asDict(payload)?.['router_id']),
      agent_updated: () => {
        sync.all();
        return null;
      },
    },
  };
}

function networkEndpoint({ sync, routers }: Intake): Endpoint {
  return {
    version: '1.4',
    methods: {
      network_update: ({ network }) => {
        const id = asUuid(asDict(network)?.['id']);
        const mtu = asMtu(asDict(network)?.['mtu']);
        for (const view of routers.views()) {
          const ports = [...view.interfaces, ...(view.gateway ? [view.gateway] : [])];
          if (ports.some(p => p.networkId === id && p.mtu !== mtu)) sync.router(view.id);
        }
        return null;
      },
    },
  };
}

function objectEndpoint({ sync, routers }: Intake): Endpoint {
  return {
    version: '1.1',
    methods: {
      push: ({ resource_list: objects }) => {
        for (const object of asList(objects)) {
          const id = asUuid(asDict(asDict(object)?.['versioned_object.data'])?.['router_id']);
          if (id !== undefined && routers.has(id)) sync.router(id);
        }
        return null;
      },
    },
  };
}
