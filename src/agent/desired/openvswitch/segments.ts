// The networks of this host as the switch sees them: a segment each, with a VLAN that means something on this host alone.

export interface Segment {
  readonly network: string;
  readonly type: string;
  readonly physical: string | null;
  readonly id: number | null;
}

export const segmentKey = ({ network, id }: Pick<Segment, 'network' | 'id'>): string => `${network}/${id ?? 'None'}`;

/** A port's `other_config`, by which a restart finds the VLAN of its segment again. */
export function portConfig({ network, type, physical, id }: Segment, vlan: number): Record<string, string> {
  return {
    net_uuid: network,
    network_type: type,
    physical_network: physical ?? 'None',
    tag: String(vlan),
    ...(id === null ? {} : { segmentation_id: String(id) }),
  };
}

const FIRST = 1;
const LAST = 4094;

/** What a port of the last life says: its tag, and its `other_config`. */
export interface FoundTag {
  readonly tag: number | undefined;
  readonly otherConfig: Readonly<Record<string, string>>;
}

export class LocalVlans {
  private readonly bySegment = new Map<string, number>();
  private readonly freed = new Set<number>();
  private readonly fresh = new Set<number>();

  /** The first assignment builds on it; of two ports that disagree the first one counts. */
  adopt(found: Iterable<FoundTag>): void {
    const taken = new Set(this.bySegment.values());
    for (const { tag, otherConfig } of found) {
      const { net_uuid: network, segmentation_id, tag: told } = otherConfig;
      const vlan = Number(told);
      if (network === undefined || !Number.isInteger(vlan) || vlan < FIRST || vlan > LAST || tag !== vlan) continue;
      const key = segmentKey({ network, id: segmentation_id === undefined ? null : Number(segmentation_id) });
      if (taken.has(vlan) || this.bySegment.has(key)) continue;
      this.bySegment.set(key, vlan);
      taken.add(vlan);
    }
  }

  get(key: string): number | undefined {
    return this.bySegment.get(key);
  }

  /**
   * VLANs for these segments and no others. Those of `freed` may be named until `settled`, and are given to nobody before. What was kept of those
   * of `fresh` may be another network's: of one that had the VLAN in this life, or in the last.
   */
  assign(keys: ReadonlySet<string>): {
    readonly freed: readonly number[];
    readonly fresh: readonly number[];
    readonly without: readonly string[];
  } {
    for (const [key, vlan] of this.bySegment) {
      if (keys.has(key)) continue;
      this.bySegment.delete(key);
      this.fresh.delete(vlan);
      this.freed.add(vlan);
    }
    const taken = new Set([...this.bySegment.values(), ...this.freed]);
    const without: string[] = [];
    let candidate = FIRST;
    for (const key of [...keys].filter(k => !this.bySegment.has(k)).sort()) {
      while (taken.has(candidate)) candidate++;
      if (candidate > LAST) without.push(key);
      else {
        taken.add(candidate);
        this.fresh.add(candidate);
        this.bySegment.set(key, candidate);
      }
    }
    return { freed: [...this.freed], fresh: [...this.fresh], without };
  }

  /** Nothing names a VLAN that was freed any more, and nothing is kept of what was before. */
  settled(): void {
    this.freed.clear();
    this.fresh.clear();
  }
}
