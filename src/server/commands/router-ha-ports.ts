// The ports of highly available routers on the network of their project: one for each agent that has the router.
import type { Predicate, Row } from '../../contracts/store.ts';
import { owners } from '../../domain/ipam/owners.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { byIds, relyOnAll } from './load.ts';
import { createPort } from './port-create.ts';
import { removePortRows } from './port-rows.ts';

/** The port by which an agent hears of the others that have the router. Answers its id; undefined while there is no network for it. */
export async function makeHaPort(services: Services, draft: Draft, router: Row, host: string): Promise<string | undefined> {
  const project = String(router.project_id);
  const known = await services.store.get('ha_networks', { project_id: project });
  const net = known && (await byIds(services, 'networks', [known.network_id])).get(String(known.network_id));
  if (!net) return undefined;
  const made = await createPort(services, draft, net, {
    name: `HA port tenant ${project}`,
    project_id: '',
    device_id: router.id,
    device_owner: owners.routerHa,
    security_groups: [],
    port_security_enabled: false,
    'binding:host_id': host,
  });
  const port_id = String(made.row.id);
  draft.insert('router_ports', { router_id: router.id ?? '', port_id, port_type: owners.routerHa, network_id: net.id ?? null });
  return port_id;
}

/** Of all of a router's bindings, or of one, which go too: one that comes meanwhile, or gets a port, would leave that behind. */
export async function dropHaPorts(services: Services, draft: Draft, bindings: Predicate): Promise<Row[]> {
  const bound = await relyOnAll(services, draft, 'router_bindings', bindings, ['router_id', 'agent_id', 'ha_port_id']);
  const ports = await byIds(
    services,
    'ports',
    bound.map(b => b.ha_port_id),
  );
  await removePortRows(services, draft, [...ports.values()]);
  return [...ports.values()];
}
