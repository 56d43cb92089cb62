// How many addresses a network has, and how many of them are in use.
import { defineResource, type Extension } from './kit/resource.ts';
import { t } from './kit/types.ts';

export const networkIpAvailability = defineResource({
  name: 'network_ip_availability',
  plural: 'network_ip_availabilities',
  notFound: { type: 'NetworkNotFound', id: 'net_id' },
  stored: false,
  key: 'network_id',
  verbs: ['list', 'show'],
  bulk: false,
  standard: false,
  fields: {
    network_id: { type: t.uuid, filter: true, sort: true },
    network_name: { type: t.text, filter: true },
    project_id: { type: t.str(255), filter: true },
    /** Numbers; those that IEEE doubles do not hold are written out all the same. */
    total_ips: { type: t.any() },
    used_ips: { type: t.any() },
    subnet_ip_availability: { type: t.any<readonly unknown[]>() },
    ip_availability_details: { type: t.any() },
    /** Of subnets; to ask by, and never shown here. */
    ip_version: { type: t.int(), show: false, filter: true },
  },
});

export const ipAvailabilityExtensions = [
  {
    alias: 'network-ip-availability',
    name: 'Network IP Availability',
    description: 'Addresses of networks and subnets, and how many of them are in use',
    updated: '2015-09-24T00:00:00-00:00',
  },
  {
    alias: 'network-ip-availability-details',
    name: 'Network IP Availability Details Extension',
    description: 'The same apart for whole subnets and for their allocation pools',
    updated: '2025-10-31T00:00:00-00:00',
  },
] as const satisfies readonly Extension[];
