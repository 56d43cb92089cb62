// Messages to agents, as data: what a relay sends for one fact of the outbox. Names, versions and modes are Neutron's.
import type { Target } from '../../contracts/bus.ts';

export interface Message {
  readonly target: Target;
  readonly method: string;
  readonly args: Readonly<Record<string, unknown>>;
}

const fanout = (topic: string, version: string, method: string, args: Message['args']): Message => ({
  target: { topic, fanout: true, version },
  method,
  args,
});
const toHost = (topic: string, host: string, version: string, method: string, args: Message['args']): Message => ({
  target: { topic, server: host, version },
  method,
  args,
});

const l2 = 'q-agent-notifier';
export const l2populationTopic = `${l2}-l2population-update`;
export const dhcpTopic = 'dhcp_agent';

/** How all topics begin that messages are sent to from here. */
export const beginnings: readonly string[] = [`${l2}-`, 'neutron-vo-', dhcpTopic, 'l3_agent', 'metering_agent'];

export const portUpdate = (args: Message['args']): Message => fanout(`${l2}-port-update`, '1.0', 'port_update', args);
export const portDelete = (port_id: string): Message => fanout(`${l2}-port-delete`, '1.0', 'port_delete', { port_id });
export const networkUpdate = (network: unknown): Message => fanout(`${l2}-network-update`, '1.4', 'network_update', { network });
export const networkDelete = (network_id: string): Message => fanout(`${l2}-network-delete`, '1.0', 'network_delete', { network_id });
export const bindingActivate = (port_id: string, host: string): Message =>
  fanout(`${l2}-binding-activate`, '1.5', 'binding_activate', { port_id, host });
export const bindingDeactivate = (port_id: string, host: string, network_id: string): Message =>
  fanout(`${l2}-binding-deactivate`, '1.5', 'binding_deactivate', { port_id, host, network_id });

/** To all agents, or to these hosts. Neutron's agents read `security_groups` alone, ours what is told besides. */
const ofGroups = (method: string, args: Message['args'], hosts: readonly string[] | undefined): Message => ({
  target: { topic: `${l2}-security_group-update`, version: '1.1', ...(hosts ? { servers: hosts } : { fanout: true }) },
  method,
  args,
});
export const rulesUpdated = 'security_groups_rule_updated';
/** `rules`: of groups, as they are now. */
export const groupRulesUpdated = (
  security_groups: readonly string[],
  rules: readonly unknown[] | undefined,
  hosts: readonly string[] | undefined,
): Message => ofGroups(rulesUpdated, { security_groups, ...(rules ? { rules } : {}) }, hosts);
export const membersUpdated = 'security_groups_member_updated';
/** `members`: ports as they are now; without, the members are to be asked for. */
export const groupMembersUpdated = (
  security_groups: readonly string[],
  members: readonly unknown[] | undefined,
  hosts: readonly string[] | undefined,
): Message => ofGroups(membersUpdated, { security_groups, ...(members ? { members } : {}) }, hosts);

export const tunnelUpdate = (tunnel_ip: string, tunnel_type: string): Message =>
  fanout(`${l2}-tunnel-update`, '1.0', 'tunnel_update', { tunnel_ip, tunnel_type });

export type FdbMethod = 'add_fdb_entries' | 'remove_fdb_entries' | 'update_fdb_entries';
export const fdb = (method: FdbMethod, fdb_entries: unknown, host?: string): Message => {
  const topic = l2populationTopic;
  return host === undefined ? fanout(topic, '1.0', method, { fdb_entries }) : toHost(topic, host, '1.0', method, { fdb_entries });
};

/** Versioned objects, to whoever reads this version of their type. */
export const objectPush = (type: string, version: string, event_type: string, resource_list: readonly unknown[]): Message =>
  fanout(`neutron-vo-${type}-${version}`, '1.1', 'push', { resource_list, event_type });

/** To the other servers: an agent knows these versions. */
export const resourceVersions = (agent_type: string, agent_host: string, version_map: unknown): Message =>
  fanout('q-server-resource-versions', '1.0', 'report_agent_resource_versions', { agent_type, agent_host, version_map });

const priorities: Readonly<Record<string, number>> = {
  network_create_end: 0,
  network_update_end: 1,
  network_delete_end: 2,
  subnet_create_end: 3,
  subnet_update_end: 3,
  subnet_delete_end: 4,
  port_create_end: 6,
  port_update_end: 6,
  port_delete_end: 6,
};

export const dhcp = (host: string, method: string, payload: Record<string, unknown>): Message =>
  toHost(dhcpTopic, host, '1.0', method, {
    payload: method === 'agent_updated' ? payload : { ...payload, priority: priorities[method] ?? 6 },
  });
export const dhcpNetworkDeleted = (network_id: string): Message =>
  fanout(dhcpTopic, '1.0', 'network_delete_end', { payload: { network_id, priority: 2 } });

export const dvrMacsUpdated = (dvr_macs: unknown): Message => fanout(`${l2}-dvr-update`, '1.0', 'dvr_mac_address_update', { dvr_macs });
export const routersUpdated = (host: string, routers: readonly string[]): Message =>
  toHost('l3_agent', host, '1.1', 'routers_updated', { routers });
export const routerDeleted = (router_id: string): Message => fanout('l3_agent', '1.0', 'router_deleted', { router_id });
export const routerRemovedFromAgent = (host: string, router_id: string): Message =>
  toHost('l3_agent', host, '1.0', 'router_removed_from_agent', { payload: { router_id } });
export const l3AgentUpdated = (host: string, admin_state_up: boolean): Message =>
  toHost('l3_agent', host, '1.0', 'agent_updated', { payload: { admin_state_up } });

export const metering = (host: string, method: string, args: Message['args']): Message =>
  toHost('metering_agent', host, '1.0', method, args);
export const meteringRouterDeleted = (router_id: string): Message => fanout('metering_agent', '1.0', 'router_deleted', { router_id });

export const arpEntry = (method: 'add_arp_entry' | 'del_arp_entry', router_id: string, arp_table: unknown): Message =>
  fanout('l3_agent', '1.2', method, { payload: { router_id, arp_table } });
export const fipNamespaceDelete = (ext_net_id: string): Message =>
  fanout('l3_agent', '1.0', 'fipnamespace_delete_on_ext_net', { ext_net_id });
