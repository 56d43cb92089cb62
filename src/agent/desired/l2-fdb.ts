// What l2population has told: for each network of tunnels, behind which tunnel end a MAC is, and which MAC an address has.
import { canonicalIp } from '../../domain/net/ip.ts';
import { parseMac } from '../../domain/net/mac.ts';

/** The pair that stands for "flood to this end". */
export const FLOOD_MAC = '00:00:00:00:00:00';

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

/** Reads `{network: {segment_id, network_type, ports: {end: [[mac, ip]]}}}`; what is not understood, or of no type named, is left out. */
export function parseFdbEntries(wire: unknown, types: readonly string[]): FdbUpdate[] {
  return Object.entries(record(wire)).flatMap(([network, value]) => {
    const entry = record(value);
    return types.some(t => t === entry['network_type']) ? [{ network, ends: parseEnds(entry['ports']) }] : [];
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
