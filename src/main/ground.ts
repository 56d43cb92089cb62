// What a Weft stands on: contained hosts with their underlay, or the machine itself.
import { type AgentPlace, containedPlace } from './agent-config.ts';
import { openContained } from './sandbox/contained.ts';
import type { Place, Sandbox } from './sandbox/sandbox.ts';

export interface GroundHost {
  readonly place: Place;
  readonly agent: AgentPlace;
}

export interface Ground extends AsyncDisposable {
  readonly mode: 'contained' | 'on-host' | 'server';
  readonly hosts: readonly GroundHost[];
  /** The sandbox on whose public bridge the public network ends; absent on the machine itself. */
  readonly underlay?: Sandbox;
}

/** For an API server without hosts. */
export const noGround: Ground = { mode: 'server', hosts: [], [Symbol.asyncDispose]: () => Promise.resolve() };

export async function openContainedGround(count: number, rootless: boolean): Promise<Ground> {
  const contained = await openContained(count);
  return {
    mode: 'contained',
    underlay: contained.underlay,
    hosts: contained.hosts.map(host => ({ place: host.sandbox, agent: containedPlace(host, rootless) })),
    [Symbol.asyncDispose]: () => contained[Symbol.asyncDispose](),
  };
}
