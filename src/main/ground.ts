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
  const contained = await openContained(options.hosts, { openvswitch });
  const daemons: Supervised[] = [];
  // In no order: whoever stands down starts nothing again, and with its sandbox all is gone.
  const close = async (): Promise<void> => {
    await Promise.all([...daemons, contained].map(each => each[Symbol.asyncDispose]()));
  };
  try {
    const hosts = openvswitch
      ? await withSwitches(contained, options, daemons)
      : contained.hosts.map(host => groundHost(host, options.rootless));
    return { mode: 'contained', underlay: contained.underlay, hosts, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

const groundHost = (host: Contained['hosts'][number], rootless: boolean): GroundHost => ({
  place: host.sandbox,
  agent: containedPlace(host, rootless),
});

/** What was started is in `daemons`, also when something failed. */
async function withSwitches(contained: Contained, options: ContainedGroundOptions, daemons: Supervised[]): Promise<GroundHost[]> {
  const opened = await Promise.allSettled(
    contained.hosts.map(async host => {
      const made = await openSwitch({ ...options, host });
      daemons.push(...made.daemons);
      const { place, agent } = groundHost(host, options.rootless);
      const openvswitch = { datapath: made.datapath };
      return { place: { ...place, openvswitch }, agent: { ...agent, openvswitch }, daemons: made.daemons };
    }),
  );
  return opened.map(result => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
