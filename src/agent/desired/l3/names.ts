// Names on the host: fixed by Neutron, so that its tools, its agents and operators find what they know.
import { isUuid } from './values.ts';

export const namespacePrefix = 'qrouter-';

export const namespaceOf = (routerId: string): string => `${namespacePrefix}${routerId}`;

/** The router id of a namespace name; undefined when it is not a router's. */
export function routerOf(netns: string): string | undefined {
  if (!netns.startsWith(namespacePrefix)) return undefined;
  const id = netns.slice(namespacePrefix.length);
  return isUuid(id) ? id : undefined;
}

/** Prefix and the first 11 characters of the port's UUID, its dash included. */
const device = (prefix: string, portId: string): string => `${prefix}${portId.slice(0, 11)}`;

export const internalDevice = (portId: string): string => device('qr-', portId);
export const gatewayDevice = (portId: string): string => device('qg-', portId);

export const isRouterDevice = (name: string): boolean => name.startsWith('qr-') || name.startsWith('qg-');
