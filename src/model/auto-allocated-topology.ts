// A network that a project gets for the asking: with subnets of the default pools, and a router to the default external network.
import { defineResource, type Extension } from './kit/resource.ts';
import { t } from './kit/types.ts';

export const autoAllocatedTopology = defineResource({
  name: 'auto_allocated_topology',
  plural: 'auto_allocated_topologies',
  path: 'auto-allocated-topology',
  key: 'project_id',
  notFound: { type: 'ObjectNotFound', id: 'id' },
  primaryKey: ['project_id'],
  verbs: ['show', 'delete'],
  bulk: false,
  standard: false,
  fields: {
    /** The network's. */
    id: { type: t.uuid },
    project_id: { type: t.str(255) },
  },
  /** Not `ready`: some server is at it, or was when it ended. Whoever asks for it goes on where it stopped. */
  hidden: { router_id: { type: 'text', nullable: true }, ready: { type: 'bool' } },
  indexes: [['id']],
});

export const autoAllocatedTopologies = {
  alias: 'auto-allocated-topology',
  name: 'Auto Allocated Topology Services',
  description: 'A project gets a network with a way out by asking for it',
  updated: '2016-01-01T00:00:00-00:00',
  adds: { network: { is_default: { type: t.bool, post: true, put: true, default: false, filter: true, policed: true } } },
} as const satisfies Extension;
