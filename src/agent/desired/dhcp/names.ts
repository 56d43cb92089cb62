// Host names of ports: what the server assigned when it is a proper name, else one made of the address.
import type { DhcpPort } from './wire.ts';

const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/** RFC 1123 labels (with the underscore that exists in practice), with or without a dot at the end. */
export function isDomainName(text: string): boolean {
  const bare = text.endsWith('.') ? text.slice(0, -1) : text;
  return bare.length > 0 && bare.length <= 253 && bare.split('.').every(label => LABEL.test(label));
}

export interface HostName {
  readonly hostname: string;
  readonly fqdn: string;
}

export function nameOf(port: DhcpPort, address: string, dnsDomain: string): HostName {
  const given = port.dns_assignment.find(d => d.ip_address === address);
  if (given && isDomainName(given.hostname) && isDomainName(given.fqdn)) return { hostname: given.hostname, fqdn: given.fqdn };
  const hostname = `host-${address.replaceAll(/[.:]/g, '-')}`;
  return { hostname, fqdn: dnsDomain === '' ? hostname : `${hostname}.${dnsDomain}` };
}
