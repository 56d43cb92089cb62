// Keeps the FDB and the neighbours of our VXLAN devices as l2population tells; what the kernel holds at the start counts as told.
import type { Links } from '../../contracts/host/links.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import type { Log } from '../../contracts/log.ts';
import { emptyFdb, type FdbState } from '../desired/l2-fdb.ts';
import type { HostPlan } from '../desired/linuxbridge.ts';
import { fdbOf, fdbSteps } from '../desired/linuxbridge-fdb.ts';
import { inherit } from '../l2/inherit.ts';
import type { View } from '../l2/view.ts';

export class FdbSync {
  private readonly links: Links;
  private readonly log: Log;
  /** Device → what it holds. */
  private readonly actual = new Map<string, FdbState>();
  /** Devices whose entries of a former life were taken over. */
  private readonly inherited = new Set<string>();
  private found: { readonly fdb: Parameters<typeof fdbOf>[1]; readonly neighbours: Parameters<typeof fdbOf>[2] } = {
    fdb: [],
    neighbours: [],
  };

  constructor(links: Links, log: Log) {
    this.links = links;
    this.log = log;
  }

  /** Reads what the kernel holds. */
  async load(): Promise<void> {
    const [fdb, neighbours] = await Promise.all([this.links.fdb(hostNetns), this.links.neighbours(hostNetns)]);
    this.found = { fdb, neighbours };
    this.actual.clear();
  }

  /** A device that was made anew is empty. */
  forget(dev: string): void {
    this.actual.set(dev, emptyFdb());
    this.inherited.add(dev);
  }

  /** Rejects when the kernel refused an entry: what it holds is to be read anew. */
  async apply(view: View, plan: HostPlan): Promise<void> {
    const tunnels = [...plan.bridges.values()].flatMap(b =>
      b.uplink?.kind === 'vxlan' && b.uplink.group === undefined ? [{ network: b.network, dev: b.uplink.name }] : [],
    );
    this.keepOnly(view, tunnels);
    const steps = tunnels.flatMap(({ network, dev }) => fdbSteps(dev, this.known(dev, network, view), view.fdbOf(network)));
    if (steps.length === 0) return;
    // What is told while the steps are taken is for the next pass.
    const told = tunnels.map(({ network, dev }) => [dev, structuredClone(view.fdbOf(network))] as const);
    const refused = await this.links.apply(hostNetns, steps);
    for (const [dev, state] of told) this.actual.set(dev, state);
    for (const r of refused) this.log.warning('forwarding entry refused', { step: steps[r.index], reason: r.reason });
    if (refused.length > 0) throw new Error(`${refused.length} forwarding entries were refused`);
  }

  private keepOnly(view: View, tunnels: readonly { readonly network: string; readonly dev: string }[]): void {
    const devices = new Set(tunnels.map(t => t.dev));
    for (const dev of this.actual.keys()) if (!devices.has(dev)) this.actual.delete(dev);
    for (const dev of this.inherited) if (!devices.has(dev)) this.inherited.delete(dev);
    const networks = new Set(tunnels.map(t => t.network));
    for (const network of view.fdb.keys()) if (!networks.has(network)) view.fdb.delete(network);
  }

  private known(dev: string, network: string, view: View): FdbState {
    const known = this.actual.get(dev);
    if (known) return known;
    const found = fdbOf(dev, this.found.fdb, this.found.neighbours);
    this.actual.set(dev, found);
    if (!this.inherited.has(dev)) inherit(view, network, found);
    this.inherited.add(dev);
    return found;
  }
}
