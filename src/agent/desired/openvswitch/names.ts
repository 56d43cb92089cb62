// Names of ports as Neutron's Open vSwitch agent gives them, which it finds again when it takes a host back.
import { parseIp } from '../../../domain/net/ip.ts';

const DEVICE_MAX = 15;
const HASH_LENGTH = 6;

export type Sha1Hex = (text: string) => string;

export const tunnelTypes = ['gre', 'vxlan', 'geneve'] as const;
export type TunnelType = (typeof tunnelTypes)[number];
export const isTunnelType = (text: string): text is TunnelType => tunnelTypes.some(t => t === text);

/** `int-br-ex` and `phy-br-ex`; a bridge's name that is too long is cut and ends in the first six digits of its SHA-1. */
export function patchName(prefix: 'int-' | 'phy-', bridge: string, sha1Hex: Sha1Hex): string {
  if (prefix.length + bridge.length <= DEVICE_MAX) return `${prefix}${bridge}`;
  return `${prefix}${bridge.slice(0, DEVICE_MAX - prefix.length - HASH_LENGTH)}${sha1Hex(bridge).slice(0, HASH_LENGTH)}`;
}

/** `vxlan-0a630001`; of an IPv6 address as much of the SHA-1 of its text, in base 32, as there is room for. Undefined for no address. */
export function tunnelName(type: TunnelType, remote: string, sha1Hex: Sha1Hex): string | undefined {
  const ip = parseIp(remote);
  if (!ip) return undefined;
  if (ip.version === 4) return `${type}-${ip.value.toString(16).padStart(8, '0')}`;
  return `${type}-${base32(sha1Hex(remote)).slice(0, DEVICE_MAX - type.length - 1)}`;
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** RFC 4648, section 6, without padding; 160 bits are 32 digits. */
function base32(hex: string): string {
  let rest = BigInt(`0x${hex}`);
  let text = '';
  for (let i = 0; i < 32; i++, rest >>= 5n) text = `${BASE32[Number(rest & 31n)]}${text}`;
  return text;
}

/** Names that only a tunnel of ours can have, with its type. */
export function tunnelTypeOf(name: string): TunnelType | undefined {
  return tunnelTypes.find(type => name.startsWith(`${type}-`) && /^[0-9a-z]{8,11}$/.test(name.slice(type.length + 1)));
}
