// The packet filters of a pass: zones, rules with the ports quarantined that the tools refuse, and the connections that a change ends.
import type { Files } from '../../contracts/host/files.ts';
import { HostRefusal } from '../../contracts/host/firewall.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import type { AgentContext } from '../context.ts';
import type { View } from '../l2/view.ts';
import { type Cut, cutElement } from '../render/nft-bridge.ts';
import { type FlowView, stillDenied } from '../render/security-flows.ts';
import type { Bridged } from './bridged.ts';
import { Firewall } from './firewall.ts';
import { type FirewallPlan, type PlanInput, planFirewall } from './firewall-plan.ts';
import { flowView, judgeZones } from './flows.ts';
import { emptyInherited } from './inherited.ts';
import { RefusedFor, type RuleTables, type Shrunk } from './rule-tables.ts';
import { Zones } from './zones.ts';

/** More ports than this are not set aside one by one in one pass: then something else is wrong. */
const MAX_QUARANTINED = 20;

export interface Filters {
  load(first: boolean): Promise<void>;
  admittedBefore(): ReadonlySet<string>;
  apply(view: View, plan: Bridged, links: PlanInput['links']): Promise<FirewallPlan>;
  /** Ends what the last change does not permit any more. */
  endConnections(view: View, plan: Bridged): Promise<void>;
}

export interface FiltersGiven {
  readonly ctx: AgentContext;
  readonly rules: RuleTables;
  /** What another driver may have left: it goes when the rules stand. */
  readonly others?: readonly RuleTables[];
  /** What the tables of nftables are called. */
  readonly table: string;
  /** False: nobody is guarded. */
  readonly guards: boolean;
  /** Bridges that ports' taps are in; those in others are none of ours. */
  isOurs(bridge: string): boolean;
}

export function makeFilters({ ctx, rules, others = [], table, guards, isOurs }: FiltersGiven): Filters {
  const firewall = new Firewall({ host: ctx.host, table, rules });
  const zones = new Zones();
  const quarantine = new Map<string, string>();
  /** Bridges whose connections are to be judged; survives a failed attempt. */
  const toJudge = new Set<string>();
  let last: Last | undefined;
  let freed: number[] = [];
  /** Rules changed since connections were last looked at: what is cut may be permitted again. */
  let changed = true;
  let inherited = true;
  const left = [...others];

  /** False where the kernel cannot show bridged packets to iptables: then every guarded port is shut. */
  let canFilter = true;

  const filters: Filters = {
    async load(first) {
      [canFilter] = await Promise.all([enableBridgeFilter(ctx.host.files), firewall.load()]);
      quarantine.clear();
      if (!first) return;
      zones.adopt(firewall.zones());
      for (const other of left) {
        await other.load();
        zones.adopt(other.zones());
      }
    },

    admittedBefore: () => firewall.admitted(),

    async apply(view, plan, links) {
      const assigned = zones.assign(new Set(plan.bridges.keys()));
      await flushZones(assigned.fresh);
      freed.push(...assigned.freed);
      if (guards && !canFilter)
        for (const tap of plan.taps.keys())
          quarantine.set(tap, 'this kernel does not show bridged packets to the filters of IP (br_netfilter)');
      const wanted = (): FirewallPlan => planFirewall({ view, plan, links, zoneOf: b => zones.get(b), quarantine, guards, isOurs });
      const { applied, shrunk } = await applyIsolated(wanted, device => links.get(device)?.master !== undefined);
      for (const other of [...left]) {
        await other.remove();
        left.shift();
      }
      if (inherited) await emptyInherited(ctx.host.nft);
      inherited = false;
      for (const bridge of bridgesToJudge(plan, last, applied, shrunk)) toJudge.add(bridge);
      last = { applied, plan };
      changed ||= shrunk.changed;
      await flushZones(freed);
      freed = [];
      return applied;
    },

    async endConnections(view, plan) {
      if (!last || (toJudge.size === 0 && !(changed && firewall.cuts().size > 0))) return;
      const { applied } = last;
      const cuts = Map.groupBy(firewall.cuts().values(), c => plan.taps.get(c.device)?.bridge);
      const kept: Cut[] = [];
      const zoned = new Map<number, FlowView>();
      for (const bridge of plan.bridges.keys()) {
        const judges = toJudge.has(bridge);
        if (!judges && !cuts.has(bridge)) continue;
        const here = flowView(bridge, view, plan, applied);
        kept.push(...(cuts.get(bridge) ?? []).filter(c => stillDenied(c, here)));
        const zone = zones.get(bridge);
        if (judges && zone !== undefined) zoned.set(zone, here);
      }
      const judged = await judgeZones(ctx.host.conntrack, zoned);
      await cut(applied, [...kept, ...judged.cuts]);
      await ctx.host.conntrack.flush(hostNetns, judged.filters);
      toJudge.clear();
      changed = false;
    },
  };

  const flushZones = async (all: readonly number[]): Promise<void> => {
    const each = all.flatMap(zone => ([4, 6] as const).map(family => ({ zone, family })));
    if (each.length > 0) await ctx.host.conntrack.flush(hostNetns, each);
  };

  /** Ports that a tool refuses are set aside, and the others go on. */
  const applyIsolated = async (
    wanted: () => FirewallPlan,
    plugged: (device: string) => boolean,
  ): Promise<{ applied: FirewallPlan; shrunk: Shrunk }> => {
    for (let tries = 0; ; tries++) {
      const applied = wanted();
      try {
        return { applied, shrunk: await firewall.apply(applied, plugged) };
      } catch (error) {
        if (!(error instanceof RefusedFor) || tries >= MAX_QUARANTINED) throw error;
        for (const device of error.devices) quarantine.set(device, `its rules were refused: ${String(error)}`);
        await firewall.load();
      }
    }
  };

  /** The set of cut connections is bounded; when it is full, what is cut already stays so. */
  const cut = async (applied: FirewallPlan, cuts: readonly Cut[]): Promise<void> => {
    const before = firewall.cuts();
    const same = cuts.length === before.size && cuts.every(c => before.has(cutElement(c)));
    if (same) return;
    try {
      await firewall.cut(applied, cuts);
    } catch (error) {
      if (!(error instanceof HostRefusal)) throw error;
      ctx.log.error('connections could not be cut for good', { count: cuts.length, error: String(error) });
    }
  };

  return filters;
}

/** Makes bridged IP pass iptables; false where the kernel cannot (no br_netfilter). */
async function enableBridgeFilter(files: Files): Promise<boolean> {
  const keys = ['net/bridge/bridge-nf-call-iptables', 'net/bridge/bridge-nf-call-ip6tables'];
  const done = await Promise.all(keys.map(key => files.sysctl(hostNetns, key, '1')));
  return done.every(Boolean);
}

interface Last {
  readonly applied: FirewallPlan;
  readonly plan: Bridged;
}

/** Bridges on which a port lost a rule, a member, or its place. */
function bridgesToJudge(plan: Bridged, before: Last | undefined, now: FirewallPlan, shrunk: Shrunk): ReadonlySet<string> {
  // An agent that was killed may have changed rules without ending what they had permitted: the first look is at everything.
  if (!before) return new Set(now.input.filtered.length + now.input.closed.length > 0 ? plan.bridges.keys() : []);
  const closed = now.input.closed.map(p => p.device).filter(d => before.applied.admitted.has(d));
  const guarded = now.input.filtered.map(p => p.device);
  const wasOpen = new Set(before.applied.input.open);
  const lost = guarded.filter(d => wasOpen.has(d) || shrunk.devices.has(d));
  const bridges = [...closed, ...lost].map(d => plan.taps.get(d)?.bridge);
  // A port that went leaves its bridge, which may have others.
  const left = [...before.applied.admitted].filter(d => !now.admitted.has(d)).map(d => before.plan.taps.get(d)?.bridge);
  return new Set([...bridges, ...left].filter(b => b !== undefined && plan.bridges.has(b)) as string[]);
}
