// What a scrape tells of the cloud: counted by the database, or read by one query for each kind.
import type { Labels, Sample } from '../../contracts/metrics.ts';
import type { Predicate, Row } from '../../contracts/store.ts';
import { isAlive } from '../commands/agent-liveness.ts';
import { availabilities } from '../commands/network-ip-availabilities.ts';
import type { Services } from '../context.ts';

const text = (value: unknown): string => (value === null || value === undefined ? '' : String(value));
const of = (name: string, value: number, labels: Labels = {}): Sample => ({ name: `openstack_neutron_${name}`, labels, value });

export async function cloudSamples(services: Services): Promise<Sample[]> {
  const agents = await services.store.select({ table: 'agents' });
  const parts = await Promise.all([counts(services), routers(services, agents), addresses(services)]);
  return [of('up', 1), ...agentSamples(services, agents), ...parts.flat()];
}

const noAddress: Predicate = {
  and: [{ eq: ['status', 'ACTIVE'] }, { not: { exists: { table: 'ip_allocations', on: [['port_id', 'id']] } } }],
};
const idleFloating: Predicate = { and: [{ not: { eq: ['port_id', null] } }, { not: { eq: ['status', 'ACTIVE'] } }] };

async function counts({ store }: Services): Promise<Sample[]> {
  const wanted: readonly (readonly [name: string, table: string, where?: Predicate])[] = [
    ['networks', 'networks'],
    ['subnets', 'subnets'],
    ['ports', 'ports'],
    ['ports_no_ips', 'ports', noAddress],
    ['floating_ips', 'floatingips'],
    ['floating_ips_associated_not_active', 'floatingips', idleFloating],
    ['security_groups', 'security_groups'],
  ];
  return Promise.all(wanted.map(async ([name, table, where]) => of(name, await store.count(table, where))));
}

function agentSamples(services: Services, agents: readonly Row[]): Sample[] {
  const states = agents.map(agent => {
    const { id, host, binary, admin_state_up, availability_zone } = agent;
    const labels = { id: text(id), hostname: text(host), service: text(binary), adminState: admin_state_up ? 'up' : 'down' };
    return of('agent_state', isAlive(services, agent) ? 1 : 0, { ...labels, availability_zone: text(availability_zone) });
  });
  const kinds = Map.groupBy(agents, agent => `${isAlive(services, agent)} ${text(agent.agent_type)}`);
  const numbers = [...kinds].map(([kind, some]) => {
    const [alive = '', ...type] = kind.split(' ');
    return { name: 'weft_agents', labels: { type: type.join(' '), alive }, value: some.length };
  });
  return [...states, ...numbers];
}

async function routers(services: Services, agents: readonly Row[]): Promise<Sample[]> {
  const { store } = services;
  const rows = await store.select({ table: 'routers', columns: ['id', 'name', 'project_id', 'admin_state_up', 'status', 'gw_port_id'] });
  const gateways = await store.select({
    table: 'ports',
    where: { eq: ['device_owner', 'network:router_gateway'] },
    columns: ['id', 'network_id'],
  });
  const outside = new Map(gateways.map(port => [text(port.id), text(port.network_id)]));
  const bound = await store.select({ table: 'router_bindings' });
  return [
    of('routers', rows.length),
    of('routers_not_active', rows.filter(row => row.status !== 'ACTIVE').length),
    ...rows.map(row => {
      const { id, name, project_id, admin_state_up, status, gw_port_id } = row;
      const labels = { id: text(id), name: text(name), project_id: text(project_id), admin_state_up: text(admin_state_up) };
      return of('router', 1, { ...labels, status: text(status), external_network_id: outside.get(text(gw_port_id)) ?? '' });
    }),
    ...holders(services, agents, bound),
  ];
}

function holders(services: Services, agents: readonly Row[], bound: readonly Row[]): Sample[] {
  const agentOf = new Map(agents.map(agent => [text(agent.id), agent]));
  return bound.flatMap(({ router_id, agent_id, ha_state }) => {
    const agent = agentOf.get(text(agent_id));
    if (!agent) return [];
    const alive = isAlive(services, agent);
    const labels = { router_id: text(router_id), l3_agent_id: text(agent_id), ha_state: text(ha_state) };
    const its = { agent_alive: text(alive), agent_admin_up: text(agent.admin_state_up), agent_host: text(agent.host) };
    return [of('l3_agent_of_router', alive ? 1 : 0, { ...labels, ...its })];
  });
}

type Counted = Readonly<Record<'subnet_name' | 'ip_version' | 'cidr' | 'total_ips' | 'used_ips', unknown>>;

async function addresses(services: Services): Promise<Sample[]> {
  // Numbers of IPv6 may be longer than a number is exact.
  const number = (value: unknown): number => Number(JSON.stringify(value));
  return (await availabilities(services)).flatMap(({ network_id, network_name, project_id, subnet_ip_availability }) =>
    (subnet_ip_availability as readonly Counted[]).flatMap(({ subnet_name, ip_version, cidr, total_ips, used_ips }) => {
      const network = { network_id: text(network_id), network_name: text(network_name), project_id: text(project_id) };
      const labels = { ...network, ip_version: text(ip_version), cidr: text(cidr), subnet_name: text(subnet_name) };
      return [
        of('network_ip_availabilities_total', number(total_ips), labels),
        of('network_ip_availabilities_used', number(used_ips), labels),
      ];
    }),
  );
}
