// Logs of what security groups let pass or drop, and what can be logged.
import type { Extension } from './kit/resource.ts';
import { defineResource } from './kit/resource.ts';
import { identity, standard } from './kit/standard.ts';
import { t } from './kit/types.ts';

export const log = defineResource({
  name: 'log',
  owner: 'project_id',
  path: 'log/logs',
  notFound: { type: 'LogResourceNotFound', id: 'log_id' },
  fields: {
    ...identity,
    name: { type: t.str(255), post: true, put: true, default: '', filter: true, sort: true },
    resource_type: { type: t.str(255), post: true, filter: true, sort: true },
    resource_id: { type: t.opt(t.uuid), post: true, default: null, filter: true, sort: true },
    target_id: { type: t.opt(t.uuid), post: true, default: null, filter: true, sort: true },
    event: { type: t.oneOf('ACCEPT', 'DROP', 'ALL'), post: true, default: 'ALL', filter: true },
    enabled: { type: t.bool, post: true, put: true, default: true, filter: true, sort: true },
    ...standard,
  },
  indexes: [['project_id'], ['resource_id'], ['target_id']],
});

export const loggableResource = defineResource({
  name: 'loggable_resource',
  path: 'log/loggable-resources',
  stored: false,
  key: 'type',
  standard: false,
  bulk: false,
  verbs: ['list'],
  fields: { type: { type: t.text }, project_id: { type: t.str(255), show: false } },
});

export const logging = {
  alias: 'logging',
  name: 'Logging API Extension',
  description: 'Logs of packets',
  updated: '2017-01-01T10:00:00-00:00',
} as const satisfies Extension;
