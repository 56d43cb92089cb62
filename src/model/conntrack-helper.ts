// Conntrack helpers of routers: which protocol of an application a router follows.
import type { Extension } from './kit/resource.ts';
import { defineResource } from './kit/resource.ts';
import { t } from './kit/types.ts';
import { router } from './router.ts';

export const conntrackHelper = defineResource({
  name: 'conntrack_helper',
  owner: 'project_id',
  path: 'conntrack_helpers',
  parent: { of: router, column: 'router_id' },
  notFound: { type: 'ConntrackHelperNotFound', id: 'id' },
  standard: false,
  fields: {
    id: { type: t.uuid, filter: true, sort: true },
    project_id: { type: t.str(255), post: true, show: false, column: false },
    protocol: {
      type: t.protocolOf('dccp', 'icmp', 'ipv6-icmp', 'sctp', 'tcp', 'udp'),
      post: true,
      put: true,
      filter: true,
      sort: true,
    },
    port: { type: t.int(1, 65_535), post: true, put: true, filter: true, sort: true },
    helper: { type: t.str(64), post: true, put: true, filter: true, sort: true },
  },
  unique: [['router_id', 'protocol', 'port', 'helper']],
});

export const l3ConntrackHelper = {
  alias: 'l3-conntrack-helper',
  name: 'L3 Conntrack helper',
  description: 'Conntrack helpers of routers',
  updated: '2019-04-04T10:00:00-00:00',
} as const satisfies Extension;

export const exposeConntrackHelper = {
  alias: 'expose-l3-conntrack-helper',
  name: 'Expose CT target rules for conntrack helper',
  description: 'A router shows its conntrack helpers',
  updated: '2019-04-04T10:00:00-00:00',
} as const satisfies Extension;
