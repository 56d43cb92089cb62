// Names of the devices of ports, as Neutron's interface drivers give them.

/** By which a port's devices are found: prefix and the first 11 characters of the port's id, its dash included. */
export const keyOf = (portId: string): string => portId.slice(0, 11);

/** What a device may be called inside, and its other end, or its port of the switch, outside. */
const prefixes = ['tap', 'ns-', 'qr-', 'qg-', 'sg-', 'fg-', 'ha-'] as const;

export const outerName = (portId: string): string => `tap${keyOf(portId)}`;

/** Undefined: no driver has given that name. */
export function keyIn(name: string): string | undefined {
  const prefix = prefixes.find(p => name.startsWith(p));
  const key = prefix && name.slice(prefix.length);
  return key !== undefined && /^[0-9a-f]{8}-[0-9a-f]{2}$/.test(key) ? key : undefined;
}
