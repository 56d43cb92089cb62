// What tells flows apart and what makes them equal; the text of a flow; the difference of two tables.
import { actionsText } from './action-text.ts';
import { canonicalMatch } from './canonical.ts';
import type { Flow, FlowFlag, FlowIdentity } from './flow.ts';
import { matchTerms } from './match-text.ts';

/** Equal for flows of one identity, however their matches are spelled. Throws BadFlow. */
export function flowKey(flow: FlowIdentity): string {
  const terms: string[] = [];
  for (const [name, { value, mask }] of canonicalMatch(flow.match)) terms.push(`${name}=${value.toString(36)}/${mask.toString(36)}`);
  for (const tlv of (flow.match.opaque ?? []).toSorted()) terms.push(tlv);
  return `${flow.table},${flow.priority},${terms.join(',')}`;
}

/** Flags that a flow keeps; the others are said once, when it is added. */
const KEPT: readonly FlowFlag[] = ['send_flow_rem', 'no_packet_counts', 'no_byte_counts'];

/** In OVS's order. A flow also remembers that counters were to begin anew, which makes no difference. */
const PRINTED: readonly FlowFlag[] = ['send_flow_rem', 'check_overlap', 'reset_counts', 'no_packet_counts', 'no_byte_counts'];

/** Everything that a flow is besides its identity. */
const rest = (flow: Flow): string =>
  [
    flow.cookie,
    flow.idle_timeout ?? 0,
    flow.hard_timeout ?? 0,
    KEPT.filter(f => flow.flags?.includes(f)).join(','),
    actionsText(flow.actions),
  ].join(' ');

/** Of two flows of one identity: the same cookie, timeouts, flags that last, and actions. */
export const sameEffect = (a: Flow, b: Flow): boolean => rest(a) === rest(b);

/** The same identity, and the same besides. */
export const sameFlow = (a: Flow, b: Flow): boolean => flowKey(a) === flowKey(b) && sameEffect(a, b);

/** A line that `ovs-ofctl -O OpenFlow14 add-flow` takes, but for what is opaque. */
export function flowText(flow: Omit<Flow, 'cookie'> & { readonly cookie?: bigint }): string {
  const head = [
    ...(flow.cookie === undefined ? [] : [`cookie=0x${flow.cookie.toString(16)}`]),
    `table=${flow.table}`,
    ...(flow.idle_timeout ? [`idle_timeout=${flow.idle_timeout}`] : []),
    ...(flow.hard_timeout ? [`hard_timeout=${flow.hard_timeout}`] : []),
  ];
  const flags = PRINTED.filter(f => flow.flags?.includes(f)).map(f => `${f} `);
  return `${head.join(', ')}, ${flags.join('')}${identityTerms(flow)} actions=${actionsText(flow.actions)}`;
}

/** `table=60, priority=3,in_port=1`: a flow without what it does. */
export const identityText = (flow: FlowIdentity): string => `table=${flow.table}, ${identityTerms(flow)}`;

const identityTerms = (flow: FlowIdentity): string => [`priority=${flow.priority}`, ...matchTerms(flow.match)].join(',');

/** What has to be added (or put in another's place) and what has to go, so that the found flows become the wanted ones. The last of two wanted of one identity counts. */
export function flowDifference(
  found: Iterable<Flow>,
  wanted: Iterable<Flow>,
): { readonly add: readonly Flow[]; readonly gone: readonly Flow[] } {
  const want = new Map<string, Flow>();
  for (const flow of wanted) want.set(flowKey(flow), flow);
  const gone: Flow[] = [];
  for (const flow of found) {
    const key = flowKey(flow);
    const other = want.get(key);
    if (!other) gone.push(flow);
    else if (rest(other) === rest(flow)) want.delete(key);
  }
  return { add: [...want.values()], gone };
}
