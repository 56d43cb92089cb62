// Trunks: a port of an instance that carries the frames of other ports, each tagged.
import { defineResource, type Extension } from './kit/resource.ts';
import { identity, standard, tags } from './kit/standard.ts';
import { t } from './kit/types.ts';

export interface SubPort {
  readonly port_id: string;
  readonly segmentation_type: string;
  readonly segmentation_id: number;
}

export const trunk = defineResource({
  name: 'trunk',
  notFound: { type: 'TrunkNotFound', id: 'trunk_id' },
  taggable: true,
  quota: -1,
  actions: { add_subports: 'PUT', remove_subports: 'PUT', get_subports: 'GET' },
  fields: {
    ...identity,
    admin_state_up: { type: t.bool, post: true, put: true, default: true, filter: true, sort: true },
    name: { type: t.str(255), post: true, put: true, default: '', filter: true, sort: true },
    port_id: { type: t.uuid, post: true, filter: true, sort: true },
    status: { type: t.str(16), filter: true, sort: true },
    sub_ports: { type: t.special<readonly SubPort[]>('sub_ports', 'json'), column: false, post: true, default: [], policed: true },
    ...standard,
    ...tags,
  },
  unique: [['port_id']],
  indexes: [['project_id']],
});

export const trunkExtension = {
  alias: 'trunk',
  name: 'Trunk Extension',
  description: 'Ports that carry the frames of other ports',
  updated: '2016-01-01T10:00:00-00:00',
} as const satisfies Extension;
