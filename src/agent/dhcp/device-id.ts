// The device_id of a host's DHCP port on a network, by which the server and other agents know it.
import { createHash } from 'node:crypto';

/** RFC 4122's name space for domain names. */
const DNS_NAMESPACE = '6ba7b8109dad11d180b400c04fd430c8';

export function dhcpDeviceId(host: string, networkId: string): string {
  const name = host.split('.')[0] ?? host;
  const hash = createHash('sha1').update(Buffer.from(DNS_NAMESPACE, 'hex')).update(name).digest().subarray(0, 16);
  hash.writeUInt8(((hash[6] ?? 0) & 0x0f) | 0x50, 6);
  hash.writeUInt8(((hash[8] ?? 0) & 0x3f) | 0x80, 8);
  const hex = hash.toString('hex');
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  return `dhcp${uuid}-${networkId}`;
}
