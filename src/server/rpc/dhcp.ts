// What DHCP agents ask: the networks they serve, and the ports they serve them from.
import { type Endpoint, RpcFailure } from '../../contracts/bus.ts';
import type { Predicate, Row } from '../../contracts/store.ts';
import { ApiError } from '../../domain/errors.ts';
import { pvlanOf } from '../../domain/pvlan.ts';
import { port } from '../../model/port.ts';
import { changeAddresses } from '../commands/addresses.ts';
import { writeBinding, writeBlocks } from '../commands/binding.ts';
import { byIds, grouped } from '../commands/load.ts';
import { createPort } from '../commands/port-create.ts';
import { factsOf, partsOf, removePortRows } from '../commands/port-rows.ts';
import { hostsOfSegments } from '../commands/routed-networks.ts';
import { dhcpAgentType, scheduleNetwork } from '../commands/scheduling.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { commitDecision } from '../retry.ts';
import { type Args, record, text, texts } from './arguments.ts';
import { type Dict, networkDicts, portDict, portDicts, subnetDict } from './dicts.ts';
import { complete } from './status.ts';

const dhcpOwner = 'network:dhcp';

/** As an agent on the host sees them: of a routed network it serves the subnets of its own segment. */
async function networkInfos(services: Services, rows: readonly Row[], enabledOnly: boolean, host: string): Promise<Dict[]> {
  const ids = rows.map(r => String(r.id));
  const subnets = await grouped(services, 'subnets', 'network_id', ids, { order: [['id', 'asc']] });
  const ports = ids.length === 0 ? [] : await services.store.select({ table: 'ports', where: { in: ['network_id', ids] } });
  const dicts = Map.groupBy(await portDicts(services, ports), d => d.network_id);
  const segments = await grouped(services, 'segments', 'network_id', ids, { order: [['segment_index', 'asc']] });
  const hosts = await hostsOfSegments(services, [...segments.values()].flat());
  const isLocal = (s: Row): boolean => !s.segment_id || (hosts.get(String(s.segment_id)) ?? []).includes(host);
  return rows.map(row => ({
    id: row.id,
    project_id: row.project_id,
    tenant_id: row.project_id,
    admin_state_up: row.admin_state_up,
    mtu: row.mtu,
    subnets: (subnets.get(String(row.id)) ?? []).filter(s => isLocal(s) && (!enabledOnly || s.enable_dhcp === true)).map(subnetDict),
    non_local_subnets: (subnets.get(String(row.id)) ?? []).filter(s => !isLocal(s)).map(subnetDict),
    segments: (segments.get(String(row.id)) ?? []).map(s => segmentDict(s, hosts.get(String(s.id)) ?? [])),
    ports: dicts.get(row.id) ?? [],
  }));
}

function segmentDict(row: Row, hosts: readonly string[]): Dict {
  const { id, network_id, name, network_type, physical_network, segmentation_id, is_dynamic, segment_index } = row;
  return { id, network_id, name, network_type, physical_network, segmentation_id, is_dynamic, segment_index, hosts };
}

async function agentAt(services: Services, host: string): Promise<Row | undefined> {
  const [row] = await services.store.select({
    table: 'agents',
    where: { and: [{ eq: ['host', host] }, { eq: ['agent_type', dhcpAgentType] }] },
  });
  return row;
}

/** Every network of the agent; networks that lack an agent are given one first. */
async function activeNetworks(services: Services, args: Args): Promise<Dict[]> {
  const agent = await agentAt(services, text(args, 'host'));
  if (agent?.admin_state_up !== true) return [];
  await scheduleUnserved(services);
  const bound = await services.store.select({ table: 'dhcp_bindings', where: { eq: ['agent_id', String(agent.id)] } });
  const rows = await byIds(
    services,
    'networks',
    bound.map(b => b.network_id),
  );
  return networkInfos(services, [...rows.values()], args.enable_dhcp_filter === true, String(agent.host));
}

async function scheduleUnserved(services: Services): Promise<void> {
  const rows = await services.store.select({
    table: 'networks',
    where: {
      and: [
        { exists: { table: 'subnets', on: [['network_id', 'id']], where: { eq: ['enable_dhcp', true] } } },
        { not: { exists: { table: 'dhcp_bindings', on: [['network_id', 'id']] } } },
      ],
    },
    limit: 1000,
  });
  for (const row of rows) await commitDecision(services, { decide: draft => scheduleNetwork(services, draft, String(row.id)) });
}

async function networkInfo(services: Services, args: Args): Promise<Dict | null> {
  const row = await services.store.get('networks', { id: text(args, 'network_id') });
  const host = typeof args.host === 'string' ? args.host : '';
  return row ? ((await networkInfos(services, [row], true, host))[0] as Dict) : null;
}

/** API errors leave as the Python class that agents decide by. */
async function named<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof ApiError ? new RpcFailure(error.type, error.message) : error;
  }
}

async function createDhcpPort(services: Services, args: Args): Promise<Dict | null> {
  const wanted = record(record(args.port, 'port').port, 'port.port');
  const host = text(args, 'host');
  const network_id = text(wanted as Args, 'network_id');
  const device = text(wanted as Args, 'device_id');
  // The owner too: a tenant may write any device_id on a port.
  const own: Predicate = { and: [{ eq: ['network_id', network_id] }, { eq: ['device_id', device] }, { eq: ['device_owner', dhcpOwner] }] };
  const id = await commitDecision(services, {
    decide: async (draft, now) => {
      const net = await now.store.get('networks', { id: network_id });
      if (!net || !(await relyOnServing(now, draft, host, network_id))) return null;
      const [twin] = await now.store.select({ table: 'ports', where: own });
      if (twin) return String(twin.id);
      draft.absent('ports', own);
      const made = await createPort(now, draft, net, {
        name: String(wanted.name ?? ''),
        admin_state_up: true,
        device_id: device,
        device_owner: dhcpOwner,
        project_id: net.project_id,
        fixed_ips: fixedIps(wanted.fixed_ips),
        'binding:host_id': host,
        security_groups: [],
        port_security_enabled: false,
      });
      return String(made.row.id);
    },
  });
  return id === null ? null : ((await portDict(services, id)) ?? null);
}

/** Whether the agent of the host has the network. It keeps it until the decision is committed. */
async function relyOnServing(services: Services, draft: Draft, host: string, network_id: string): Promise<boolean> {
  const agent = await agentAt(services, host);
  if (!agent) return false;
  const binding = { network_id, agent_id: String(agent.id) };
  draft.present('dhcp_bindings', { and: Object.entries(binding).map(([column, id]): Predicate => ({ eq: [column, id] })) });
  return (await services.store.get('dhcp_bindings', binding)) !== undefined;
}

function fixedIps(value: unknown): { subnet_id?: string; ip_address?: string }[] {
  if (!Array.isArray(value)) return [];
  return value.map(item => {
    const fixed = record(item, 'fixed_ips') as Args;
    return {
      ...(fixed.subnet_id ? { subnet_id: text(fixed, 'subnet_id') } : {}),
      ...(fixed.ip_address ? { ip_address: text(fixed, 'ip_address') } : {}),
    };
  });
}

async function updateDhcpPort(services: Services, args: Args): Promise<Dict | null> {
  const id = text(args, 'port_id');
  const host = text(args, 'host');
  const wanted = record(record(args.port, 'port').port, 'port.port');
  await commitDecision(services, {
    decide: async (draft, now) => {
      const row = await now.store.get('ports', { id });
      if (!row) throw new RpcFailure('PortNotFound', `Port ${id} could not be found.`);
      if (row.device_owner !== dhcpOwner || !(await relyOnServing(now, draft, host, String(row.network_id))))
        throw new RpcFailure('NetworkNotFound', `Network ${row.network_id} could not be found.`);
      await adopt(now, draft, row, host, wanted);
    },
  });
  return (await portDict(services, id)) ?? null;
}

async function adopt(services: Services, draft: Draft, row: Row, host: string, wanted: Record<string, unknown>): Promise<void> {
  const id = String(row.id);
  const parts = await partsOf(services, [id]);
  const before = factsOf(row, parts);
  if (wanted.fixed_ips !== undefined) {
    await changeAddresses(services, draft, {
      port_id: id,
      network_id: String(row.network_id),
      mac: String(row.mac_address),
      owner: dhcpOwner,
      host,
      requested: fixedIps(wanted.fixed_ips),
      now: before.fixed_ips,
    });
  }
  const device_id = typeof wanted.device_id === 'string' ? wanted.device_id : String(row.device_id);
  const moved = before.host !== host;
  if (moved) {
    const { bound } = await writeBinding(services, draft, {
      port_id: id,
      network_id: String(row.network_id),
      host,
      vnic_type: 'normal',
      profile: {},
      pvlan_type: pvlanOf(row).pvlan_type,
    });
    writeBlocks(draft, { port_id: id, device_owner: dhcpOwner, bound, dhcpSubnets: 0, dhcpServed: false });
  }
  draft.update(
    port,
    row,
    { device_id, ...(moved ? { status: 'DOWN' } : {}) },
    { facts: { before, changed: ['device_id', 'fixed_ips', 'binding:host_id'] } },
  );
}

async function releaseDhcpPort(services: Services, args: Args): Promise<null> {
  await commitDecision(services, {
    decide: async draft => {
      const rows = await services.store.select({
        table: 'ports',
        where: {
          and: [
            { eq: ['network_id', text(args, 'network_id')] },
            { eq: ['device_id', text(args, 'device_id')] },
            { eq: ['device_owner', dhcpOwner] },
          ],
        },
      });
      await removePortRows(services, draft, rows);
    },
  });
  return null;
}

async function networkList(services: Services, args: Args): Promise<Dict[]> {
  const filters = args.filters === null || args.filters === undefined ? {} : record(args.filters, 'filters');
  const rows = await services.store.select({
    table: 'networks',
    ...(Array.isArray(filters.id) ? { where: { in: ['id', texts(filters as Args, 'id')] } } : {}),
  });
  return networkDicts(services, rows);
}

export function dhcp(services: Services): Endpoint {
  return {
    version: '1.10',
    methods: {
      get_active_networks_info: args => activeNetworks(services, args),
      get_network_info: args => networkInfo(services, args),
      create_dhcp_port: args => named(createDhcpPort(services, args)),
      update_dhcp_port: args => named(updateDhcpPort(services, args)),
      release_dhcp_port: args => releaseDhcpPort(services, args),
      get_dhcp_port: async args => (await portDict(services, text(args, 'port_id'))) ?? null,
      get_networks: args => networkList(services, args),
      dhcp_ready_on_ports: async args => {
        await complete(services, texts(args, 'port_ids'), 'DHCP');
        return null;
      },
    },
  };
}

export { networkList };
