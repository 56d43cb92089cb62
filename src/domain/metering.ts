// Rules of metering labels over plain values.
import { apiError, invalidInput } from './errors.ts';
import { pyStr } from './input/python.ts';
import { cidrsOverlap, parseCidr } from './net/cidr.ts';
import { parseIp } from './net/ip.ts';

/** A prefix as it is written: bits of a host are not taken away. An address gets its full length. */
export function readMeteringPrefix(value: unknown): string {
  const text = typeof value === 'string' ? value : '';
  if (text.includes('/') ? parseCidr(text) : parseIp(text)) return network(text);
  const given = pyStr(value);
  throw invalidInput(`${given} is invalid ['${given}' does not appear to be an IPv4 or IPv6 interface]`);
}

const network = (prefix: string): string => (prefix.includes('/') ? prefix : `${prefix}/${prefix.includes(':') ? 128 : 32}`);

export interface MeteringPrefixes {
  readonly remote_ip_prefix: string | null;
  readonly source_ip_prefix: string | null;
  readonly destination_ip_prefix: string | null;
}

/** Traffic is told by the remote side, or by source and destination. */
export function checkPrefixes({
  remote_ip_prefix: remote,
  source_ip_prefix: source,
  destination_ip_prefix: destination,
}: MeteringPrefixes): void {
  if (!remote && !source && !destination) {
    const one = "'remote_ip_prefix', or 'source_ip_prefix' or 'destination_ip_prefix'";
    throw invalidInput(`You must define at least one of the following parameters ${one}`);
  }
  if (remote && (source || destination))
    throw invalidInput("Cannot use 'remote-ip-prefix' in conjunction with 'source-ip-prefix' or 'destination-ip-prefix'");
}

/** `others`: of the same label, direction and sense. */
export function checkOverlap(remote: string | null, others: readonly (string | null)[]): void {
  if (remote === null) return;
  if (others.some(o => o !== null && cidrsOverlap(network(o), network(remote))))
    throw apiError('MeteringLabelRuleOverlaps', { remote_ip_prefix: remote });
}
