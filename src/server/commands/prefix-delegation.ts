// A subnet whose prefix comes from outside gets one, another, or none any more: it and all addresses on it change in one commit.
import type { Predicate, Row, Value } from '../../contracts/store.ts';
import { invalidInput } from '../../domain/errors.ts';
import { delegated } from '../../domain/input/special.ts';
import { autoAddress } from '../../domain/ipam/addresses.ts';
import { type DelegatedPlan, isProvisional, planDelegation } from '../../domain/ipam/delegation.ts';
import { freeCandidates } from '../../domain/ipam/free.ts';
import { isRouterInterface, isRouterInterfaceOrSnat } from '../../domain/ipam/owners.ts';
import { rangesOf } from '../../domain/ipam/pools.ts';
import { checkOverlap } from '../../domain/ipam/subnet.ts';
import { endsOf } from '../../domain/net/cidr.ts';
import { ipText, parseIp } from '../../domain/net/ip.ts';
import { checkAttach } from '../../domain/routing.ts';
import { network } from '../../model/network.ts';
import { port } from '../../model/port.ts';
import { router } from '../../model/router.ts';
import { subnet } from '../../model/subnet.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { byIds, grouped } from './load.ts';
import { releaseProxies } from './ndp-proxy-rows.ts';
import { factsOf, partsOf } from './port-rows.ts';
import { routedSubnet, routerPorts, subnetsOf } from './router-rows.ts';

/** Whoever has taken an address meanwhile, or takes one, decides again: the network's revision grows. */
export async function delegatePrefix(services: Services, draft: Draft, id: string, prefix: string): Promise<void> {
  const row = await services.store.get('subnets', { id });
  // Agents speak of subnets that they have known; whatever else it is, its prefix is not theirs to say.
  if (row?.subnetpool_id !== delegated) throw invalidInput(`subnet ${id} has no prefix from outside`);
  const plan = planDelegation(prefix);
  if (plan.cidr === row.cidr) return;
  const network_id = String(row.network_id);
  const net = await services.store.get('networks', { id: network_id });
  if (!net) return;
  await refuseOverlap(services, row, plan);
  draft.relyOn(network, net);
  draft.touch(network, network_id);
  const set = { ...plan, allocation_pools: plan.allocation_pools as Value, ...endsOf(plan.cidr) };
  draft.update(subnet, row, set, { facts: { network_id, changed: ['cidr', 'gateway_ip', 'allocation_pools'] } });
  const holders = await renumber(services, draft, row, plan);
  await tellRouters(services, draft, row, plan, holders);
}

async function refuseOverlap(services: Services, row: Row, { cidr }: DelegatedPlan): Promise<void> {
  const network_id = String(row.network_id);
  const all = await services.store.select({ table: 'subnets', where: { eq: ['network_id', network_id] }, columns: ['id', 'cidr'] });
  checkOverlap(
    cidr,
    all.filter(s => s.id !== row.id).map(s => String(s.cidr)),
    network_id,
  );
}

/** Answers the ports that have an address on the subnet. */
async function renumber(services: Services, draft: Draft, row: Row, plan: DelegatedPlan): Promise<readonly Row[]> {
  const there: Predicate = { eq: ['subnet_id', String(row.id)] };
  const taken = await services.store.select({ table: 'ip_allocations', where: there });
  draft.absent('ip_allocations', { and: [there, { not: { in: ['ip_address', taken.map(t => String(t.ip_address))] } }] });
  draft.delete('ip_allocations', there);
  const ports = await byIds(
    services,
    'ports',
    taken.map(t => t.port_id),
  );
  const parts = await partsOf(services, [...ports.keys()]);
  const addresses = addressesUnder(services, plan, [...ports.values()]);
  const given = new Set<unknown>();
  for (const { port_id, position, ip_address: was } of taken) {
    const holder = ports.get(String(port_id));
    const ip_address = addresses.get(port_id);
    if (!holder || ip_address === undefined || given.has(port_id)) continue;
    given.add(port_id);
    const place = { subnet_id: String(row.id), port_id: String(port_id), network_id: String(row.network_id), position: Number(position) };
    draft.insert('ip_allocations', { ...place, ip_address }, { tag: 'address' });
    draft.update(port, holder, {}, { facts: { before: factsOf(holder, parts), changed: ['fixed_ips'] } });
    await releaseProxies(services, draft, [String(port_id)], [String(was)]);
  }
  return [...ports.values()];
}

/** The oldest interface has the gateway's address, other ports of routers any that is free; the rest make theirs of their MACs. */
function addressesUnder({ random }: Services, plan: DelegatedPlan, ports: readonly Row[]): ReadonlyMap<unknown, string> {
  const owner = (p: Row): string => String(p.device_owner);
  const age = (p: Row): string => `${String(p.created_at)} ${String(p.id)}`;
  const [first, ...others] = ports.filter(p => isRouterInterface(owner(p))).toSorted((a, b) => (age(a) < age(b) ? -1 : 1));
  const choosing = [...others, ...ports.filter(p => isRouterInterfaceOrSnat(owner(p)) && !isRouterInterface(owner(p)))];
  const made = ports
    .filter(p => !isRouterInterfaceOrSnat(owner(p)))
    .map(p => [p.id, String(autoAddress(plan, String(p.mac_address)))] as const);
  const free = freeCandidates(
    {
      pools: rangesOf(plan.allocation_pools),
      taken: new Set(made.flatMap(([, ip]) => parseIp(ip)?.value ?? [])),
      window: 65_536,
      random: n => Math.floor(random() * n),
    },
    choosing.length,
  );
  const chosen = choosing.map((p, i) => [p.id, ipText(6, free[i] as bigint)] as const);
  return new Map([...made, ...chosen, ...(first ? [[first.id, plan.gateway_ip] as const] : [])]);
}

/** Routers on the subnet, whose other subnets must not overlap with it. */
async function tellRouters(services: Services, draft: Draft, row: Row, plan: DelegatedPlan, holders: readonly Row[]): Promise<void> {
  const links = await grouped(
    services,
    'router_ports',
    'port_id',
    holders.map(p => p.id),
  );
  const ids = [...new Set([...links.values()].flat().map(l => String(l.router_id)))];
  const rows = await byIds(services, 'routers', ids);
  const ports = await routerPorts(services, ids);
  for (const [id, one] of rows) {
    const others = [...(await subnetsOf(services, ports.get(id) ?? [])).values()].filter(s => s.id !== row.id);
    if (!isProvisional(plan.cidr)) checkAttach([{ id: String(row.id), cidr: plan.cidr }], others.map(routedSubnet));
    draft.update(router, one, {});
  }
}
