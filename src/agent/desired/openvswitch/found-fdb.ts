// What an agent's last life had been told by l2population, out of the flows that it left.
import type { Action } from '../../../domain/openflow/actions.ts';
import type { Flow } from '../../../domain/openflow/flow.ts';
import { emptyFdb, type FdbState } from '../l2-fdb.ts';
import { tunTable as t } from './tables.ts';

export interface FoundFdbGiven {
  /** Of the tunnel bridge. */
  readonly flows: Iterable<Flow>;
  networkOf(vlan: number): string | undefined;
  /** The far end of a port's tunnel. */
  remoteOf(port: number): string | undefined;
}

/** By network. What was learned from frames is not among it. */
export function foundFdb({ flows, networkOf, remoteOf }: FoundFdbGiven): Map<string, FdbState> {
  const found = new Map<string, FdbState>();
  for (const { table, match, actions, hard_timeout } of flows) {
    const vid = match.vlan_vid;
    const network = typeof vid === 'number' && !hard_timeout ? networkOf(vid & 0xfff) : undefined;
    if (network === undefined) continue;
    const state = found.get(network) ?? emptyFdb();
    found.set(network, state);
    const ends = actions.flatMap(a => (a.do === 'output' && typeof a.port === 'number' ? (remoteOf(a.port) ?? []) : []));
    if (table === t.flood) for (const end of ends) state.flood.add(end);
    else if (table === t.unicast && match.eth_dst !== undefined && ends[0] !== undefined) state.unicast.set(match.eth_dst, ends[0]);
    else if (table === t.arpResponder && match.arp_tpa !== undefined) answerOf(state, match.arp_tpa, actions);
  }
  return found;
}

function answerOf(state: FdbState, ip: string, actions: readonly Action[]): void {
  for (const a of actions) if (a.do === 'set_field' && a.field === 'arp_sha') state.neighbours.set(ip, a.value);
}
