// Names of ports in the internal DNS.

export interface DnsAssignment {
  readonly ip_address: string;
  readonly hostname: string;
  readonly fqdn: string;
}

/** host-10-0-0-5, host-2001-db8--5: every dot and colon becomes a dash. */
export function defaultHostname(ip_address: string): string {
  return `host-${ip_address.replaceAll('.', '-').replaceAll(':', '-')}`;
}

function fqdn(hostname: string, dns_domain: string): string {
  if (hostname.endsWith('.') || dns_domain === '') return hostname;
  return `${hostname}.${dns_domain.endsWith('.') ? dns_domain : `${dns_domain}.`}`;
}

/** One name per address. `dns_domain` is that of the cloud (or of the port), with or without its final dot. */
export function dnsAssignments(ips: readonly { readonly ip_address: string }[], dns_name: string, dns_domain: string): DnsAssignment[] {
  return ips.map(({ ip_address }) => {
    const hostname = dns_name === '' ? defaultHostname(ip_address) : dns_name;
    return { ip_address, hostname, fqdn: fqdn(hostname, dns_domain) };
  });
}
