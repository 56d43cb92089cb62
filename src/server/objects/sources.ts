// Every type of versioned object that agents hear of and ask for.
import { addressGroupObjects, groupObjects, ruleObjects } from './groups.ts';
import { networkObjects, subnetObjects } from './networks.ts';
import { portObjects } from './ports.ts';
import { qosObjects } from './qos.ts';
import { conntrackHelperObjects, portForwardingObjects } from './routing.ts';
import type { Source } from './source.ts';

export const sources: readonly Source[] = [
  portObjects,
  networkObjects,
  subnetObjects,
  groupObjects,
  ruleObjects,
  addressGroupObjects,
  qosObjects,
  conntrackHelperObjects,
  portForwardingObjects,
];
