// What L3 agents ask and report of highly available and of distributed routers.
import type { Row } from '../../contracts/store.ts';
import { owners } from '../../domain/ipam/owners.ts';
import { pvlanOf } from '../../domain/pvlan.ts';
import { network } from '../../model/network.ts';
import { port } from '../../model/port.ts';
import { router } from '../../model/router.ts';
import { agentGatewayRows, relyOnGateway } from '../commands/agent-gateways.ts';
import { writeBinding } from '../commands/binding.ts';
import { byIds, grouped } from '../commands/load.ts';
import { createPort } from '../commands/port-create.ts';
import { factsOf, partsOf } from '../commands/port-rows.ts';
import { takesPart } from '../commands/router-places.ts';
import { l3AgentType } from '../commands/scheduling.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { commitDecision } from '../retry.ts';
import { type Args, record, text } from './arguments.ts';
import { type Dict, routerPortDicts } from './dicts.ts';

export async function agentAt(services: Services, host: string): Promise<Row | undefined> {
  const [row] = await services.store.select({
    table: 'agents',
    where: { and: [{ eq: ['host', host] }, { eq: ['agent_type', l3AgentType] }] },
  });
  return row;
}

async function haBindings(services: Services, host: string): Promise<Row[]> {
  const agent = await agentAt(services, host);
  if (!agent) return [];
  return services.store.select({
    table: 'router_bindings',
    where: { and: [{ eq: ['agent_id', String(agent.id)] }, { not: { eq: ['ha_state', null] } }] },
  });
}

export async function haCount(services: Services, host: string): Promise<number> {
  return (await haBindings(services, host)).length;
}

/** An agent that starts has wired none of its ports on HA networks. */
export async function haPortsDown(services: Services, host: string): Promise<null> {
  const bindings = await haBindings(services, host);
  await commitDecision(services, {
    decide: async draft => {
      const ports = await byIds(
        services,
        'ports',
        bindings.map(b => b.ha_port_id),
      );
      for (const row of ports.values())
        if (row.status !== 'DOWN') draft.update(port, row, { status: 'DOWN' }, { touch: false, facts: { changed: ['status'] } });
    },
  });
  return null;
}

const known = ['active', 'standby', 'unknown'];

/** Where a router is active, there are its ports. */
export async function haStates(services: Services, args: Args): Promise<null> {
  const host = text(args, 'host');
  const states = record(args.states, 'states');
  const mine = (await haBindings(services, host)).filter(b => Object.hasOwn(states, String(b.router_id)));
  for (const { router_id, agent_id } of mine) {
    const state = states[String(router_id)] === 'master' ? 'active' : String(states[String(router_id)]);
    if (!known.includes(state)) continue;
    await commitDecision(services, {
      decide: async draft => {
        const key = { and: [{ eq: ['router_id', String(router_id)] }, { eq: ['agent_id', String(agent_id)] }] } as const;
        const now = await services.store.get('router_bindings', { router_id: String(router_id), agent_id: String(agent_id) });
        if (!now || now.ha_state === state) return;
        draft.present('router_bindings', key);
        draft.set('router_bindings', key, { ha_state: state });
        if (state === 'active') await movePorts(services, draft, String(router_id), host);
      },
    });
  }
  return null;
}

async function movePorts(services: Services, draft: Draft, routerId: string, host: string): Promise<void> {
  const links = (await grouped(services, 'router_ports', 'router_id', [routerId])).get(routerId) ?? [];
  const ports = await byIds(
    services,
    'ports',
    links.filter(l => l.port_type !== owners.routerHa && l.port_type !== owners.routerInterfaceDistributed).map(l => l.port_id),
  );
  const parts = await partsOf(services, [...ports.keys()]);
  for (const [port_id, row] of ports) {
    if (parts.bindings.get(port_id)?.host === host) continue;
    const { pvlan_type } = pvlanOf(row);
    await writeBinding(services, draft, {
      port_id,
      network_id: String(row.network_id),
      host,
      vnic_type: 'normal',
      profile: {},
      pvlan_type,
    });
    draft.update(port, row, {}, { facts: { before: factsOf(row, parts), changed: ['binding:host_id'] } });
  }
  draft.touch(router, routerId);
}

export async function agentGatewaysOf(services: Services, agentId: string): Promise<Dict[]> {
  return routerPortDicts(services, await agentGatewayRows(services, agentId));
}

/** On a network that routers have gateways on, a port for what leaves the host by itself. It goes with the last of these gateways. */
export async function agentGateway(services: Services, network_id: string, host: string): Promise<Dict | null> {
  const id = await commitDecision(services, {
    decide: async (draft, now) => {
      const agent = await agentAt(now, host);
      const net = await now.store.get('networks', { id: network_id });
      if (!agent || !takesPart(agent) || !net) return undefined;
      const id = String(agent.id);
      if ((await agentGatewayRows(now, id)).some(p => p.network_id === network_id)) return id;
      if (!(await relyOnGateway(now, draft, id, network_id))) return undefined;
      await createPort(now, draft, net, {
        project_id: '',
        device_id: id,
        device_owner: owners.floatingipAgentGateway,
        security_groups: [],
        port_security_enabled: false,
        'binding:host_id': host,
      });
      // Two calls at once: the network moves on with the first.
      draft.touch(network, network_id);
      return id;
    },
  });
  if (id === undefined) return null;
  const [dict] = await routerPortDicts(
    services,
    (await agentGatewayRows(services, id)).filter(p => p.network_id === network_id),
  );
  return dict ?? null;
}
