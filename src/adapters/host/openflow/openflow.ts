// The door to Open vSwitch's flow tables by its management sockets: no port, no process.
import type { Openflow, Switch, SwitchEvents, SwitchOptions } from '../../../contracts/host/openflow.ts';
import type { Pace } from './conversation.ts';
import { OpenflowSwitch } from './switch.ts';
import { targetOf } from './target.ts';

export interface OpenflowOptions {
  /** Where ovs-vswitchd has its sockets: OVS_RUNDIR, or /var/run/openvswitch. */
  readonly rundir?: string;
  readonly probeMs?: number;
  readonly greetingMs?: number;
}

export class OvsOpenflow implements Openflow {
  private readonly rundir: string;
  private readonly pace: Pace;

  constructor({ rundir = process.env['OVS_RUNDIR'] ?? '/var/run/openvswitch', probeMs = 10_000, greetingMs = 5000 }: OpenflowOptions = {}) {
    this.rundir = rundir;
    this.pace = { probeMs, greetingMs };
  }

  open(bridge: string, events: SwitchEvents, options: SwitchOptions = {}): Switch {
    const opened = new OpenflowSwitch(targetOf(bridge, this.rundir), events, { ...this.pace, ...options });
    opened.connect();
    return opened;
  }
}
