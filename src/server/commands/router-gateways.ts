// The gateways of a router as a whole: what a request leaves of them, in which order, and what holds one that would go.
import type { Row, Value } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { WantedGateway } from '../../model/ext/router-gateways.ts';
import type { GatewayInfo } from '../../model/router.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { dropAgentGatewaysOf } from './agent-gateways.ts';
import { refuseProxies } from './ndp-proxy-rows.ts';
import { removePortRows } from './port-rows.ts';
import { changePolicy } from './qos-use.ts';
import { makeGateway, moveGateway, subnetsOn } from './router-gateway.ts';
import { gatewayOwner, gatewaysOf, type RouterPort, subnetsOf } from './router-rows.ts';
import { dropSnatPorts, makeSnatPorts } from './router-snat.ts';

/** One of the gateways that a router is to have: one that it has, and what is said of it, or one that is to be made. */
export type Planned =
  | { readonly now: RouterPort; readonly info?: WantedGateway }
  | { readonly now?: undefined; readonly info: WantedGateway };

export interface Scene {
  readonly ctx: RequestContext;
  readonly draft: Draft;
  readonly router: Row;
  readonly ports: readonly RouterPort[];
}

/** Undefined: not given or cleared. */
export function wantedGateway(value: unknown): GatewayInfo | undefined {
  if (value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)) return undefined;
  return value as GatewayInfo;
}

/** What `external_gateway_info` makes of them: it is the first, and where it is cleared the next one takes its place. */
export function planOfFirst({ router, ports }: Scene, info: GatewayInfo | undefined): Planned[] {
  const [first, ...others] = gatewaysOf(router, ports);
  const rest = others.map(now => ({ now }));
  if (!info) return rest;
  return first?.network_id === info.network_id ? [{ now: first, info }, ...rest] : [{ info }, ...rest];
}

/** Carries out a plan. Answers the router's columns that change; the router's revision guards what the plan is made of. */
export async function applyGateways(scene: Scene, plan: readonly Planned[]): Promise<Record<string, Value>> {
  const { ctx, draft, router, ports } = scene;
  const before = gatewaysOf(router, ports);
  const [first] = plan;
  if (before[0] && first?.now !== before[0]) await refuseProxies(ctx, draft, String(router.id));
  const dropped = await dropGateways(scene, plan);
  if (!first) {
    if (before.length === 0) return {};
    await dropSnatPorts(ctx, draft, ports);
    return { gw_port_id: null, enable_snat: ctx.config.snatByDefault, enable_ndp_proxy: false };
  }
  if (before.length === 0 && router.distributed === true) await makeSnatPorts(ctx, draft, router, ports);
  const { ids, placed } = await placeGateways(scene, plan);
  if (!dropped && !placed && first.info?.enable_snat === undefined) return {};
  return { gw_port_id: ids[0] as string, enable_snat: snatOf(ctx, router, first) };
}

/** Of all its gateways: what is said of the first. */
export function snatOf({ config }: Services, router: Row, { now, info }: Planned): boolean {
  return info?.enable_snat ?? (now ? router.enable_snat !== false : config.snatByDefault);
}

/** Makes, moves and orders them. Answers their ports, and whether anything was done. */
async function placeGateways(
  { ctx, draft, router, ports }: Scene,
  plan: readonly Planned[],
): Promise<{ readonly ids: readonly string[]; readonly placed: boolean }> {
  const inside = [
    ...(
      await subnetsOf(
        ctx,
        ports.filter(p => p.type !== gatewayOwner),
      )
    ).values(),
  ];
  const outside = await subnetsOn(ctx, plan.map(networkOf));
  const router_id = String(router.id);
  const ids: string[] = [];
  let placed = false;
  for (const [position, { now, info }] of plan.entries()) {
    if (!now) {
      // Two may be on one network, but not on two networks with the same addresses.
      const beside = [...inside, ...outside.filter(s => s.network_id !== info.network_id)];
      const port_id = await makeGateway(ctx, draft, router_id, info, beside);
      draft.insert('router_ports', { router_id, port_id, port_type: gatewayOwner, position, network_id: info.network_id });
      ids.push(port_id);
    } else {
      ids.push(String(now.port.id));
      if (now.position !== position) draft.set('router_ports', { eq: ['port_id', String(now.port.id)] }, { position });
      const moved = await moveGateway(ctx, draft, now, info?.external_fixed_ips);
      if (!moved && now.position === position) continue;
    }
    placed = true;
  }
  return { ids, placed };
}

const networkOf = ({ now, info }: Planned): string => now?.network_id ?? String(info?.network_id);

/** Those that are not in the plan go; the last on a network only where no floating IP needs it. Answers whether any does. */
async function dropGateways({ ctx, draft, router, ports }: Scene, plan: readonly Planned[]): Promise<boolean> {
  const going = gatewaysOf(router, ports).filter(g => !plan.some(p => p.now === g));
  const left = new Set(plan.map(networkOf));
  for (const [network_id, gateways] of Map.groupBy(going, g => g.network_id)) {
    const rows = gateways.map(g => g.port);
    if (!left.has(network_id)) await refuseNeeded(ctx, draft, String(router.id), network_id);
    await removePortRows(ctx, draft, rows);
    if (!left.has(network_id)) await dropAgentGatewaysOf(ctx, draft, network_id, rows);
  }
  return going.length > 0;
}

async function refuseNeeded(ctx: RequestContext, draft: Draft, router_id: string, net_id: string): Promise<void> {
  const through = { and: [{ eq: ['router_id', router_id] }, { eq: ['floating_network_id', net_id] }] } as const;
  if ((await ctx.store.count('floatingips', through)) > 0) throw apiError('RouterExternalGatewayInUseByFloatingIp', { router_id, net_id });
  draft.absent('floatingips', through);
}

/** The policy of a gateway goes with it, and is otherwise what the request says of it. */
export async function gatewayPolicy(ctx: RequestContext, draft: Draft, row: Row, info: GatewayInfo | undefined): Promise<Row> {
  const wanted = info ? info.qos_policy_id : null;
  if (wanted === undefined || wanted === row.qos_policy_id) return {};
  if (info) await changePolicy(ctx, draft, row.qos_policy_id, wanted);
  return { qos_policy_id: wanted };
}
