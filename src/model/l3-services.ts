// Resources and extensions around routers and floating IPs, in one place each.
import { flavor, flavorServiceProfile, flavors, nextProvider, serviceProfile, serviceProvider, serviceType } from './flavor.ts';
import { floatingipPool, floatingipPools } from './floatingip-pool.ts';
import type { Extension, Resource } from './kit/resource.ts';
import { localIp, localIpAssociation, localIpExtension } from './local-ip.ts';
import { log, loggableResource, logging } from './log.ts';
import { meteringExtensions, meteringLabel, meteringLabelRule } from './metering.ts';
import { l3NdpProxy, ndpProxy } from './ndp-proxy.ts';
import { portForwarding, portForwardingExtensions } from './port-forwarding.ts';

export const l3Services: readonly Resource[] = [
  portForwarding,
  floatingipPool,
  flavor,
  serviceProfile,
  flavorServiceProfile,
  nextProvider,
  serviceProvider,
  localIp,
  localIpAssociation,
  meteringLabel,
  meteringLabelRule,
  log,
  loggableResource,
  ndpProxy,
];

export const l3ServiceExtensions: readonly Extension[] = [
  ...portForwardingExtensions,
  floatingipPools,
  flavors,
  serviceType,
  localIpExtension,
  ...meteringExtensions,
  logging,
  l3NdpProxy,
];
