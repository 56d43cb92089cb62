// The packets that make a DHCP server forget a lease, as the client itself would send them: DHCPRELEASE (RFC 2131) and RELEASE (RFC 8415).
import { parseIp } from '../../../domain/net/ip.ts';
import { macValue } from '../../../domain/net/mac.ts';
import type { Lease, Lease4, Lease6 } from './leases.ts';

export interface ReleasePacket {
  readonly family: 4 | 6;
  /** Where the server listens: its own address, or the group of all DHCPv6 servers. */
  readonly to: string;
  readonly port: number;
  readonly hex: string;
}

export interface ReleaseServer {
  /** Our addresses on the network; the lease's subnet decides which one the server goes by. */
  readonly addresses: readonly string[];
  readonly duid: string | undefined;
}

const ALL_DHCPV6_SERVERS = 'ff02::1:2';

/** `transaction` is any number below 2^24. */
export function releasePackets(lease: Lease, server: ReleaseServer, transaction: number): readonly ReleasePacket[] {
  if (lease.family === 6) return server.duid === undefined ? [] : release6(lease, server.duid, transaction);
  // One for each of our addresses: the server ignores those that do not name its address on the lease's subnet.
  const ours = server.addresses.filter(a => parseIp(a)?.version === 4);
  return ours.map(to => ({ family: 4, to, port: 67, hex: release4(lease, to, transaction) }));
}

function release4(lease: Lease4, serverId: string, transaction: number): string {
  const head = `01010600${number(transaction, 4)}00000000${ipHex(lease.address)}${'00'.repeat(12)}`;
  const hardware = (macValue(lease.mac) ?? 0n).toString(16).padStart(12, '0') + '00'.repeat(10);
  const client = lease.clientId === undefined ? '' : option4(61, colons(lease.clientId));
  const options = `${option4(53, '07') + option4(54, ipHex(serverId)) + client}ff`;
  return `${head + hardware + '00'.repeat(192)}63825363${options}`.padEnd(600, '0');
}

function release6(lease: Lease6, duid: string, transaction: number): readonly ReleasePacket[] {
  const iaid = Number(lease.iaid);
  // Temporary addresses (T…) are never given out here.
  if (!/^[0-9]+$/.test(lease.iaid) || iaid > 0xffffffff) return [];
  const address = option6(5, ipHex(lease.address) + '00'.repeat(8));
  const association = option6(3, number(iaid, 4) + '00'.repeat(8) + address);
  const hex = `08${number(transaction, 3)}${option6(1, colons(lease.clientId))}${option6(2, colons(duid))}${association}`;
  return [{ family: 6, to: ALL_DHCPV6_SERVERS, port: 547, hex }];
}

const number = (value: number, bytes: number): string => value.toString(16).padStart(2 * bytes, '0');
const colons = (text: string): string => (/^([0-9a-f]{2}(:|$))+$/i.test(text) ? text.replaceAll(':', '') : '');
const option4 = (code: number, hex: string): string => number(code, 1) + number(hex.length / 2, 1) + hex;
const option6 = (code: number, hex: string): string => number(code, 2) + number(hex.length / 2, 2) + hex;

function ipHex(address: string): string {
  const ip = parseIp(address);
  return ip ? ip.value.toString(16).padStart(ip.version === 4 ? 8 : 32, '0') : '';
}
