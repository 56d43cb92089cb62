// Routed networks: their subnets are on segments, and a port gets addresses of the segment of its host.
import type { Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const subnetSegmentIdWritable = {
  alias: 'subnet-segmentid-writable',
  name: 'Subnet SegmentID (writable)',
  description: 'A subnet can be put on a segment afterwards',
  updated: '2018-03-12T00:00:00-00:00',
  adds: {
    subnet: { segment_id: { type: t.opt(t.uuid), post: true, put: true, default: null, filter: true, sort: true, policed: true } },
  },
} as const satisfies Extension;

export const subnetSegmentIdEnforce = {
  alias: 'subnet-segmentid-enforce',
  name: 'Subnet SegmentID (policy enforced)',
  description: 'A policy decides who puts subnets on segments',
  updated: '2018-09-04T00:00:00-00:00',
} as const satisfies Extension;

export const l2Adjacency = {
  alias: 'l2_adjacency',
  name: 'L2 Adjacency',
  description: 'Whether all ports of a network are on one link',
  updated: '2016-04-12T16:00:00-00:00',
  adds: { network: { l2_adjacency: { type: t.any<boolean>(), column: false } } },
} as const satisfies Extension;

export const ipAllocation = {
  alias: 'ip_allocation',
  name: 'IP Allocation',
  description: 'Whether a port has got its addresses, waits for a host, or wants none',
  updated: '2016-06-10T23:00:00-00:00',
  adds: { port: { ip_allocation: { type: t.oneOf('immediate', 'deferred', 'none'), default: 'immediate', filter: true, sort: true } } },
} as const satisfies Extension;

export const segmentsPeerSubnetHostRoutes = {
  alias: 'segments-peer-subnet-host-routes',
  name: 'Segments peer-subnet host routes',
  description: 'Subnets of a routed network have routes to each other',
  updated: '2018-06-12T10:00:00-00:00',
} as const satisfies Extension;
