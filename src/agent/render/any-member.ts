// Members of remote groups that may be any address: the MAC is what binds them. Where a set cannot say so, they are every address.
import { parseIpPrefix } from '../../domain/net/cidr.ts';
import type { IpVersion } from '../../domain/net/ip.ts';
import { parseMac } from '../../domain/net/mac.ts';
import { members } from './ipset.ts';

/** As it is kept: the address, and behind a /0 the MAC that goes with it, if any is told. */
export function memberText(address: string, mac: unknown): string {
  const of = typeof mac === 'string' && parseIpPrefix(address)?.prefix === 0 ? parseMac(mac) : undefined;
  return of === undefined ? address : `${address} ${of}`;
}

export const addressOf = (member: string): string => member.split(' ', 1)[0] ?? '';

/** What flows match of members of one family: canonical prefixes, none of length 0, and MACs. */
export function flowMembers(family: IpVersion, texts: readonly string[]): Set<string> {
  const byMac = texts.flatMap(text =>
    text.includes(' ') && parseIpPrefix(addressOf(text))?.version === family ? [text.split(' ')[1]!] : [],
  );
  return new Set([
    ...members(
      family,
      texts.filter(text => !text.includes(' ')),
    ),
    ...byMac,
  ]);
}

export const isMac = (member: string): boolean => parseMac(member) === member;
