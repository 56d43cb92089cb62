// What L3 agents ask: their routers, whole; and what they report of floating IPs.
import type { Endpoint } from '../../contracts/bus.ts';
import type { Predicate, Row } from '../../contracts/store.ts';
import { isRouterInterface, owners } from '../../domain/ipam/owners.ts';
import { pvlanOf } from '../../domain/pvlan.ts';
import { floatingip } from '../../model/floatingip.ts';
import { port } from '../../model/port.ts';
import { writeBinding, writeBlocks } from '../commands/binding.ts';
import { floatingips } from '../commands/floatingips.ts';
import { byIds, grouped } from '../commands/load.ts';
import { scopesOf } from '../commands/pool-scope.ts';
import { forwardingsOf } from '../commands/port-forwarding-rows.ts';
import { factsOf, partsOf } from '../commands/port-rows.ts';
import { modeOf } from '../commands/router-modes.ts';
import { routersAt } from '../commands/router-places.ts';
import { hostsOfRouters } from '../commands/router-rows.ts';
import { scheduleRouter } from '../commands/router-scheduling.ts';
import { routers } from '../commands/routers.ts';
import type { Services } from '../context.ts';
import { commitDecision } from '../retry.ts';
import { type Args, record, text, texts } from './arguments.ts';
import { networkList } from './dhcp.ts';
import { type Dict, portDicts, routerPortDicts } from './dicts.ts';
import { placeFloatingIps } from './l3-floatingips.ts';
import { agentAt, agentGateway, agentGatewaysOf, haCount, haPortsDown, haStates } from './l3-modes.ts';
import { prefixUpdate } from './prefixes.ts';

const viewer = { project_id: null, isAdmin: true };

async function idsOf(services: Services, host: string): Promise<string[]> {
  const agent = await agentAt(services, host);
  if (agent?.admin_state_up !== true) return [];
  if (services.config.routerAutoSchedule) await scheduleUnhosted(services, String(agent.id));
  return routersAt(services, agent);
}

/** Routers with something attached and no agent, and highly available ones that may have this one, too. */
async function scheduleUnhosted(services: Services, agentId: string): Promise<void> {
  const rows = await services.store.select({
    table: 'routers',
    where: {
      and: [
        { exists: { table: 'router_ports', on: [['router_id', 'id']] } },
        { not: { exists: { table: 'router_bindings', on: [['router_id', 'id']] } } },
      ],
    },
    limit: 1000,
  });
  const here: Predicate = { exists: { table: 'router_bindings', on: [['router_id', 'id']], where: { eq: ['agent_id', agentId] } } };
  const shared = await services.store.select({ table: 'routers', where: { and: [{ eq: ['ha', true] }, { not: here }] }, limit: 1000 });
  const places = await services.store.countBy('router_bindings', 'router_id');
  const most = services.config.maxL3AgentsPerRouter || Number.MAX_SAFE_INTEGER;
  rows.push(...shared.filter(r => (places.get(String(r.id)) ?? 0) < most && !rows.some(u => u.id === r.id)));
  for (const row of rows) await commitDecision(services, { decide: draft => scheduleRouter(services, draft, String(row.id)) });
}

async function syncRouters(services: Services, args: Args): Promise<Dict[]> {
  const host = text(args, 'host');
  const mine = await idsOf(services, host);
  const wanted =
    args.router_ids === null || args.router_ids === undefined ? mine : texts(args, 'router_ids').filter(id => mine.includes(id));
  const rows = [...(await byIds(services, 'routers', wanted)).values()];
  const agent = await agentAt(services, host);
  const own = await grouped(
    services,
    'router_bindings',
    'router_id',
    rows.map(r => r.id),
    {
      where: { eq: ['agent_id', String(agent?.id ?? '')] },
    },
  );
  // An agent that only takes part in a distributed router has none of the ports by which it is translated.
  await bindPorts(services, [...own.keys()], host);
  return routerDicts(services, rows, host);
}

/** The ports of a router are where its agent is. */
async function bindPorts(services: Services, routerIds: readonly string[], host: string): Promise<void> {
  const links = await grouped(services, 'router_ports', 'router_id', routerIds);
  const portIds = [...links.values()].flat().map(l => String(l.port_id));
  const away = await activeElsewhere(services, routerIds, host);
  await commitDecision(services, {
    decide: async draft => {
      const rows = await byIds(services, 'ports', portIds);
      const parts = await partsOf(services, [...rows.keys()]);
      for (const [id, row] of rows) {
        const now = parts.bindings.get(id);
        if (!boundHere(row, now, away)) continue;
        if (now?.host === host && now.vif_type !== 'binding_failed' && now.vif_type !== 'unbound') continue;
        const { pvlan_type } = pvlanOf(row);
        const { bound } = await writeBinding(services, draft, {
          port_id: id,
          network_id: String(row.network_id),
          host,
          vnic_type: 'normal',
          profile: {},
          pvlan_type,
        });
        draft.present('ports', { and: [{ eq: ['id', id] }, { eq: ['pvlan_type', pvlan_type] }] });
        writeBlocks(draft, { port_id: id, device_owner: String(row.device_owner), bound, dhcpSubnets: 0, dhcpServed: false });
        draft.update(
          port,
          row,
          { status: 'DOWN' },
          { guarded: false, facts: { before: factsOf(row, parts), changed: ['binding:host_id', 'status'] } },
        );
      }
    },
  });
}

/** Highly available routers whose ports are where another agent is active. */
async function activeElsewhere(services: Services, routerIds: readonly string[], host: string): Promise<Set<string>> {
  const bindings = await grouped(services, 'router_bindings', 'router_id', routerIds, { where: { not: { eq: ['ha_state', null] } } });
  const mine = await agentAt(services, host);
  const away = [...bindings].filter(([, list]) => !list.some(b => b.ha_state === 'active' && b.agent_id === mine?.id));
  return new Set(away.map(([id]) => id));
}

/** Ports of a distributed router's interfaces are everywhere; an agent's own port on the HA network stays with it. */
function boundHere(port: Row, binding: Row | undefined, away: ReadonlySet<string>): boolean {
  const { device_owner, device_id } = port;
  if (device_owner === owners.routerInterfaceDistributed || device_owner === owners.routerHa) return false;
  return !binding?.host || !away.has(String(device_id));
}

async function routerDicts(services: Services, rows: readonly Row[], host: string): Promise<Dict[]> {
  const objects = await routers.present(services, rows, viewer);
  const all = await around(services, rows, host);
  return rows.map((row, i) => routerDict(row, objects[i] ?? {}, all));
}

/** What routers have, each by a constant number of queries. */
async function around(services: Services, rows: readonly Row[], host: string) {
  const ids = rows.map(r => String(r.id));
  const links = await grouped(services, 'router_ports', 'router_id', ids);
  const ports = await byIds(
    services,
    'ports',
    [...links.values()].flat().map(l => l.port_id),
  );
  const agent = await agentAt(services, host);
  const agentId = String(agent?.id ?? '');
  const fips = [...(await grouped(services, 'floatingips', 'router_id', ids)).values()].flat();
  const fipObjects = await floatingips.present(services, fips, viewer);
  return {
    host,
    links,
    dicts: new Map((await routerPortDicts(services, [...ports.values()])).map(d => [d.id, d])),
    bindings: await grouped(services, 'router_bindings', 'router_id', ids, { where: { eq: ['agent_id', agentId] } }),
    vrids: await grouped(services, 'ha_vrids', 'router_id', ids),
    agentGateways: rows.some(r => r.distributed === true) ? await agentGatewaysOf(services, agentId) : [],
    fipsOf: Map.groupBy(fipObjects, f => f.router_id),
    forwardings: await forwardingsOf(
      services,
      fips.map(f => String(f.id)),
    ),
    place: await placeFloatingIps(services, fips, agent),
    translatedAt: await hostsOfRouters(services, ids),
    scopes: await fixedScopes(services, fips),
  };
}

function routerDict(row: Row, { enable_snat, ...object }: Dict, all: Awaited<ReturnType<typeof around>>): Dict {
  const id = String(row.id);
  const mode = modeOf(row);
  const binding = all.bindings.get(id)?.[0];
  const own = (all.links.get(id) ?? []).flatMap(({ port_id, port_type }) => {
    const dict = all.dicts.get(port_id);
    return dict ? [{ type: String(port_type), dict }] : [];
  });
  const as = (fits: (type: string) => boolean): Dict[] => own.filter(p => fits(p.type)).map(p => p.dict);
  const gateway = own.find(p => p.dict.id === row.gw_port_id)?.dict;
  const interfaces = as(isRouterInterface);
  const watching = own.find(p => p.dict.id === binding?.ha_port_id)?.dict;
  // Agents have the first gateway of a router, and what comes in by it.
  const fips = (all.fipsOf.get(id) ?? [])
    .filter(f => f.floating_network_id === gateway?.network_id)
    .map(f => floatingDict(f, all.forwardings.get(String(f.id)) ?? [], all.scopes.get(f.id) ?? null));
  const floating = fips.filter(f => f.port_id !== null).flatMap(f => (mode.distributed ? (all.place(f) ?? []) : [f]));
  // Ports are forwarded where a distributed router is translated.
  const forwarding = mode.distributed && !binding ? [] : fips.filter(f => f.port_id === null);
  const gw_port_host = mode.distributed ? (all.translatedAt.get(id) ?? null) : all.host;
  const parts = { _snat_router_interfaces: as(type => type === owners.routerSnat), _floatingip_agent_interfaces: all.agentGateways };
  return {
    ...object,
    tenant_id: row.project_id,
    gw_port_id: row.gw_port_id,
    ...mode,
    ha_vr_id: Number(all.vrids.get(id)?.[0]?.vr_id ?? 0),
    ...(watching ? { _ha_interface: watching, _ha_state: binding?.ha_state ?? 'standby' } : {}),
    ...(mode.distributed ? parts : {}),
    ...(gateway ? { gw_port: { ...gateway, qos_policy_id: row.qos_policy_id }, gw_port_host, enable_snat } : {}),
    ...(interfaces.length > 0 ? { _interfaces: interfaces } : {}),
    ...(floating.length > 0 ? { _floatingips: floating } : {}),
    ...(forwarding.length > 0 ? forwardingKeys(forwarding) : {}),
  };
}

function floatingDict(object: Dict, forwardings: readonly Row[], fixed_ip_address_scope: string | null): Dict {
  const port_forwardings = forwardings.map(({ floatingip_id: _fip, ...forwarding }) => forwarding);
  return { ...object, tenant_id: object.project_id, fixed_ip_address_scope, port_forwardings };
}

/** Floating IPs that forward ports are apart from those that stand for one address. */
function forwardingKeys(fips: readonly Dict[]): Dict {
  return {
    _pf_floatingips: fips,
    port_forwardings_fip_set: fips.map(f => `${String(f.floating_ip_address)}/32`),
    fip_managed_by_port_forwardings: fips.map(f => f.id),
  };
}

/** The address scope of the fixed address behind each floating IP. */
async function fixedScopes(services: Services, fips: readonly Row[]): Promise<Map<unknown, string | null>> {
  const ports = fips.map(f => f.port_id);
  const taken = await grouped(services, 'ip_allocations', 'port_id', ports);
  const subnetOf = ({ port_id, fixed_ip_address }: Row): unknown =>
    taken.get(String(port_id))?.find(t => t.ip_address === fixed_ip_address)?.subnet_id;
  const subnets = await byIds(services, 'subnets', fips.map(subnetOf));
  const scopeOf = await scopesOf(services, subnets.values());
  return new Map(
    fips.map(f => {
      const subnet = subnets.get(String(subnetOf(f)));
      return [f.id, subnet ? scopeOf(subnet) : null];
    }),
  );
}

async function floatingIpStatuses(services: Services, args: Args): Promise<null> {
  const statuses = record(args.fip_statuses, 'fip_statuses');
  await commitDecision(services, {
    decide: async draft => {
      const rows = await byIds(services, 'floatingips', Object.keys(statuses));
      for (const [id, row] of rows) {
        const asked = String(statuses[id]);
        // A floating IP that moved on meanwhile is not this router's to speak of.
        const status = row.router_id === null ? 'DOWN' : asked;
        if (!['ACTIVE', 'DOWN', 'ERROR'].includes(status) || row.status === status) continue;
        if (row.router_id !== null && row.router_id !== args.router_id) continue;
        draft.update(floatingip, row, { status }, { touch: false, facts: { changed: ['status'] } });
      }
    },
  });
  return null;
}

async function portsBySubnet(services: Services, args: Args): Promise<Dict[]> {
  const taken = await services.store.select({ table: 'ip_allocations', where: { eq: ['subnet_id', text(args, 'subnet_id')] } });
  return portDicts(services, [
    ...(
      await byIds(
        services,
        'ports',
        taken.map(t => t.port_id),
      )
    ).values(),
  ]);
}

export function l3(services: Services): Endpoint {
  return {
    version: '1.13',
    methods: {
      get_host_ha_router_count: args => haCount(services, text(args, 'host')),
      get_service_plugin_list: () => ['CORE', 'L3_ROUTER_NAT', 'PORTFORWARDING'],
      update_all_ha_network_port_statuses: args => haPortsDown(services, text(args, 'host')),
      get_router_ids: args => idsOf(services, text(args, 'host')),
      sync_routers: args => syncRouters(services, args),
      update_floatingip_statuses: args => floatingIpStatuses(services, args),
      update_ha_routers_states: args => haStates(services, args),
      get_agent_gateway_port: args => agentGateway(services, text(args, 'network_id'), text(args, 'host')),
      get_ports_by_subnet: args => portsBySubnet(services, args),
      get_networks: args => networkList(services, args),
      process_prefix_update: args => prefixUpdate(services, args),
    },
  };
}
