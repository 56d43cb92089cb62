// Resources and extensions around routers and floating IPs, in one place each.
import type { Extension, Resource } from './kit/resource.ts';
import { portForwarding, portForwardingExtensions } from './port-forwarding.ts';

export const l3Services: readonly Resource[] = [portForwarding];

export const l3ServiceExtensions: readonly Extension[] = [...portForwardingExtensions];
