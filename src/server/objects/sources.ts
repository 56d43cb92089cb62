// Every type of versioned object that agents hear of and ask for.
import { addressGroupObjects, groupObjects, ruleObjects } from './groups.ts';
import { logObjects, logsByAddresses, logsByRules } from './logs.ts';
import { networkObjects, subnetObjects } from './networks.ts';
import { portObjects } from './ports.ts';
import { qosObjects } from './qos.ts';
import { conntrackHelperObjects, localIpObjects, ndpProxyObjects, portForwardingObjects } from './routing.ts';
import type { Source } from './source.ts';
import { subPortObjects, trunkObjects } from './trunks.ts';

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
  localIpObjects,
  ndpProxyObjects,
  trunkObjects,
  subPortObjects,
  logObjects,
];

/** Objects that are told of again because of what they are not themselves. */
export const followers: readonly Source[] = [logsByRules, logsByAddresses];
