// Zones that networks and routers ask for, and those of the agents that serve them. Zones are what agents say of themselves.
import type { Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

const hints = { type: t.list(t.str(255), { unique: true }), nullable: false, post: true, default: [] } as const;
const zones = { type: t.any<readonly string[]>(), column: false } as const;

export const availabilityZoneExtension = {
  alias: 'availability_zone',
  name: 'Availability Zone',
  description: 'The zones of agents',
  updated: '2015-01-01T10:00:00-00:00',
} as const satisfies Extension;

export const availabilityZoneFilter = {
  alias: 'availability_zone_filter',
  name: 'Availability Zone Filter Extension',
  description: 'Zones by name, resource and state',
  updated: '2018-06-22T10:00:00-00:00',
} as const satisfies Extension;

export const networkAvailabilityZone = {
  alias: 'network_availability_zone',
  name: 'Network Availability Zone',
  description: 'Zones whose DHCP agents serve a network',
  updated: '2015-01-01T10:00:00-00:00',
  adds: { network: { availability_zone_hints: { ...hints, sort: true }, availability_zones: zones } },
} as const satisfies Extension;

export const routerAvailabilityZone = {
  alias: 'router_availability_zone',
  name: 'Router Availability Zone',
  description: 'Zones whose L3 agents host a router',
  updated: '2015-01-01T10:00:00-00:00',
  adds: { router: { availability_zone_hints: hints, availability_zones: zones } },
} as const satisfies Extension;
