// Conntrack zones: one per network on this host, never two networks in one, and the same again after a restart.

const FIRST = 4097;
const LAST = 65_535;

export class Zones {
  private readonly byBridge = new Map<string, number>();

  /** What the kernel's rules say, on which the first assignment builds. */
  adopt(found: ReadonlyMap<string, number>): void {
    const taken = new Set(this.byBridge.values());
    for (const [bridge, zone] of found) {
      if (zone < FIRST || taken.has(zone) || this.byBridge.has(bridge)) continue;
      this.byBridge.set(bridge, zone);
      taken.add(zone);
    }
  }

  get(bridge: string): number | undefined {
    return this.byBridge.get(bridge);
  }

  /** Zones for these bridges and no others. `fresh` must be emptied before use, `freed` are not used any more. */
  assign(bridges: ReadonlySet<string>): { readonly fresh: readonly number[]; readonly freed: readonly number[] } {
    const freed: number[] = [];
    for (const [bridge, zone] of this.byBridge) {
      if (bridges.has(bridge)) continue;
      this.byBridge.delete(bridge);
      freed.push(zone);
    }
    const fresh: number[] = [];
    // A zone that was just freed may still be named by rules of the last pass.
    const taken = new Set([...this.byBridge.values(), ...freed]);
    let candidate = FIRST;
    for (const bridge of [...bridges].filter(b => !this.byBridge.has(b)).sort()) {
      while (taken.has(candidate)) candidate++;
      if (candidate > LAST) throw new Error('no conntrack zone is left');
      taken.add(candidate);
      this.byBridge.set(bridge, candidate);
      fresh.push(candidate);
    }
    return { fresh, freed };
  }
}
