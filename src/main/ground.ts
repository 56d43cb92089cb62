// What a Weft stands on: contained hosts with their underlay, or the machine itself.

import type { Log } from '../contracts/log.ts';
import { type AgentPlace, containedPlace } from './agent-config.ts';
import { type Contained, openContained } from './sandbox/contained.ts';
import { openSwitch, refuseWithoutSwitch } from './sandbox/openvswitch.ts';
import type { Place, Sandbox } from './sandbox/sandbox.ts';
import type { SwitchKind } from './state/switch.ts';
import type { Supervised } from './supervise/supervisor.ts';

export interface GroundHost {
  readonly place: Place;
  readonly agent: AgentPlace;
  /** Of its switch. */
  readonly daemons?: readonly Supervised[];
}

export interface Ground extends AsyncDisposable {
  readonly mode: 'contained' | 'on-host' | 'server';
  readonly hosts: readonly GroundHost[];
  /** The sandbox on whose public bridge the public network ends; absent on the machine itself. */
  readonly underlay?: Sandbox;
}

/** For an API server without hosts. */
export const noGround: Ground = { mode: 'server', hosts: [], [Symbol.asyncDispose]: () => Promise.resolve() };

export interface ContainedGroundOptions {
  readonly hosts: number;
  readonly rootless: boolean;
  readonly switchKind: SwitchKind;
  readonly logs: string;
  readonly log: Log;
}

export async function openContainedGround(options: ContainedGroundOptions): Promise<Ground> {
  const openvswitch = options.switchKind === 'openvswitch';
  if (openvswitch) refuseWithoutSwitch();
  await using stack = new AsyncDisposableStack();
  const contained = stack.use(await openContained(options.hosts, { openvswitch }));
  const hosts = openvswitch
    ? await withSwitches(contained, options, stack)
    : contained.hosts.map(host => groundHost(host, options.rootless));
  const opened = stack.move();
  return { mode: 'contained', underlay: contained.underlay, hosts, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

const groundHost = (host: Contained['hosts'][number], rootless: boolean): GroundHost => ({
  place: host.sandbox,
  agent: containedPlace(host, rootless),
});

async function withSwitches(contained: Contained, options: ContainedGroundOptions, stack: AsyncDisposableStack): Promise<GroundHost[]> {
  const results = await Promise.allSettled(contained.hosts.map(host => openSwitch({ ...options, host })));
  const opened = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []));
  stack.defer(async () => {
    await Promise.all(opened.flatMap(({ daemons }) => daemons).map(daemon => daemon[Symbol.asyncDispose]()));
  });
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return opened.flatMap(({ datapath, daemons }, i) => {
    const host = contained.hosts[i];
    if (!host) return [];
    const { place, agent } = groundHost(host, options.rootless);
    return [{ place: { ...place, openvswitch: { datapath } }, agent: { ...agent, openvswitch: { datapath } }, daemons }];
  });
}
