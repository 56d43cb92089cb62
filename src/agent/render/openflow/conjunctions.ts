// Rules with a remote group as conjunctions: the members are one half, the ports' rules the other, so that a member more is one flow.
import type { IpVersion } from '../../../domain/net/ip.ts';
import type { Action } from '../../../domain/openflow/actions.ts';
import { fingerprint } from '../fingerprint.ts';
import type { Direction, Rule } from '../security-rules.ts';
import { firewallTable as t } from './tables.ts';

/** Of both halves and of what follows from them: a switch joins halves of one priority only. */
export const CONJUNCTION_PRIORITY = 70;

/** What all ports share that have a rule with this remote group. */
export interface Conjunction {
  readonly group: string;
  readonly direction: Direction;
  readonly family: IpVersion;
  /** Whether the rules ask for state. */
  readonly stateful: boolean;
}

export const rulesTable = (direction: Direction): number => (direction === 'egress' ? t.rulesEgress : t.rulesIngress);

export function conjunctionOf({ remoteGroup, direction, family }: Rule, stateful: boolean): Conjunction | undefined {
  return remoteGroup === undefined ? undefined : { group: remoteGroup, direction, family, stateful };
}

/** Numbers of conjunctions that are gone, which are of no use to anybody. */
const CROWD = 1000;

const keyOf = ({ group, direction, family, stateful }: Conjunction): string =>
  `${group} ${direction} ${family} ${stateful ? 'stateful' : 'stateless'}`;

/** Numbers of conjunctions: made from what they stand for, so that an agent that begins anew finds its flows equal. */
export class ConjunctionIds {
  private readonly numbers = new Map<string, number>();
  private readonly keys = new Map<number, string>();

  /** 1…2³²-1, the same for the same conjunction as long as this lives. */
  of(conjunction: Conjunction): number {
    const key = keyOf(conjunction);
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    let id = Number.parseInt(fingerprint(key).slice(-8), 16);
    while (id === 0 || this.keys.has(id)) id = (id + 1) % 2 ** 32;
    this.numbers.set(key, id);
    this.keys.set(id, key);
    return id;
  }

  /** Whether much more is remembered than the `used` ones. */
  isCrowded(used: number): boolean {
    return this.numbers.size > 2 * used + CROWD;
  }
}

/** One half, 1 or 2, of each of these. */
export const clause = (ids: Iterable<number>, half: 1 | 2): Action[] =>
  [...ids].sort((a, b) => a - b).map(id => ({ do: 'conjunction', id, clause: half, of: 2 }));
