// Ranges of segmentation ids that networks take theirs from: default ones of the configuration, shared ones, and a project's own.
import { absent, defineResource, type Extension } from './kit/resource.ts';
import { standard, tags } from './kit/standard.ts';
import { t } from './kit/types.ts';

export const networkSegmentRange = defineResource({
  name: 'network_segment_range',
  owner: 'project_id',
  notFound: { type: 'NetworkSegmentRangeNotFound', id: 'range_id' },
  taggable: true,
  fields: {
    id: { type: t.uuid, filter: true, sort: true },
    project_id: { type: t.str(255), nullable: true, post: true, filter: true, sort: true },
    name: { type: t.str(255), post: true, put: true, default: '', filter: true, sort: true },
    default: { type: t.bool, filter: true },
    shared: { type: t.bool, post: true, default: true, filter: true },
    network_type: { type: t.oneOf('vlan', 'vxlan', 'gre', 'geneve'), post: true, default: absent, nullable: false, filter: true },
    physical_network: { type: t.str(64), post: true, default: absent, nullable: true, filter: true },
    minimum: { type: t.int(1, 4_294_967_295), post: true, put: true },
    maximum: { type: t.int(1, 4_294_967_295), post: true, put: true },
    used: { type: t.any<Readonly<Record<string, string>>>(), column: false },
    available: { type: t.any<readonly number[]>(), column: false },
    ...standard,
    ...tags,
  },
  indexes: [['network_type']],
});

export const networkSegmentRangeExtension = {
  alias: 'network-segment-range',
  name: 'Neutron Network Segment Range',
  description: 'Ranges of segmentation ids, shared or of one project',
  updated: '2018-11-29T00:00:00-00:00',
} as const satisfies Extension;
