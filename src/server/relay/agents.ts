// The outbox reader that tells agents: one fact in, messages out, rendered from committed state at the moment of sending.
import type { OutboxRow, Predicate, Query, Row } from '../../contracts/store.ts';
import { isRouterPort } from '../../domain/ipam/owners.ts';
import { byIds } from '../commands/load.ts';
import type { PortFacts } from '../commands/port-rows.ts';
import { agentsServing } from '../commands/router-places.ts';
import { dhcpAgentType, l3AgentType } from '../commands/scheduling.ts';
import type { Services } from '../context.ts';
import { networkDicts, portDict, subnetDict } from '../rpc/dicts.ts';
import { dvrMacs } from '../rpc/dvr.ts';
import { distributedMessages, preparedMessages } from './dvr.ts';
import { addressGroupMessages, groupMessages, memberMessages } from './groups.ts';
import { Known } from './known.ts';
import { l2popMessages, l2popRefresh } from './l2pop.ts';
import type { Message } from './messages.ts';
import * as messages from './messages.ts';
import { labelMessages, meteredHosts, ruleMessages } from './metering.ts';
import { segmentAt } from './segments.ts';

type Facts = Readonly<Record<string, unknown>>;

/** Hosts of the agents that serve an object, through its bindings. */
async function hostsOf(services: Services, bindings: Query): Promise<string[]> {
  const bound = await services.store.select(bindings);
  const agents = await byIds(
    services,
    'agents',
    bound.map(b => b.agent_id),
  );
  return [...agents.values()].map(a => String(a.host));
}

/** The DHCP agents of a network. */
export const servedQuery = (network: string): Query => ({ table: 'dhcp_bindings', where: { eq: ['network_id', network] } });

const dhcpHosts = (services: Services, network: string): Promise<string[]> => hostsOf(services, servedQuery(network));
const l3Hosts = async (services: Services, router: string): Promise<string[]> =>
  ((await agentsServing(services, [router])).get(router) ?? []).map(a => String(a.host));

/** As far as the configuration wants agents to hear. */
export async function agentMessages(services: Services, row: OutboxRow, known = new Known(services)): Promise<Message[]> {
  const { dhcpAgentNotification, mechanismDrivers } = services.config;
  const isObject = ['network', 'subnet', 'port'].includes(row.kind);
  const isWanted = ({ target: { topic } }: Message): boolean => {
    if (topic === messages.dhcpTopic) return dhcpAgentNotification || !isObject;
    return topic !== messages.l2populationTopic || mechanismDrivers.includes('l2population');
  };
  return (await allMessages(services, row, known)).filter(isWanted);
}

async function allMessages(services: Services, row: OutboxRow, known: Known): Promise<Message[]> {
  switch (row.kind) {
    case 'network':
      return networkMessages(services, row);
    case 'subnet':
      return subnetMessages(services, row);
    case 'subnetpool':
      return subnetpoolMessages(services, row);
    case 'port':
      return portMessages(services, known, row);
    case 'router':
      return routerMessages(services, row);
    case 'floatingip':
      return floatingIpMessages(services, row);
    case 'security_group':
    case 'security_group_rule':
      return groupMessages(services, known, row);
    case 'address_group':
      return addressGroupMessages(services, known, row);
    case 'dhcp_binding':
    case 'router_binding':
      return bindingMessages(services, row);
    case 'dvr_mac':
      return [messages.dvrMacsUpdated(await dvrMacs(services))];
    case 'fip_namespace':
      return [messages.fipNamespaceDelete(row.id)];
    case 'metering_label':
      return labelMessages(services, row);
    case 'metering_label_rule':
      return ruleMessages(services, row);
    case 'agent':
      return adminStateMessages(row);
    case 'l2pop_refresh':
      return l2popRefresh(services, row.id);
    default:
      return [];
  }
}

async function networkMessages(services: Services, { id, event }: OutboxRow): Promise<Message[]> {
  if (event === 'deleted') return [messages.dhcpNetworkDeleted(id), messages.networkDelete(id)];
  if (event === 'created') return [];
  const row = await services.store.get('networks', { id });
  if (!row) return [];
  const [network] = await networkDicts(services, [row]);
  const hosts = await dhcpHosts(services, id);
  return [messages.networkUpdate(network), ...hosts.map(h => messages.dhcp(h, 'network_update_end', { network }))];
}

async function subnetMessages(services: Services, { id, event, facts }: OutboxRow): Promise<Message[]> {
  const network_id = String(facts.network_id ?? (facts.last as Row | undefined)?.network_id ?? '');
  if (facts.with_network) return [];
  const hosts = await dhcpHosts(services, network_id);
  const routers = await routersOnSubnet(services, id);
  if (event === 'deleted') return hosts.map(h => messages.dhcp(h, 'subnet_delete_end', { subnet_id: id, network_id }));
  const row = await services.store.get('subnets', { id });
  if (!row) return [];
  const method = event === 'created' ? 'subnet_create_end' : 'subnet_update_end';
  return [...hosts.map(h => messages.dhcp(h, method, { subnet: subnetDict(row) })), ...(await updatedRouters(services, routers))];
}

async function routersOnSubnet(services: Services, subnetId: string): Promise<string[]> {
  const links = await services.store.select({
    table: 'router_ports',
    where: { exists: { table: 'ip_allocations', on: [['port_id', 'port_id']], where: { eq: ['subnet_id', subnetId] } } },
  });
  return [...new Set(links.map(l => String(l.router_id)))];
}

/** Routers hear of another address scope of the networks that they are on. */
async function subnetpoolMessages(services: Services, { id, event, facts }: OutboxRow): Promise<Message[]> {
  if (event !== 'updated' || facts.scope_changed !== true) return [];
  const fromPool = { table: 'subnets', on: [['network_id', 'network_id']], where: { eq: ['subnetpool_id', id] } } as const;
  const onThem: Predicate = { exists: { table: 'ports', on: [['id', 'port_id']], where: { exists: fromPool } } };
  const links = await services.store.select({ table: 'router_ports', where: onThem });
  return updatedRouters(
    services,
    links.map(l => String(l.router_id)),
  );
}

async function updatedRouters(services: Services, ids: readonly string[]): Promise<Message[]> {
  const out: Message[] = [];
  for (const id of new Set(ids)) for (const host of await l3Hosts(services, id)) out.push(messages.routersUpdated(host, [id]));
  return out;
}

/** Attributes of a port that a DHCP agent serves. */
const dhcpAttributes = ['fixed_ips', 'mac_address', 'extra_dhcp_opts', 'device_owner', 'binding:host_id', 'dns_name', 'dns_domain'];

/** Attributes of a port that say which hosts are a part of a distributed router, and who its neighbours are. */
const placeAttributes = ['fixed_ips', 'mac_address', 'device_owner', 'binding:host_id'];

async function portMessages(services: Services, known: Known, { id, event, facts }: OutboxRow): Promise<Message[]> {
  const before = facts.before as PortFacts | undefined;
  const changed = (facts.changed as readonly string[] | undefined) ?? [];
  const out: Message[] = event === 'created' ? [] : await l2popMessages(services, { id, before, first: facts.first_on_host === true });
  const port = event === 'deleted' ? undefined : await portDict(services, id);
  out.push(...(await memberMessages(known, { id, port, before, event, changed })));
  if (event !== 'updated' || changed.some(c => placeAttributes.includes(c)))
    out.push(...(await distributedMessages(services, port, before)));
  out.push(...(await preparedMessages(services, port, facts)));
  if (event === 'deleted') {
    const network_id = before?.network_id ?? '';
    const payload = { port_id: id, network_id, fixed_ips: before?.fixed_ips ?? [] };
    for (const host of await dhcpHosts(services, network_id)) out.push(messages.dhcp(host, 'port_delete_end', payload));
    return [...out, messages.portDelete(id)];
  }
  if (!port) return out;
  const hosts = await dhcpHosts(services, String(port.network_id));
  if (event === 'created') return [...out, ...hosts.map(h => messages.dhcp(h, 'port_create_end', { port }))];
  if (changed.some(c => dhcpAttributes.includes(c))) out.push(...hosts.map(h => messages.dhcp(h, 'port_update_end', { port })));
  if (changed.some(c => c !== 'status')) out.push(messages.portUpdate({ port, ...(await segmentOf(services, port)) }));
  out.push(...activationMessages(id, String(port.network_id), facts.activated as Activation | undefined));
  if (isRouterPort(String(port.device_owner)) && changed.some(c => c !== 'status'))
    out.push(...(await updatedRouters(services, [String(port.device_id)])));
  return out;
}

/** Another binding has become the active one. */
interface Activation {
  /** Empty: there was none. */
  readonly from: string;
  readonly to: string;
}

function activationMessages(id: string, networkId: string, activated: Activation | undefined): Message[] {
  if (!activated) return [];
  const { from, to } = activated;
  return [...(from === '' ? [] : [messages.bindingDeactivate(id, from, networkId)]), messages.bindingActivate(id, to)];
}

async function segmentOf(services: Services, port: Facts): Promise<Facts> {
  const row = await segmentAt(services, String(port.id), String(port.network_id), String(port['binding:host_id']));
  return {
    network_type: row?.network_type ?? null,
    segmentation_id: row?.segmentation_id ?? null,
    physical_network: row?.physical_network ?? null,
  };
}

async function routerMessages(services: Services, { id, event }: OutboxRow): Promise<Message[]> {
  if (event === 'deleted') return [messages.routerDeleted(id), messages.meteringRouterDeleted(id)];
  return [...(await updatedRouters(services, [id])), ...(await meteredHosts(services, await l3Hosts(services, id)))];
}

async function floatingIpMessages(services: Services, { id, event, facts }: OutboxRow): Promise<Message[]> {
  const changed = facts.changed as readonly string[] | undefined;
  if (changed && changed.length > 0 && changed.every(c => c === 'status' || c === 'description')) return [];
  const row = event === 'deleted' ? undefined : await services.store.get('floatingips', { id });
  const routers = [facts.router_before, facts.router_after, row?.router_id].filter((r): r is string => typeof r === 'string');
  return updatedRouters(services, routers);
}

async function bindingMessages(services: Services, { kind, id, event, facts }: OutboxRow): Promise<Message[]> {
  const host = String(facts.host ?? (await services.store.get('agents', { id: String(facts.agent_id) }))?.host ?? '');
  if (host === '') return [];
  if (kind === 'router_binding') {
    const message = event === 'deleted' ? messages.routerRemovedFromAgent(host, id) : messages.routersUpdated(host, [id]);
    return [message, ...(await meteredHosts(services, [host]))];
  }
  if (event === 'deleted') return [messages.dhcp(host, 'network_delete_end', { network_id: id })];
  return [messages.dhcp(host, 'network_create_end', { network: { id } })];
}

function adminStateMessages({ event, facts }: OutboxRow): Message[] {
  if (event !== 'updated' || facts.admin_state_changed !== true) return [];
  const host = String(facts.host);
  const admin_state_up = facts.admin_state_up === true;
  if (facts.agent_type === dhcpAgentType) return [messages.dhcp(host, 'agent_updated', { admin_state_up })];
  return facts.agent_type === l3AgentType ? [messages.l3AgentUpdated(host, admin_state_up)] : [];
}
