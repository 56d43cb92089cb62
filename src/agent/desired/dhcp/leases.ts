// dnsmasq's lease file: what it starts with, and which of its leases no port holds any more.
import { formatIp, parseIp } from '../../../domain/net/ip.ts';
import { parseMac } from '../../../domain/net/mac.ts';
import { needsEntry } from './hosts.ts';
import { allSubnets, hasRange } from './subnets.ts';
import type { DhcpNetwork } from './wire.ts';

export interface Lease4 {
  readonly family: 4;
  readonly address: string;
  readonly mac: string;
  /** Colon-separated hex, absent when the client sent none. */
  readonly clientId: string | undefined;
}

export interface Lease6 {
  readonly family: 6;
  readonly address: string;
  /** Decimal, with a leading T for a temporary address. */
  readonly iaid: string;
  readonly clientId: string;
}

export type Lease = Lease4 | Lease6;

export interface LeaseFile {
  /** DUID of the server, colon-separated hex; DHCPv6 only. */
  readonly serverId: string | undefined;
  readonly leases: readonly Lease[];
  /** As they stand in the file, by address. */
  readonly lines: ReadonlyMap<string, string>;
}

/** `expiry mac-or-iaid address name client-id`; anything else is skipped. */
export function readLeaseFile(text: string): LeaseFile {
  let serverId: string | undefined;
  const leases: Lease[] = [];
  const lines = new Map<string, string>();
  for (const line of text.split('\n')) {
    const parts = line.trim().split(/\s+/);
    if (parts[0] === 'duid') serverId ??= parts[1];
    const [, owner, at, , client] = parts;
    const ip = parseIp((at ?? '').replace(/^\[(.*)\]$/, '$1'));
    if (parts.length !== 5 || !ip || owner === undefined || client === undefined) continue;
    const address = formatIp(ip);
    const mac = parseMac(owner.replace(/^01-/, ''));
    if (ip.version === 6) leases.push({ family: 6, address, iaid: owner, clientId: client });
    else if (mac !== undefined) leases.push({ family: 4, address, mac, clientId: client === '*' ? undefined : client });
    else continue;
    lines.set(address, line);
  }
  return { serverId, leases, lines };
}

/**
 * The file to start dnsmasq with. A made-up lease for every IPv4 address keeps it from refusing renewals of clients that another
 * agent had served; IPv6 leases cannot be made up (their IAID is the client's), so those of the old file are kept that are not stale.
 */
export function initialLeases(network: DhcpNetwork, old: LeaseFile, before: ReadonlyMap<string, string>, expiry: number): string {
  const stale = new Set(staleLeases(network, old, before).map(l => l.address));
  const ranges = new Map(allSubnets(network).flatMap(s => (hasRange(s) ? [[s.id, s.ip_version] as const] : [])));
  const lines: string[] = old.serverId === undefined ? [] : [`duid ${old.serverId}`];
  for (const port of network.ports) {
    if (!needsEntry(port)) continue;
    for (const fixed of port.fixed_ips) {
      const family = ranges.get(fixed.subnet_id);
      const kept = family === 6 && !stale.has(fixed.ip_address) ? old.lines.get(fixed.ip_address) : undefined;
      if (family === 4) lines.push(`${expiry} ${port.mac_address} ${fixed.ip_address} * *`);
      else if (kept !== undefined) lines.push(kept);
    }
  }
  return lines.map(line => `${line}\n`).join('');
}

/** Address → MAC as a hosts file says that dnsmasq has read. */
export function readHostsFile(text: string): ReadonlyMap<string, string> {
  const macs = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [owner, ...fields] = line.split(',');
    const mac = parseMac(owner ?? '');
    for (const field of fields) {
      const ip = parseIp(field.replace(/^\[(.*)\]$/, '$1'));
      if (ip && mac !== undefined) macs.set(formatIp(ip), mac);
    }
  }
  return macs;
}

/**
 * Leases of addresses that no port has, or that have changed hands: dnsmasq would not give them to their new owner.
 * A DHCPv6 lease does not name a MAC, so `before` (the hosts file until now) tells whose it was.
 */
export function staleLeases(network: DhcpNetwork, file: LeaseFile, before: ReadonlyMap<string, string>): readonly Lease[] {
  const macs = new Map<string, string>();
  for (const port of network.ports) {
    if (needsEntry(port)) for (const fixed of port.fixed_ips) macs.set(fixed.ip_address, port.mac_address);
  }
  return file.leases.filter(lease => {
    const mac = macs.get(lease.address);
    const holder = lease.family === 4 ? lease.mac : before.get(lease.address);
    return mac === undefined || (holder !== undefined && holder !== mac);
  });
}
