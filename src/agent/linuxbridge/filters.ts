// The packet filters of a pass: zones, rules with the ports quarantined that the tools refuse, and the connections that a change ends.
import { HostRefusal } from '../../contracts/host/firewall.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import type { AgentContext } from '../context.ts';
import type { HostPlan } from '../desired/linuxbridge.ts';
import type { View } from '../l2/view.ts';
import { setName } from '../render/ipset.ts';
import { portChain } from '../render/iptables-names.ts';
import { type Cut, cutElement } from '../render/nft-bridge.ts';
import { stillDenied } from '../render/security-flows.ts';
import { Firewall, RulesRefused, SetRefused, type Shrunk } from './firewall.ts';
import { type FirewallPlan, planFirewall } from './firewall-plan.ts';
import { flowView, judgeZone } from './flows.ts';
import { emptyInherited } from './inherited.ts';
import type { LinkMap } from './link-steps.ts';
import { Zones } from './zones.ts';

/** More ports than this are not set aside one by one in one pass: then something else is wrong. */
const MAX_QUARANTINED = 20;

export interface Filters {
  /** False where the kernel cannot show bridged packets to iptables: then every guarded port is shut. */
  canFilter: boolean;
  load(first: boolean): Promise<void>;
  admittedBefore(): ReadonlySet<string>;
  apply(view: View, plan: HostPlan, links: LinkMap): Promise<FirewallPlan>;
  /** Ends what the last change does not permit any more. */
  endConnections(view: View, plan: HostPlan): Promise<void>;
}

export function makeFilters(ctx: AgentContext, mappedBridges: ReadonlySet<string>): Filters {
  const guards = ctx.config.linuxbridge?.securityGroups ?? true;
  const firewall = new Firewall(ctx.host);
  const zones = new Zones();
  const quarantine = new Map<string, string>();
  /** Bridges whose connections are to be judged; survives a failed attempt. */
  const toJudge = new Set<string>();
  let last: FirewallPlan | undefined;
  let freed: number[] = [];
  /** Rules changed since connections were last looked at: what is cut may be permitted again. */
  let changed = true;
  let inherited = true;

  const filters: Filters = {
    canFilter: true,

    async load(first) {
      await firewall.load();
      quarantine.clear();
      if (first) zones.adopt(firewall.zones());
    },

    admittedBefore: () => firewall.admitted(),

    async apply(view, plan, links) {
      const assigned = zones.assign(new Set(plan.bridges.keys()));
      await flushZones(assigned.fresh);
      freed.push(...assigned.freed);
      if (guards && !filters.canFilter)
        for (const tap of plan.taps.keys()) quarantine.set(tap, 'this kernel does not show bridged packets to iptables (br_netfilter)');
      const wanted = (): FirewallPlan => planFirewall({ view, plan, links, zoneOf: b => zones.get(b), quarantine, guards, mappedBridges });
      const { applied, shrunk } = await applyIsolated(wanted, device => links.get(device)?.master !== undefined);
      if (inherited) await emptyInherited(ctx.host.nft);
      inherited = false;
      for (const bridge of bridgesToJudge(plan, last, applied, shrunk)) toJudge.add(bridge);
      last = applied;
      changed ||= shrunk.changed;
      await flushZones(freed);
      freed = [];
      return applied;
    },

    async endConnections(view, plan) {
      if (!last || (toJudge.size === 0 && !(changed && firewall.cuts().size > 0))) return;
      const applied = last;
      const views = new Map([...plan.bridges.keys()].map(bridge => [bridge, flowView(bridge, view, plan, applied)]));
      const kept = [...firewall.cuts().values()].filter(c => {
        const here = views.get(plan.taps.get(c.device)?.bridge ?? '');
        return here !== undefined && stillDenied(c, here);
      });
      const judged = await Promise.all(
        [...toJudge].map(async bridge => {
          const zone = zones.get(bridge);
          return zone === undefined
            ? { cuts: [], filters: [] }
            : await judgeZone(ctx.host.conntrack, zone, flowView(bridge, view, plan, applied));
        }),
      );
      await cut(applied, [...kept, ...judged.flatMap(j => j.cuts)]);
      await ctx.host.conntrack.flush(
        hostNetns,
        judged.flatMap(j => j.filters),
      );
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
        const guilty = tries < MAX_QUARANTINED ? culprits(error, applied) : [];
        if (guilty.length === 0) throw error;
        for (const device of guilty) quarantine.set(device, `its rules were refused: ${String(error)}`);
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

/** The devices for whose sake a tool refused; none when it is not about a port. */
function culprits(error: unknown, plan: FirewallPlan): string[] {
  const { filtered } = plan.input;
  if (error instanceof RulesRefused && error.chain !== undefined) {
    const chains = ['ingress', 'egress', 'spoof'] as const;
    return filtered.filter(p => chains.some(kind => portChain(kind, p.id) === error.chain)).map(p => p.device);
  }
  if (error instanceof SetRefused && error.set !== undefined) {
    return filtered
      .filter(p => p.rules.some(r => r.remoteGroup !== undefined && setName(r.remoteGroup, r.family) === error.set))
      .map(p => p.device);
  }
  return [];
}

/** Bridges on which a port lost a rule, a member, or its place. */
function bridgesToJudge(plan: HostPlan, before: FirewallPlan | undefined, now: FirewallPlan, shrunk: Shrunk): Set<string> {
  const bridges = new Set<string>();
  const add = (device: string): void => {
    const bridge = plan.taps.get(device)?.bridge;
    if (bridge !== undefined) bridges.add(bridge);
  };
  for (const port of now.input.filtered) {
    const chains = [portChain('ingress', port.id), portChain('egress', port.id), portChain('spoof', port.id)];
    const sets = port.rules.flatMap(r => (r.remoteGroup === undefined ? [] : [setName(r.remoteGroup, r.family)]));
    const wasOpen = before?.input.open.includes(port.device) ?? false;
    if (wasOpen || chains.some(c => shrunk.chains.has(c)) || sets.some(s => shrunk.sets.has(s))) add(port.device);
  }
  for (const port of now.input.closed) if (!before || before.admitted.has(port.device)) add(port.device);
  // A port that went leaves its bridge, which may have others; its own is not in the plan any more. And an agent that was killed may
  // have changed rules without ending what they had permitted: the first look is at everything.
  const left = before ? [...before.admitted].some(d => !now.admitted.has(d)) : now.input.filtered.length > 0;
  if (left) for (const bridge of plan.bridges.keys()) bridges.add(bridge);
  return bridges;
}
