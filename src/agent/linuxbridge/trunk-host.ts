// The Linux bridge agent's side of trunks: a subport is a VLAN device on its parent's tap, with the name of a tap of its own. The kernel takes it away with
// the parent's tap.
import type { Link, LinkChange, Links } from '../../contracts/host/links.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import { isTapName, tapName } from '../desired/linuxbridge-names.ts';
import type { Trunk } from '../desired/trunk.ts';
import type { BoundSubPort, TrunkHost } from '../l2/trunks/host.ts';
import type { View } from '../l2/view.ts';
import { byName } from './link-steps.ts';

export interface BridgeTrunkGiven {
  readonly links: Links;
  readonly view: View;
}

export class BridgeTrunkHost implements TrunkHost {
  private readonly given: BridgeTrunkGiven;

  constructor(given: BridgeTrunkGiven) {
    this.given = given;
  }

  /** Any port of an instance may be one. After each word of the server on it the trunk is asked for anew. */
  async parents(): Promise<ReadonlyMap<string, unknown>> {
    return new Map(
      [...this.given.view.devices.values()].flatMap(({ answer }): [string, unknown][] => {
        if (answer?.kind !== 'port') return [];
        const { port_id, device_owner } = answer.details;
        return device_owner.startsWith('network:') || device_owner === 'trunk:subport' ? [] : [[port_id, answer]];
      }),
    );
  }

  async clear(trunks: ReadonlyMap<string, Trunk | null>): Promise<void> {
    const { links } = this.given;
    const wanted = new Map([...trunks].map(([parent, trunk]) => [tapName(parent), tagsOf(trunk)]));
    const stale = (await links.list(hostNetns)).filter(link => {
      const tags = link.vlan && isTapName(link.name) ? wanted.get(link.vlan.dev) : undefined;
      return tags !== undefined && tags.get(link.name) !== link.vlan?.id;
    });
    if (stale.length === 0) return;
    await links.apply(
      hostNetns,
      stale.map((link): LinkChange => ({ do: 'del-link', name: link.name })),
    );
  }

  /** Devices are made down: the next pass gives them their filters, and then their bridge. */
  async wire({ port_id }: Trunk, subPorts: readonly BoundSubPort[]): Promise<ReadonlyMap<string, string>> {
    const { links } = this.given;
    const dev = tapName(port_id);
    const there = byName(await links.list(hostNetns));
    const failed = new Map<string, string>();
    // It has gone meanwhile: the next pass will miss it.
    if (!there.has(dev)) return failed;
    const missing = subPorts.filter(s => !isWired(there.get(tapName(s.port_id)), dev, s));
    if (missing.length === 0) return failed;
    const refused = await links.apply(
      hostNetns,
      missing.map((s): LinkChange => ({ do: 'add-link', link: { kind: 'vlan', name: tapName(s.port_id), dev, id: s.segmentation_id } })),
    );
    for (const { index, reason } of refused) {
      const sub = missing[index];
      if (sub) failed.set(sub.port_id, explain(reason));
    }
    return failed;
  }

  /** What went with its tap has left nothing. */
  async sweep(): Promise<undefined> {
    return undefined;
  }
}

const tagsOf = (trunk: Trunk | null): Map<string, number> =>
  new Map((trunk?.sub_ports ?? []).map(s => [tapName(s.port_id), s.segmentation_id]));

const isWired = (link: Link | undefined, dev: string, sub: BoundSubPort): boolean =>
  link?.vlan?.dev === dev && link.vlan.id === sub.segmentation_id;

const explain = (reason: string): string =>
  /Unknown device type|not supported/i.test(reason) ? `this kernel has no VLAN devices (module 8021q): ${reason}` : reason;
