// Names of what Nova (os-vif) puts between an instance and the switch where `vif_details.ovs_hybrid_plug` is true: the tap is in a Linux bridge of
// its own, and a pair of devices leads from there to the integration bridge.
import { tapName } from '../linuxbridge-names.ts';

export interface HybridNames {
  readonly tap: string;
  readonly bridge: string;
  /** The pair's end in the Linux bridge, and the one in the switch. */
  readonly qvb: string;
  readonly qvo: string;
}

export function hybridNames(portId: string): HybridNames {
  const id = portId.slice(0, 11);
  return { tap: tapName(portId), bridge: `qbr${id}`, qvb: `qvb${id}`, qvo: `qvo${id}` };
}

export const isHybridBridge = (name: string): boolean => /^qbr[0-9a-f]{8}-[0-9a-f]{2}$/.test(name);
export const isHybridPort = (name: string): boolean => /^qvo[0-9a-f]{8}-[0-9a-f]{2}$/.test(name);
