// The firewall `iptables_hybrid`: each port is behind a Linux bridge of its own, where iptables sees its packets before the switch does.
import { hostNetns } from '../../contracts/host/netns.ts';
import type { Bridged } from '../bridge-firewall/bridged.ts';
import { type Filters, makeFilters } from '../bridge-firewall/filters.ts';
import { Firewall } from '../bridge-firewall/firewall.ts';
import { IptablesRules } from '../bridge-firewall/iptables-rules.ts';
import type { AgentContext } from '../context.ts';
import { hybridNames, isHybridBridge } from '../desired/openvswitch/hybrid.ts';
import type { SwitchPlan, Vif } from '../desired/openvswitch/plan.ts';
import { type Guard, shut } from '../l2/guard.ts';
import type { View } from '../l2/view.ts';
import { openvswitchNames } from '../render/iptables-names.ts';

export class HybridFirewall {
  private readonly ctx: AgentContext;
  private readonly filters: Filters;
  private last: Bridged = { taps: new Map(), bridges: new Map() };

  constructor(ctx: AgentContext) {
    this.ctx = ctx;
    this.filters = makeFilters({
      ctx,
      rules: new IptablesRules(ctx.host, openvswitchNames),
      table: openvswitchNames.table,
      guards: true,
      isOurs: isHybridBridge,
    });
  }

  load(first: boolean): Promise<void> {
    return this.filters.load(first);
  }

  /** When it answers, the rules of all ports stand. By device; those that are plugged otherwise are left out. */
  async apply(view: View, plan: SwitchPlan, vifs: ReadonlyMap<string, Vif>): Promise<Map<string, Guard>> {
    // A port keeps its rules while the switch begins again and has no number for it.
    const devices = [...plan.ports.keys(), ...plan.waiting].filter(device => vifs.get(device)?.name === hybridNames(device).qvo);
    this.last = bridgedOf(devices);
    const links = new Map((await this.ctx.host.links.list(hostNetns)).map(l => [l.name, l]));
    const { input, problems } = await this.filters.apply(view, this.last, links);
    const guards = new Map<string, Guard>([
      ...input.open.map((tap): [string, Guard] => [tap, { kind: 'open' }]),
      ...input.filtered.map((port): [string, Guard] => [port.device, { kind: 'guarded', port }]),
      ...[...problems].map(([tap, why]): [string, Guard] => [tap, shut(why)]),
    ]);
    return new Map(
      devices.flatMap(device => {
        const guard = guards.get(hybridNames(device).tap);
        return guard ? [[device, guard] as const] : [];
      }),
    );
  }

  /** Ends what the last change does not permit any more. */
  end(view: View): Promise<void> {
    return this.filters.endConnections(view, this.last);
  }
}

/** Takes away what this firewall, or Neutron's, has left, for when another one guards the ports. */
export const removeHybrid = ({ host }: AgentContext): Promise<void> =>
  new Firewall({ host, table: openvswitchNames.table, rules: new IptablesRules(host, openvswitchNames) }).remove();

function bridgedOf(devices: readonly string[]): Bridged {
  const names = devices.map(device => ({ device, ...hybridNames(device) }));
  return {
    taps: new Map(names.map(({ tap, bridge, device }) => [tap, { name: tap, bridge, device }])),
    bridges: new Map(names.map(({ bridge, qvb }) => [bridge, { name: bridge, uplink: { name: qvb, kind: 'veth' } }])),
  };
}
