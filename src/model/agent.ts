// Agents, known by their heartbeats.
import { attributeExtensions } from './extensions.ts';
import { defineResource, extendBy } from './kit/resource.ts';
import { t } from './kit/types.ts';

const base = defineResource({
  name: 'agent',
  notFound: { type: 'AgentNotFound', id: 'id' },
  standard: false,
  verbs: ['list', 'show', 'update', 'delete'],
  // Ours: docs/design/migrate-l2.md.
  actions: { take_ports: 'PUT' },
  bulk: false,
  fields: {
    id: { type: t.uuid, filter: true, sort: true },
    agent_type: { type: t.str(255), filter: true, sort: true },
    binary: { type: t.str(255), filter: true, sort: true },
    topic: { type: t.str(255), filter: true, sort: true },
    host: { type: t.str(255), filter: true, sort: true },
    admin_state_up: { type: t.bool, put: true, filter: true, sort: true },
    alive: { type: t.bool, column: false, filter: true },
    configurations: { type: t.any<Readonly<Record<string, unknown>>>() },
    created_at: { type: t.time, sort: true },
    started_at: { type: t.time, sort: true },
    heartbeat_timestamp: { type: t.time, sort: true },
    description: { type: t.opt(t.str(255)), put: true, default: null, filter: true, sort: true },
    availability_zone: { type: t.opt(t.str(255)), default: null, filter: true },
  },
  hidden: { resource_versions: { type: 'json', nullable: true } },
  unique: [['agent_type', 'host']],
  indexes: [['host']],
});

export const agent = extendBy('agent', base, attributeExtensions);
