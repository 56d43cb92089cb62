// Keeps the FDB and the neighbours of our VXLAN devices as l2population tells; what the kernel holds at the start counts as told.
import type { Links } from '../../contracts/host/links.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import type { Log } from '../../contracts/log.ts';
import type { HostPlan } from '../desired/linuxbridge.ts';
import { emptyFdb, type FdbState, fdbOf, fdbSteps } from '../desired/linuxbridge-fdb.ts';
import type { View } from './view.ts';

export class FdbSync {
  private readonly links: Links;
  private readonly log: Log;
  /** Device → what it holds. */
  private actual = new Map<string, FdbState>();
  /** What the kernel held before this agent heard of anything; consumed by network. */
  private inherited: { readonly fdb: Parameters<typeof fdbOf>[1]; readonly neighbours: Parameters<typeof fdbOf>[2] } | undefined;

  constructor(links: Links, log: Log) {
    this.links = links;
    this.log = log;
  }

  async load(): Promise<void> {
    const [fdb, neighbours] = await Promise.all([this.links.fdb(hostNetns), this.links.neighbours(hostNetns)]);
    this.inherited = { fdb, neighbours };
  }

  /** A device that was made anew is empty. */
  forget(dev: string): void {
    this.actual.set(dev, emptyFdb());
  }

  async apply(view: View, plan: HostPlan): Promise<void> {
    const tunnels = [...plan.bridges.values()].flatMap(b =>
      b.uplink?.kind === 'vxlan' && b.uplink.group === undefined ? [{ network: b.network, dev: b.uplink.name }] : [],
    );
    const steps = tunnels.flatMap(({ network, dev }) => fdbSteps(dev, this.known(dev, network, view), view.fdbOf(network)));
    for (const dev of this.actual.keys()) if (!tunnels.some(t => t.dev === dev)) this.actual.delete(dev);
    const networks = new Set(tunnels.map(t => t.network));
    for (const network of view.fdb.keys()) if (!networks.has(network)) view.fdb.delete(network);
    if (steps.length === 0) return;
    const refused = await this.links.apply(hostNetns, steps);
    for (const r of refused) this.log.warning('forwarding entry refused', { step: steps[r.index], reason: r.reason });
    for (const { network, dev } of tunnels) this.actual.set(dev, structuredClone(view.fdbOf(network)));
  }

  private known(dev: string, network: string, view: View): FdbState {
    const known = this.actual.get(dev);
    if (known) return known;
    const found = this.inherited ? fdbOf(dev, this.inherited.fdb, this.inherited.neighbours) : emptyFdb();
    this.actual.set(dev, found);
    inherit(view.fdbOf(network), found);
    return found;
  }
}

/** What was told in this life wins over what was found. */
function inherit(told: FdbState, found: FdbState): void {
  for (const end of found.flood) told.flood.add(end);
  for (const [mac, end] of found.unicast) if (!told.unicast.has(mac)) told.unicast.set(mac, end);
  for (const [ip, mac] of found.neighbours) if (!told.neighbours.has(ip)) told.neighbours.set(ip, mac);
}
