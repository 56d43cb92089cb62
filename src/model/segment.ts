// Segments of networks: the place on a physical network, or the tunnel, that a network (or a part of a routed one) is.
import { absent, defineResource, type Extension } from './kit/resource.ts';
import { standard, tags } from './kit/standard.ts';
import { t } from './kit/types.ts';

export const segment = defineResource({
  name: 'segment',
  notFound: { type: 'SegmentNotFound', id: 'segment_id' },
  taggable: true,
  fields: {
    id: { type: t.uuid, filter: true, sort: true },
    project_id: { type: t.str(255), post: true, column: false, show: false },
    network_id: { type: t.uuid, post: true, filter: true, sort: true },
    physical_network: { type: t.str(64), post: true, default: absent, nullable: true, filter: true, sort: true },
    network_type: { type: t.str(32), post: true, filter: true, sort: true },
    segmentation_id: { type: t.int(), post: true, default: absent, nullable: true, sort: true },
    name: { type: t.opt(t.str(255)), post: true, put: true, default: null, filter: true, sort: true },
    ...standard,
    // Rows that were there before segments were a resource.
    revision_number: { ...standard.revision_number, default: 0 },
    ...tags,
  },
  hidden: { segment_index: { type: 'int' }, is_dynamic: { type: 'bool' } },
  indexes: [['network_id']],
});

export const segmentExtensions = [
  {
    alias: 'segment',
    name: 'Segment',
    description: 'Segments of networks, and subnets on them',
    updated: '2016-02-24T17:00:00-00:00',
  },
  {
    alias: 'standard-attr-segment',
    name: 'Standard Attribute Segment Extension',
    description: 'Description, times and revisions of segments',
    updated: '2018-04-09T10:00:00-00:00',
  },
] as const satisfies readonly Extension[];
