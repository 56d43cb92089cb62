// Rows that belong together say the same, whatever happened at once.
import type { Row } from '../../contracts/store.ts';
import { isRouterInterface, owners } from '../../domain/ipam/owners.ts';
import { cidrsOverlap } from '../../domain/net/cidr.ts';
import { interfaceOwnerOf } from '../commands/router-modes.ts';
import { agentMode } from '../commands/router-places.ts';
import type { Finding, Tables } from './finding.ts';

type Found = AsyncGenerator<string>;

const keyed = (rows: readonly Row[]): Map<unknown, Row> => new Map(rows.map(r => [r.id, r]));
const by = (rows: readonly Row[], column: string): Map<unknown, Row[]> => Map.groupBy(rows, r => r[column]);

/** The ports of routers are called as their routers are served, and each router has those that it needs. */
async function* routers(all: Tables): Found {
  const [ports, links] = [keyed(await all('ports')), by(await all('router_ports'), 'router_id')];
  const addresses = by(await all('ip_allocations'), 'port_id');
  for (const router of await all('routers')) {
    const own = links.get(router.id) ?? [];
    const of = (fits: (owner: string) => boolean): unknown[] => own.filter(l => fits(String(l.port_type))).map(l => l.port_id);
    for (const { port_id, port_type } of own) {
      const owner = ports.get(port_id)?.device_owner;
      if (owner !== port_type) yield `router ${router.id}: port ${port_id} is ${port_type} here and ${owner} there`;
      if (isRouterInterface(String(port_type)) && port_type !== interfaceOwnerOf(router)) yield `router ${router.id}: ${port_type}`;
    }
    const gateways = of(owner => owner === owners.routerGateway);
    if (router.gw_port_id === null ? gateways.length > 0 : !gateways.includes(router.gw_port_id))
      yield `router ${router.id}: gateway ${router.gw_port_id}, ports ${gateways}`;
    const subnetsOf = (ids: unknown[]): unknown[] => ids.flatMap(id => (addresses.get(id) ?? []).map(a => a.subnet_id)).sort();
    const wanted = router.distributed === true && router.gw_port_id ? subnetsOf(of(isRouterInterface)) : [];
    const standing = subnetsOf(of(owner => owner === owners.routerSnat));
    if (wanted.join() !== standing.join()) yield `router ${router.id}: translated on ${standing}, attached to ${wanted}`;
  }
}

/** Highly available routers have an id and ports for each place; others have one place at the most. */
async function* places(all: Tables): Found {
  const [ids, bindings] = [by(await all('ha_vrids'), 'router_id'), by(await all('router_bindings'), 'router_id')];
  const links = by(await all('router_ports'), 'router_id');
  const networks = new Map((await all('ha_networks')).map(n => [n.project_id, n.network_id]));
  const agents = keyed(await all('agents'));
  for (const { id, ha, distributed, project_id } of await all('routers')) {
    const own = bindings.get(id) ?? [];
    const [vrid, ...more] = ids.get(id) ?? [];
    if ((vrid !== undefined) !== (ha === true) || more.length > 0) yield `router ${id}: ha ${ha}, ${ids.get(id)?.length ?? 0} ids`;
    if (vrid && vrid.network_id !== networks.get(project_id)) yield `router ${id}: its id is of network ${vrid.network_id}`;
    const haPorts = (links.get(id) ?? []).filter(l => l.port_type === owners.routerHa).map(l => l.port_id);
    const bound = own.map(b => b.ha_port_id).filter(p => p !== null);
    if (haPorts.sort().join() !== bound.sort().join()) yield `router ${id}: HA ports ${haPorts}, at agents ${bound}`;
    const modes = distributed === true ? own.map(b => agentMode(agents.get(b.agent_id) ?? {})).filter(m => m !== 'dvr_snat') : [];
    if (modes.length > 0) yield `router ${id}: distributed, and translated at agents that are ${modes}`;
    if (ha !== true && own.length > 1) yield `router ${id}: ${own.length} places`;
    if (ha === true && bound.length !== own.length) yield `router ${id}: ${own.length} places, ${bound.length} HA ports`;
  }
}

/** An agent leaves by an external network only while a router has its gateway there. */
async function* agentGateways(all: Tables): Found {
  const ports = await all('ports');
  const outside = new Set(ports.filter(p => p.device_owner === owners.routerGateway).map(p => p.network_id));
  const agents = keyed(await all('agents'));
  const leaving = ports.filter(p => p.device_owner === owners.floatingipAgentGateway);
  for (const { id, network_id, device_id } of leaving) {
    if (!agents.has(device_id)) yield `port ${id} is of agent ${device_id}, which is gone`;
    if (!outside.has(network_id)) yield `port ${id} leads out of network ${network_id}, where no router does`;
  }
  const twins = [...Map.groupBy(leaving, p => `${p.network_id} ${p.device_id}`)].filter(([, list]) => list.length > 1);
  for (const [name] of twins) yield `${name} have two ports`;
}

async function* addresses(all: Tables): Found {
  const [ports, subnets] = [keyed(await all('ports')), keyed(await all('subnets'))];
  for (const { port_id, subnet_id, network_id, ip_address } of await all('ip_allocations')) {
    const named = [ports.get(port_id)?.network_id, subnets.get(subnet_id)?.network_id];
    if (named.some(n => n !== network_id)) yield `${ip_address} of network ${network_id}: ${named}`;
  }
}

/** Floating IPs and NDP proxies have a way in; local IPs have the address of their port. */
async function* waysIn(all: Tables): Found {
  const [taken, ports] = [by(await all('ip_allocations'), 'port_id'), keyed(await all('ports'))];
  const links = by(await all('router_ports'), 'router_id');
  const subnetOf = (port: unknown, address: unknown): unknown => taken.get(port)?.find(a => a.ip_address === address)?.subnet_id;
  const attached = (router: unknown): Set<unknown> => {
    const inner = (links.get(router) ?? []).filter(l => isRouterInterface(String(l.port_type)));
    return new Set(inner.flatMap(l => (taken.get(l.port_id) ?? []).map(a => a.subnet_id)));
  };
  const outside = (router: unknown): unknown[] => {
    const outer = (links.get(router) ?? []).filter(l => l.port_type === owners.routerGateway);
    return outer.map(l => ports.get(l.port_id)?.network_id);
  };
  for (const { id, port_id, fixed_ip_address, router_id, floating_network_id } of await all('floatingips')) {
    if (port_id === null) continue;
    const subnet = subnetOf(port_id, fixed_ip_address);
    if (subnet === undefined) yield `floating IP ${id}: port ${port_id} has no ${fixed_ip_address}`;
    else if (!attached(router_id).has(subnet)) yield `floating IP ${id}: router ${router_id} is not on subnet ${subnet}`;
    if (!outside(router_id).includes(floating_network_id)) yield `floating IP ${id}: router ${router_id} leads to ${outside(router_id)}`;
  }
  for (const { id, router_id, port_id, ip_address } of await all('ndp_proxies')) {
    const subnet = subnetOf(port_id, ip_address);
    if (subnet === undefined || !attached(router_id).has(subnet)) yield `NDP proxy ${id}: ${ip_address} is on ${subnet}`;
    if (outside(router_id).length === 0) yield `NDP proxy ${id}: router ${router_id} leads nowhere`;
  }
  for (const { id, local_port_id, local_ip_address } of await all('local_ips'))
    if (subnetOf(local_port_id, local_ip_address) === undefined) yield `local IP ${id}: ${local_port_id} has no ${local_ip_address}`;
  for (const { local_ip_id, fixed_port_id, fixed_ip } of await all('local_ip_associations'))
    if (subnetOf(fixed_port_id, fixed_ip) === undefined) yield `local IP ${local_ip_id}: ${fixed_port_id} has no ${fixed_ip}`;
}

type Prefix = readonly [name: unknown, cidr: string];

function* overlapping(what: string, prefixes: readonly Prefix[]): Generator<string> {
  for (const [i, [a, x]] of prefixes.entries())
    for (const [b, y] of prefixes.slice(i + 1)) if (cidrsOverlap(x, y)) yield `${what}: ${a} overlaps ${b}`;
}

/** What must not overlap does not: on a network, of a pool, of an address scope, behind a router. */
async function* prefixes(all: Tables): Found {
  const subnets = await all('subnets');
  const prefixOf = (s: Row): Prefix => [s.id, String(s.cidr)];
  for (const [id, list] of by(subnets, 'network_id')) yield* overlapping(`network ${id}`, list.map(prefixOf));
  for (const [id, list] of by(subnets, 'subnetpool_id')) if (id !== null) yield* overlapping(`pool ${id}`, list.map(prefixOf));
  const pools = await all('subnetpools');
  const inScope = [...by(pools, 'address_scope_id')].filter(([id]) => id !== null);
  for (const [id, list] of inScope)
    yield* overlapping(
      `scope ${id}`,
      list.flatMap(p => (p.prefixes as string[]).map(x => [p.id, x] as const)),
    );
  const known = keyed(subnets);
  const [links, taken] = [by(await all('router_ports'), 'router_id'), by(await all('ip_allocations'), 'port_id')];
  for (const [id, own] of links) {
    const inner = own.filter(l => isRouterInterface(String(l.port_type)));
    const behind = inner.flatMap(l => (taken.get(l.port_id) ?? []).map(a => known.get(a.subnet_id)).filter(s => s !== undefined));
    yield* overlapping(`router ${id}`, behind.map(prefixOf));
  }
}

/** A network is in one address scope for each version of IP. */
async function* scopes(all: Tables): Found {
  const pools = keyed(await all('subnetpools'));
  const networks = Map.groupBy(await all('subnets'), s => `${s.network_id} IPv${s.ip_version}`);
  for (const [name, list] of networks) {
    const named = new Set(list.map(s => pools.get(s.subnetpool_id)?.address_scope_id ?? null));
    if (named.size > 1) yield `network ${name} is in scopes ${[...named]}`;
  }
}

/** A port is bound to segments of its own network. */
async function* boundSegments(all: Tables): Found {
  const [ports, rows] = [keyed(await all('ports')), keyed(await all('segments'))];
  for (const { port_id, segment_id } of await all('port_binding_levels'))
    if (rows.get(segment_id)?.network_id !== ports.get(port_id)?.network_id) yield `port ${port_id} is bound to a segment of others`;
}

/** A project's default group is its own. */
async function* defaultGroups(all: Tables): Found {
  const groups = keyed(await all('security_groups'));
  for (const { project_id, security_group_id } of await all('default_security_groups'))
    if (groups.get(security_group_id)?.project_id !== project_id) yield `default group of ${project_id}: ${security_group_id}`;
  const named = by(
    [...groups.values()].filter(g => g.name === 'default'),
    'project_id',
  );
  for (const [project, list] of named) if (list.length > 1) yield `${project} has ${list.length} default groups`;
}

/** A subport is what its trunk says, and no trunk's parent. */
async function* trunks(all: Tables): Found {
  const parents = new Set((await all('trunks')).map(t => t.port_id));
  for (const { port_id } of await all('sub_ports')) if (parents.has(port_id)) yield `port ${port_id} is a subport and a parent`;
}

const looks = { routers, places, agentGateways, addresses, waysIn, prefixes, scopes, boundSegments, defaultGroups, trunks };

/** Nothing, in a store that is right. */
export async function disagreements(all: Tables): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const [check, look] of Object.entries(looks)) for await (const what of look(all)) found.push({ check, what });
  return found;
}
