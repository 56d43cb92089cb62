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

/** The domain under which ports have names of their own: not the one that nobody has chosen. */
export function ownDomain(dns_domain: string): string {
  const domain = dns_domain === '' || dns_domain.endsWith('.') ? dns_domain : `${dns_domain}.`;
  return domain === 'openstacklocal.' ? '' : domain;
}

const longestName = 255;

/** Undefined: the name fits the cloud's domain. */
export function misfit(dns_name: string, dns_domain: string): string | undefined {
  const above = `.${dns_domain}`;
  if (dns_name.endsWith('.')) {
    if (dns_name.length > above.length && dns_name.endsWith(above)) return undefined;
    const must = `Its higher level labels must be equal to the dns_domain option in neutron.conf, that has been set to '${dns_domain}'`;
    return `The dns_name passed is a FQDN. ${must}. It must also include one or more valid DNS labels to the left of '${dns_domain}'`;
  }
  if (dns_name.length + above.length <= longestName) return undefined;
  const lengths = `The dns_domain option in neutron.conf is set to ${dns_domain}, with a length of '${above.length}'`;
  const result = `When the two are concatenated to form a FQDN (with a '.' at the end), the resulting length exceeds the maximum size of '${longestName}'`;
  return `The dns_name passed is a PQDN and its size is '${dns_name.length}'. ${lengths}. ${result}`;
}
