// What the process that measures and the one that holds the simulated hosts say to each other.
import type { AmqpOptions } from '../../../src/adapters/bus-amqp/options.ts';
import type { Traffic } from './counting.ts';

export interface HostSpec {
  readonly name: string;
  readonly kind: 'linuxbridge' | 'openvswitch';
  readonly tunnelIp: string;
}

export type Order =
  | { readonly do: 'open'; readonly hosts: readonly HostSpec[]; readonly amqp: AmqpOptions; readonly reportIntervalMs: number }
  /** All agents at once; answered when the last is in sync. */
  | { readonly do: 'start' }
  | { readonly do: 'stop' }
  /** By host: ports whose taps appear. */
  | { readonly do: 'plug'; readonly ports: Readonly<Record<string, readonly string[]>> }
  | { readonly do: 'watch'; readonly text: string }
  /** Answered when these hosts have heard what is watched for and have acted on it, or the time is over. */
  | { readonly do: 'await'; readonly hosts: readonly string[]; readonly acted: boolean; readonly withinMs: number }
  | { readonly do: 'count' }
  /** Queues on a fan-out exchange, each on a connection of its own; 0 takes them away. */
  | { readonly do: 'bare'; readonly queues: number };

/** When each of the hosts heard, and acted, in ms since the epoch; and what that took for the one that was told most. */
export interface Reached {
  readonly heard: readonly number[];
  readonly acted: readonly number[];
  readonly mostMessages: number;
  readonly mostBytes: number;
}

export interface Counts extends Traffic {
  readonly cpuMs: number;
  readonly rssMib: number;
  /** Warnings and errors of the agents, and some of them. */
  readonly complaints: number;
  readonly examples: readonly string[];
}

export interface Answers {
  readonly open: null;
  readonly start: { readonly ms: readonly number[] };
  readonly stop: null;
  readonly plug: null;
  readonly watch: null;
  readonly await: Reached;
  readonly count: Counts;
  readonly bare: null;
}

export interface Numbered {
  readonly id: number;
  readonly order: Order;
}

export type Reply = { readonly id: number; readonly answer: unknown } | { readonly id: number; readonly failed: string };
