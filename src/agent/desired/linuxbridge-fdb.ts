// What l2population has told: for each VXLAN network, behind which tunnel end a MAC is, and which MAC an address has.
import { canonicalIp } from '../../domain/net/ip.ts';
import { parseMac } from '../../domain/net/mac.ts';

/** The pair that stands for "flood to this end". */
const FLOOD_MAC = '00:00:00:00:00:00';

export interface FdbState {
  /** Ends that unknown and broadcast frames go to. */
  readonly flood: Set<string>;
  /** MAC → end. */
  readonly unicast: Map<string, string>;
  /** Address → MAC. */
  readonly neighbours: Map<string, string>;
}

export const emptyFdb = (): FdbState => ({ flood: new Set(), unicast: new Map(), neighbours: new Map() });

type Pair = readonly [mac: string, ip: string];
/** Tunnel end → pairs, checked. */
type Ends = ReadonlyMap<string, readonly Pair[]>;

export interface FdbUpdate {
  readonly network: string;
  readonly ends: Ends;
}

/** Reads `{network: {segment_id, network_type, ports: {end: [[mac, ip]]}}}`; what is not understood is left out. */
export function parseFdbEntries(wire: unknown): FdbUpdate[] {
  return Object.entries(record(wire)).flatMap(([network, value]) => {
    const entry = record(value);
    return entry['network_type'] === 'vxlan' ? [{ network, ends: parseEnds(entry['ports']) }] : [];
  });
}

export interface IpChange {
  readonly network: string;
  readonly end: string;
  readonly before: readonly Pair[];
  readonly after: readonly Pair[];
}

/** Reads `{chg_ip: {network: {end: {before, after}}}}`. */
export function parseFdbChanges(wire: unknown): IpChange[] {
  return Object.entries(record(record(wire)['chg_ip'])).flatMap(([network, ends]) =>
    Object.entries(record(ends)).flatMap(([end, change]) => {
      const address = canonicalIp(end);
      const { before, after } = record(change);
      return address === undefined ? [] : [{ network, end: address, before: parsePairs(before), after: parsePairs(after) }];
    }),
  );
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

function parseEnds(wire: unknown): Ends {
  const ends = new Map<string, readonly Pair[]>();
  for (const [end, pairs] of Object.entries(record(wire))) {
    const address = canonicalIp(end);
    if (address !== undefined) ends.set(address, parsePairs(pairs));
  }
  return ends;
}

function parsePairs(wire: unknown): Pair[] {
  if (!Array.isArray(wire)) return [];
  return wire.flatMap((pair: unknown) => {
    const [mac, ip] = Array.isArray(pair) ? (pair as unknown[]) : [];
    const m = typeof mac === 'string' ? parseMac(mac) : undefined;
    const address = typeof ip === 'string' ? canonicalIp(ip) : undefined;
    return m === undefined || address === undefined ? [] : [[m, address] as const];
  });
}

/** `own` is this host's tunnel end: the server sends a host its own entries back. */
export function addFdb(state: FdbState, ends: Ends, own: string): void {
  for (const [end, pairs] of ends) {
    if (end === own) continue;
    for (const [mac, ip] of pairs) {
      if (mac === FLOOD_MAC) state.flood.add(end);
      else {
        state.unicast.set(mac, end);
        state.neighbours.set(ip, mac);
      }
    }
  }
}

export function removeFdb(state: FdbState, ends: Ends, own: string): void {
  for (const [end, pairs] of ends) {
    if (end === own) continue;
    for (const [mac, ip] of pairs) {
      if (mac === FLOOD_MAC) state.flood.delete(end);
      else removePair(state, end, mac, ip);
    }
  }
}

/** A port that has moved is added at its new end before it is removed at the old one: then nothing is to be done. */
function removePair(state: FdbState, end: string, mac: string, ip: string): void {
  if (state.unicast.get(mac) !== end) return;
  if (state.neighbours.get(ip) === mac) state.neighbours.delete(ip);
  if (![...state.neighbours.values()].includes(mac)) state.unicast.delete(mac);
}

export function changeIp(state: FdbState, change: IpChange, own: string): void {
  if (change.end === own) return;
  for (const [mac, ip] of change.before) if (state.neighbours.get(ip) === mac) state.neighbours.delete(ip);
  addFdb(state, new Map([[change.end, change.after]]), own);
}

/** Changes of one device's FDB and neighbour table, in the words of the door to links. */
export type FdbStep =
  | { readonly do: 'add-fdb' | 'del-fdb'; readonly dev: string; readonly mac: string; readonly dst: string }
  | { readonly do: 'replace-neighbour'; readonly dev: string; readonly ip: string; readonly mac: string }
  | { readonly do: 'del-neighbour'; readonly dev: string; readonly ip: string };

export function fdbSteps(dev: string, actual: FdbState, desired: FdbState): FdbStep[] {
  const steps: FdbStep[] = [];
  for (const dst of desired.flood) if (!actual.flood.has(dst)) steps.push({ do: 'add-fdb', dev, mac: FLOOD_MAC, dst });
  for (const [mac, dst] of desired.unicast) if (actual.unicast.get(mac) !== dst) steps.push({ do: 'add-fdb', dev, mac, dst });
  for (const [ip, mac] of desired.neighbours) if (actual.neighbours.get(ip) !== mac) steps.push({ do: 'replace-neighbour', dev, ip, mac });
  for (const ip of actual.neighbours.keys()) if (!desired.neighbours.has(ip)) steps.push({ do: 'del-neighbour', dev, ip });
  for (const [mac, dst] of actual.unicast) if (!desired.unicast.has(mac)) steps.push({ do: 'del-fdb', dev, mac, dst });
  for (const dst of actual.flood) if (!desired.flood.has(dst)) steps.push({ do: 'del-fdb', dev, mac: FLOOD_MAC, dst });
  return steps;
}

/** The state of one device out of what the kernel lists. */
export function fdbOf(
  dev: string,
  fdb: readonly { readonly dev: string; readonly mac: string; readonly dst?: string; readonly permanent: boolean }[],
  neighbours: readonly { readonly dev: string; readonly ip: string; readonly mac: string; readonly permanent: boolean }[],
): FdbState {
  const state = emptyFdb();
  for (const entry of fdb) {
    const dst = entry.dev === dev && entry.permanent && entry.dst !== undefined ? canonicalIp(entry.dst) : undefined;
    if (dst === undefined) continue;
    if (entry.mac === FLOOD_MAC) state.flood.add(dst);
    else state.unicast.set(entry.mac, dst);
  }
  for (const n of neighbours) if (n.dev === dev && n.permanent) state.neighbours.set(canonicalIp(n.ip) ?? n.ip, n.mac);
  return state;
}
