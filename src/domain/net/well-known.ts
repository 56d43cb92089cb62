// Questions about kinds of addresses: link-local, multicast, loopback.
import { type Cidr, contains, parseCidr } from './cidr.ts';
import type { Ip } from './ip.ts';

function block(text: string): Cidr {
  const cidr = parseCidr(text);
  if (!cidr) throw new Error(`not a prefix: ${text}`);
  return cidr;
}

const LINK_LOCAL = [block('169.254.0.0/16'), block('fe80::/10')];
const MULTICAST = [block('224.0.0.0/4'), block('ff00::/8')];
const LOOPBACK = [block('127.0.0.0/8'), block('::1/128')];
const inside = (blocks: readonly Cidr[], ip: Ip): boolean => blocks.some(b => contains(b, ip));

export const isLinkLocal = (ip: Ip): boolean => inside(LINK_LOCAL, ip);
export const isMulticast = (ip: Ip): boolean => inside(MULTICAST, ip);
export const isLoopback = (ip: Ip): boolean => inside(LOOPBACK, ip);
