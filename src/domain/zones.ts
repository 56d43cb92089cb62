// Availability zones: which agents come into question for something that asks for zones, and how several are spread over them.

export interface ZoneAgent {
  readonly id: string;
  readonly zone: string | null;
  /** What it serves already. */
  readonly load: number;
}

/** The agents of these zones; all where none is asked for. */
export function inZones<A extends { readonly zone: string | null }>(agents: readonly A[], hints: readonly string[]): A[] {
  return hints.length === 0 ? [...agents] : agents.filter(a => a.zone !== null && hints.includes(a.zone));
}

/** So many of the candidates: each next one of the zone with the fewest so far, and in a zone the one with the least to do. */
export function spread(candidates: readonly ZoneAgent[], serving: readonly ZoneAgent[], count: number): ZoneAgent[] {
  const perZone = new Map<string | null, number>();
  const add = (a: ZoneAgent): void => void perZone.set(a.zone, (perZone.get(a.zone) ?? 0) + 1);
  for (const agent of serving) add(agent);
  const left = [...candidates].sort((a, b) => a.load - b.load);
  const chosen: ZoneAgent[] = [];
  while (chosen.length < count && left.length > 0) {
    const fewest = Math.min(...left.map(a => perZone.get(a.zone) ?? 0));
    const at = left.findIndex(a => (perZone.get(a.zone) ?? 0) === fewest);
    const [agent] = left.splice(at, 1) as [ZoneAgent];
    add(agent);
    chosen.push(agent);
  }
  return chosen;
}
