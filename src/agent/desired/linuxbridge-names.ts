// Names on the host as Neutron's Linux bridge agent gives them: other programs and operators know them.

const DEVICE_MAX = 15;
const HASH_LENGTH = 6;

export const tapName = (portId: string): string => `tap${portId.slice(0, 11)}`;
export const bridgeName = (networkId: string): string => `brq${networkId.slice(0, 11)}`;
export const vxlanName = (vni: number): string => `vxlan-${vni}`;

/** A name that can only be a port's own device: `tap` and the first eleven characters of a UUID. */
export const isTapName = (name: string): boolean => /^tap[0-9a-f]{8}-[0-9a-f]{2}$/.test(name);
export const isBridgeName = (name: string): boolean => /^brq[0-9a-f]{8}-[0-9a-f]{2}$/.test(name);
export const isVxlanName = (name: string): boolean => /^vxlan-[0-9]{1,8}$/.test(name);

/** `eth0.101`; where that is too long, the device's name is cut and ends in the first six digits of its SHA-1. */
export function vlanName(device: string, vlan: number, sha1Hex: (text: string) => string): string {
  const suffix = `.${vlan}`;
  const room = DEVICE_MAX - suffix.length;
  if (device.length <= room) return `${device}${suffix}`;
  return `${device.slice(0, room - HASH_LENGTH)}${sha1Hex(device).slice(0, HASH_LENGTH)}${suffix}`;
}
