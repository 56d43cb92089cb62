// The driver for Linux bridges: a pair of veths, whose outer end the L2 agent finds by its name and puts into its network's bridge.
import type { Host } from '../../contracts/host/host.ts';
import type { Link } from '../../contracts/host/links.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import { applyRemovals } from './batches.ts';
import { Coalesced } from './coalesced.ts';
import type { DriverNews, InterfaceDriver, Outside, PlugJob, PortDevice, Problem, Verdict } from './driver.ts';
import { keyIn, outerName } from './names.ts';
import { adjustPairs, clearDevices, makePairs } from './pairs.ts';

type Doors = Pick<Host, 'links' | 'files'>;

export class LinuxbridgeDriver implements InterfaceDriver {
  readonly name = 'linuxbridge';
  readonly dhcpPrefix = 'ns-';
  private readonly host: Doors;
  private readonly outside: Coalesced<ReadonlyMap<string, Link>>;

  constructor(host: Doors) {
    this.host = host;
    this.outside = new Coalesced(async () => new Map((await host.links.list(hostNetns)).map(l => [l.name, l])));
  }

  async look(): Promise<Outside> {
    const links = await this.outside.get();
    return {
      judge: (device, inside) => judgePair(device, inside, links.get(outerName(device.portId))),
      wired: ({ portId }) => links.get(outerName(portId))?.master !== undefined,
    };
  }

  async plug(jobs: readonly PlugJob[]): Promise<readonly Problem[]> {
    const anew = jobs.filter(j => j.verdict.kind === 'anew').map(j => j.device);
    await clearDevices(this.host.links, anew);
    const made = await makePairs(this.host, anew);
    const rest = jobs.filter(j => j.verdict.kind === 'adjust').map(j => j.device);
    return [...made, ...(await adjustPairs(this.host.links, rest))];
  }

  async unplug(netns: string, names: readonly string[]): Promise<void> {
    // The outer ends go with the inner ones.
    await applyRemovals(
      this.host.links,
      netns,
      names.map(name => ({ do: 'del-link', name })),
    );
  }

  watch(news: DriverNews): AsyncDisposable {
    return this.host.links.watch(
      hostNetns,
      ({ kind, name }) => {
        const key = kind === 'removed' ? keyIn(name) : undefined;
        if (key !== undefined) news.lost(key);
        news.changed();
      },
      () => news.changed(),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A pair whose other end went astray, or whose address changed (its link-local one would stay behind), is made anew. */
export function judgePair(device: PortDevice, inside: Link | undefined, outer: Link | undefined): Verdict {
  const whole = inside?.kind === 'veth' && inside.mac === device.mac && outer?.kind === 'veth';
  if (!whole && outer && outer.kind !== 'veth')
    return { kind: 'refused', why: `${outer.name} on the host is not ours: ${outer.kind || 'a physical device'}` };
  if (!whole) return { kind: 'anew' };
  return outer.up && (device.mtu === 0 || outer.mtu === device.mtu) ? { kind: 'whole' } : { kind: 'adjust' };
}
