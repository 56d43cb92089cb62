// What becomes of the allocation of an instance in Placement when one of its ports gets another QoS policy. Pure.
import { apiError } from './errors.ts';
import { groupName, type QosRule, reservedTypes, resourcesOf } from './qos.ts';

/** By provider and resource class. */
export type Resources = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface PolicyMove {
  /** Of the port's binding profile: the provider of each group of its request. */
  readonly allocation: Readonly<Record<string, string>>;
  readonly before: readonly QosRule[];
  readonly after: readonly QosRule[];
  /** A UUID of the port and a name, the same each time. */
  readonly groupId: (name: string) => string;
}

export interface AllocationChange {
  /** How much more, or less. */
  readonly diff: Resources;
  /** Of the port's profile afterwards. */
  readonly allocation: Readonly<Record<string, string>>;
  /** Types of rules that nobody has allocated anything for: the agents alone see to them. */
  readonly unbacked: readonly string[];
}

const anyDirection = 'NET_PACKET_RATE_KILOPACKET_PER_SEC';
const oneDirection = ['NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC', 'NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC'];

/** Undefined: there is nothing to be changed. Each type of rules is a group of the request, and stays with the provider that it has. */
export function allocationChange({ allocation, before, after, groupId }: PolicyMove): AllocationChange | undefined {
  const old = groupsOf(before);
  const wanted = groupsOf(after);
  if (old.size === 0 || Object.keys(allocation).length === 0) {
    return wanted.size === 0 ? undefined : { diff: {}, allocation, unbacked: [...wanted.keys()] };
  }
  const diff: Record<string, Record<string, number>> = {};
  const moved: Record<string, string> = {};
  const unbacked = [...wanted.keys()].filter(type => !old.has(type));
  for (const [type, rules] of old) {
    const provider = allocation[groupId(groupName(rules))];
    const next = wanted.get(type) ?? [];
    if (provider === undefined) {
      unbacked.push(type);
      continue;
    }
    if (next.length > 0) moved[groupId(groupName(next))] = provider;
    const sum = difference(resourcesOf(rules), resourcesOf(next));
    if (Object.keys(sum).length > 0) diff[provider] = { ...diff[provider], ...sum };
  }
  return { diff, allocation: moved, unbacked };
}

function groupsOf(rules: readonly QosRule[]): ReadonlyMap<string, readonly QosRule[]> {
  const present = reservedTypes.map(type => [type, rules.filter(rule => rule.type === type)] as const);
  return new Map(present.filter(([, own]) => own.length > 0));
}

type Amounts = Readonly<Record<string, number>>;

function difference(before: Amounts, after: Amounts): Record<string, number> {
  const turns = (from: Amounts, to: Amounts): boolean => anyDirection in from && oneDirection.some(name => name in to);
  if (turns(before, after) || turns(after, before)) {
    const change = 'direction-less QoS minimum packet rate rule to a direction-oriented minimum packet rate rule';
    throw apiError('HTTPNotImplemented', { message: `Changing from ${change}, or vice versa, is not supported.` });
  }
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const sums = [...names].map(name => [name, (after[name] ?? 0) - (before[name] ?? 0)] as const);
  return Object.fromEntries(sums.filter(([, sum]) => sum !== 0));
}

/** What has nothing left is not in it. */
export function changed(resources: Resources, diff: Resources): Resources {
  const sums = Object.entries(together(resources, diff)).map(([provider, own]) => [provider, positive(own)] as const);
  return Object.fromEntries(sums.filter(([, own]) => Object.keys(own).length > 0));
}

const positive = (own: Amounts): Amounts => Object.fromEntries(Object.entries(own).filter(([, amount]) => amount > 0));

/** Of several ports of one instance; or what it has, with what is to be added. */
export function together(one: Resources, other: Resources): Resources {
  const providers = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries([...providers].map(provider => [provider, summed(one[provider] ?? {}, other[provider] ?? {})]));
}

function summed(one: Amounts, other: Amounts): Amounts {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries([...names].map(name => [name, (one[name] ?? 0) + (other[name] ?? 0)]));
}

export const opposite = (diff: Resources): Resources =>
  Object.fromEntries(
    Object.entries(diff).map(([provider, own]) => [
      provider,
      Object.fromEntries(Object.entries(own).map(([name, value]) => [name, -value])),
    ]),
  );
