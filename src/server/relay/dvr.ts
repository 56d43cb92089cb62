// What agents of distributed routers hear of ports: hosts that begin or cease to be a part of a router, and the neighbours that a router
// has, which it does not ask for on the wire.
import type { Row } from '../../contracts/store.ts';
import { isServedByDistributedRouters, owners } from '../../domain/ipam/owners.ts';
import type { PortFacts } from '../commands/port-rows.ts';
import { agentsBeside, agentsServing, distributedOn, routersAt, takesPart } from '../commands/router-places.ts';
import { l3AgentType } from '../commands/scheduling.ts';
import type { Services } from '../context.ts';
import { arpEntry, type Message, routerRemovedFromAgent, routersUpdated } from './messages.ts';

interface Address {
  readonly subnet_id: string;
  readonly ip_address: string;
}

/** A port as far as distributed routers care for it. */
interface Place {
  readonly host: string;
  readonly mac: string;
  readonly addresses: readonly Address[];
}

const nowhere: Place = { host: '', mac: '', addresses: [] };

function placeBefore(before: PortFacts | undefined): Place {
  if (!before || !isServedByDistributedRouters(before.device_owner)) return nowhere;
  return { host: before.host, mac: before.mac_address, addresses: before.fixed_ips };
}

function placeNow(port: Readonly<Record<string, unknown>> | undefined): Place {
  if (!port || !isServedByDistributedRouters(String(port.device_owner))) return nowhere;
  return { host: String(port['binding:host_id'] ?? ''), mac: String(port.mac_address), addresses: port.fixed_ips as Address[] };
}

export async function distributedMessages(
  services: Services,
  port: Readonly<Record<string, unknown>> | undefined,
  before: PortFacts | undefined,
): Promise<Message[]> {
  if (!port && before?.device_owner === owners.routerInterfaceDistributed) return interfaceGone(services, before);
  const [was, is] = [placeBefore(before), placeNow(port)];
  const routers = await distributedOn(services, [...new Set([...was.addresses, ...is.addresses].map(a => a.subnet_id))]);
  if (routers.length === 0) return [];
  const on = (place: Place): string[] => [
    ...new Set(routers.filter(r => place.addresses.some(a => a.subnet_id === r.subnet_id)).map(r => r.router_id)),
  ];
  const out = neighbourMessages(was, is, routers);
  if (is.host !== '') out.push(...(await arrived(services, is.host, on(is))));
  if (was.host !== '' && (was.host !== is.host || on(was).some(id => !on(is).includes(id))))
    out.push(...(await left(services, was.host, on(was))));
  return [...out, ...(await translatedElsewhere(services, port, was, is))];
}

/** A host that a port may move to takes part before it does. */
export async function preparedMessages(
  services: Services,
  port: Readonly<Record<string, unknown>> | undefined,
  { place_added, place_removed }: Readonly<Record<string, unknown>>,
): Promise<Message[]> {
  if (place_added === undefined && place_removed === undefined) return [];
  const subnets = placeNow(port).addresses.map(a => a.subnet_id);
  const ids = [...new Set((await distributedOn(services, subnets)).map(r => r.router_id))];
  if (typeof place_added === 'string') return arrived(services, place_added, ids);
  return left(services, String(place_removed), ids);
}

function neighbourMessages(was: Place, is: Place, routers: readonly { router_id: string; subnet_id: string }[]): Message[] {
  const entries = (place: Place, other: Place): Address[] =>
    place.addresses.filter(
      a => place.mac !== other.mac || !other.addresses.some(o => o.subnet_id === a.subnet_id && o.ip_address === a.ip_address),
    );
  const messages = (method: 'add_arp_entry' | 'del_arp_entry', mac: string, addresses: readonly Address[]): Message[] =>
    addresses.flatMap(({ subnet_id, ip_address }) =>
      routers
        .filter(r => r.subnet_id === subnet_id)
        .map(r => arpEntry(method, r.router_id, { ip_address, mac_address: mac, subnet_id, nud_state: 'permanent' })),
    );
  return [...messages('del_arp_entry', was.mac, entries(was, is)), ...messages('add_arp_entry', is.mac, entries(is, was))];
}

async function partAt({ store }: Services, host: string): Promise<Row | undefined> {
  const [agent] = await store.select({ table: 'agents', where: { and: [{ eq: ['host', host] }, { eq: ['agent_type', l3AgentType] }] } });
  return agent && takesPart(agent) ? agent : undefined;
}

async function arrived(services: Services, host: string, ids: readonly string[]): Promise<Message[]> {
  return ids.length > 0 && (await partAt(services, host)) ? [routersUpdated(host, ids)] : [];
}

async function left(services: Services, host: string, ids: readonly string[]): Promise<Message[]> {
  const agent = ids.length > 0 ? await partAt(services, host) : undefined;
  if (!agent) return [];
  const still = await routersAt(services, agent);
  const kept = ids.filter(id => still.includes(id));
  const gone = ids.filter(id => !still.includes(id)).map(id => routerRemovedFromAgent(host, id));
  return kept.length > 0 ? [routersUpdated(host, kept), ...gone] : gone;
}

/** A port with a floating IP that moves takes it along: also from, or to, the host that translates for those without one. */
async function translatedElsewhere(services: Services, port: Readonly<Record<string, unknown>> | undefined, was: Place, is: Place) {
  if (!port || was.host === is.host) return [];
  const fips = await services.store.select({ table: 'floatingips', where: { eq: ['port_id', String(port.id)] } });
  const ids = [...new Set(fips.flatMap(f => (typeof f.router_id === 'string' ? [f.router_id] : [])))];
  const agents = await agentsServing(services, ids);
  return ids.flatMap(id =>
    (agents.get(id) ?? []).filter(a => a.host !== was.host && a.host !== is.host).map(a => routersUpdated(String(a.host), [id])),
  );
}

async function interfaceGone(services: Services, { device_id, fixed_ips }: PortFacts): Promise<Message[]> {
  const beside = await agentsBeside(services, { in: ['subnet_id', fixed_ips.map(f => f.subnet_id)] });
  const still = ((await agentsServing(services, [device_id])).get(device_id) ?? []).map(a => a.host);
  return beside.filter(a => !still.includes(a.host)).map(a => routerRemovedFromAgent(String(a.host), device_id));
}
