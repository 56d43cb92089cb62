// Highly available routers: the network of their project over which their agents watch each other, and an id each on that network.
import type { Predicate, Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import { readCreate } from '../../domain/input/body.ts';
import { network } from '../../model/network.ts';
import { subnet } from '../../model/subnet.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { commitDecision } from '../retry.ts';
import { networks, removeNetworkRows } from './networks.ts';
import { dropHaPorts } from './router-ha-ports.ts';
import { subnets } from './subnets.ts';

const nobody = { project_id: '', privileged: true } as const;
/** VRRP has eight bits for it. */
const mostIds = 254;

/** The network is there before the router is; a server that dies in between leaves it for the next. */
async function haNetwork(ctx: RequestContext, draft: Draft, project_id: string): Promise<string> {
  await commitDecision(ctx, { decide: (made, now) => makeNetwork(now, made, project_id) });
  const network_id = String((await ctx.store.get('ha_networks', { project_id }))?.network_id ?? '');
  await commitDecision(ctx, { decide: (made, now) => makeSubnet(now, made, network_id, project_id) });
  draft.present('ha_networks', { and: [{ eq: ['project_id', project_id] }, { eq: ['network_id', network_id] }] });
  return network_id;
}

async function makeNetwork(ctx: RequestContext, draft: Draft, project_id: string): Promise<void> {
  if (await ctx.store.get('ha_networks', { project_id })) return;
  const given = readCreate(network, { name: `HA network tenant ${project_id}`, ha: true }, nobody);
  await networks.create?.(ctx, draft, { ...given, project_id });
}

async function makeSubnet(ctx: RequestContext, draft: Draft, network_id: string, project_id: string): Promise<void> {
  // Where it is gone with the last router, the decision about the new one finds that out.
  if ((await ctx.store.get('ha_networks', { project_id }))?.network_id !== network_id) return;
  if ((await ctx.store.count('subnets', { eq: ['network_id', network_id] })) > 0) return;
  const named = { name: `HA subnet tenant ${project_id}`, network_id, ip_version: 4, cidr: ctx.config.l3HaNetCidr };
  const given = readCreate(subnet, { ...named, gateway_ip: null, enable_dhcp: false }, nobody);
  await subnets.create?.(ctx, draft, { ...given, project_id: '' });
}

/** A router becomes highly available: it gets an id that no other has on its project's network. */
export async function joinHa(ctx: RequestContext, draft: Draft, router: Row): Promise<void> {
  const network_id = await haNetwork(ctx, draft, String(router.project_id));
  const taken = new Set(
    (await ctx.store.select({ table: 'ha_vrids', where: { eq: ['network_id', network_id] } })).map(v => Number(v.vr_id)),
  );
  for (const made of draft.ops) if (made.op === 'insert' && made.table === 'ha_vrids') taken.add(Number(made.row.vr_id));
  const free = Array.from({ length: mostIds }, (_, i) => i + 1).filter(id => !taken.has(id));
  const vr_id = free[Math.floor(ctx.random() * free.length)];
  if (vr_id === undefined) throw apiError('NoVRIDAvailable', { router_id: String(router.id) });
  draft.insert('ha_vrids', { network_id, vr_id, router_id: String(router.id) }, { tag: 'vrid' });
}

/** All that makes a router highly available goes, its places on agents too. Answers the ports that go with it. */
export async function dropHa(services: Services, draft: Draft, router: Row): Promise<Row[]> {
  const of: Predicate = { eq: ['router_id', String(router.id)] };
  const ports = await dropHaPorts(services, draft, of);
  draft.delete('ha_vrids', of);
  for (const { agent_id } of await services.store.select({ table: 'router_bindings', where: of }))
    draft.announce({
      kind: 'router_binding',
      id: String(router.id),
      event: 'deleted',
      revision: 0,
      facts: { router_id: router.id, agent_id },
    });
  draft.delete('router_bindings', of);
  return ports;
}

/** The last such router of a project takes the network with it. `ports` are those that go, too. */
export async function dropHaNetwork(ctx: RequestContext, draft: Draft, router: Row, ports: readonly Row[]): Promise<void> {
  const project_id = String(router.project_id);
  const others: Predicate = { and: [{ eq: ['project_id', project_id] }, { eq: ['ha', true] }, { not: { eq: ['id', String(router.id)] } }] };
  const known = await ctx.store.get('ha_networks', { project_id });
  if (!known || (await ctx.store.count('routers', others)) > 0) return;
  draft.absent('routers', others);
  const row = await ctx.store.get('networks', { id: String(known.network_id) });
  if (row) await removeNetworkRows(ctx, draft, row, ports);
}
