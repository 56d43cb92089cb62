// Metering labels and the rules that say which traffic counts for them.
import type { Extension } from './kit/resource.ts';
import { defineResource } from './kit/resource.ts';
import { t } from './kit/types.ts';

export const meteringLabel = defineResource({
  name: 'metering_label',
  path: 'metering/metering-labels',
  notFound: { type: 'MeteringLabelNotFound', id: 'label_id' },
  standard: false,
  verbs: ['list', 'show', 'create', 'delete'],
  fields: {
    id: { type: t.uuid, filter: true, sort: true },
    project_id: { type: t.str(255), post: true, filter: true, sort: true },
    name: { type: t.str(255), post: true, default: '', filter: true, sort: true },
    description: { type: t.str(1024), post: true, default: '', filter: true, sort: true },
    shared: { type: t.bool, post: true, default: false, filter: true, sort: true },
  },
  indexes: [['project_id']],
});

const prefix = { type: t.opt(t.special<string>('metering_prefix', 'text')), post: true, default: null, filter: true, sort: true } as const;

export const meteringLabelRule = defineResource({
  name: 'metering_label_rule',
  path: 'metering/metering-label-rules',
  notFound: { type: 'MeteringLabelRuleNotFound', id: 'rule_id' },
  standard: false,
  verbs: ['list', 'show', 'create', 'delete'],
  fields: {
    id: { type: t.uuid, filter: true, sort: true },
    project_id: { type: t.str(255), post: true, show: false },
    metering_label_id: { type: t.uuid, post: true, filter: true, sort: true },
    direction: { type: t.oneOf('ingress', 'egress'), post: true, filter: true, sort: true },
    excluded: { type: t.bool, post: true, default: false, filter: true, sort: true },
    remote_ip_prefix: prefix,
    source_ip_prefix: prefix,
    destination_ip_prefix: prefix,
  },
  indexes: [['metering_label_id']],
});

export const meteringExtensions = [
  {
    alias: 'metering',
    name: 'Neutron Metering',
    description: 'Labels for traffic that is counted',
    updated: '2013-06-12T10:00:00-00:00',
  },
  {
    alias: 'metering_source_and_destination_fields',
    name: 'Neutron Metering with source and destination filtering',
    description: 'Rules of metering by source and destination',
    updated: '2020-08-21T08:12:00-00:00',
  },
] as const satisfies readonly Extension[];
