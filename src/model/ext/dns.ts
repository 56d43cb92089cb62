// Names in the DNS: of ports inside a cloud, and of ports and floating IPs in an external DNS.
import type { Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const dnsIntegration = {
  alias: 'dns-integration',
  name: 'DNS Integration',
  description: 'Names of ports and floating IPs in the DNS',
  updated: '2015-08-15T18:00:00-00:00',
  adds: {
    port: {
      dns_name: { type: t.dnsName, post: true, put: true, default: '' },
      dns_assignment: { type: t.any<readonly unknown[]>(), column: false },
    },
    network: { dns_domain: { type: t.dnsDomain, post: true, put: true, default: '' } },
    floatingip: {
      dns_name: { type: t.relativeDnsName, post: true, default: '' },
      dns_domain: { type: t.dnsDomain, post: true, default: '' },
    },
  },
} as const satisfies Extension;

export const dnsDomainPorts = {
  alias: 'dns-domain-ports',
  name: 'dns_domain for ports',
  description: "A port's own domain, before its network's",
  updated: '2017-04-24T10:00:00-00:00',
  adds: { port: { dns_domain: { type: t.dnsDomain, post: true, put: true, default: '' } } },
} as const satisfies Extension;

export const subnetDnsPublishFixedIp = {
  alias: 'subnet-dns-publish-fixed-ip',
  name: 'Subnet DNS publish fixed IP',
  description: 'The addresses of a subnet are in the external DNS',
  updated: '2019-05-24T10:00:00-00:00',
  adds: { subnet: { dns_publish_fixed_ip: { type: t.bool, post: true, put: true, default: false } } },
} as const satisfies Extension;

/** Attributes it adds none; `domainFor` puts in what the placeholders stand for. */
export const dnsIntegrationDomainKeywords = {
  alias: 'dns-integration-domain-keywords',
  name: 'DNS domain names with keywords allowed',
  description:
    'Domains with placeholders for the project and the user that names a port: <project_id>, <project_name>, <user_id>, <user_name>',
  updated: '2020-06-15T18:00:00-00:00',
} as const satisfies Extension;
