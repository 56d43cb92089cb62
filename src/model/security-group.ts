// Security groups and their rules.
import { absent, defineResource } from './kit/resource.ts';
import { identity, standard, tags } from './kit/standard.ts';
import { t } from './kit/types.ts';

export const securityGroupRule = defineResource({
  name: 'security_group_rule',
  notFound: { type: 'SecurityGroupRuleNotFound', id: 'id' },
  quota: 100,
  verbs: ['list', 'show', 'create', 'delete'],
  fields: {
    ...identity,
    security_group_id: { type: t.str(36), post: true, filter: true, sort: true },
    /** Whatever is no id of a group is one that is not there: 404, as in Neutron. */
    remote_group_id: { type: t.opt(t.str(255)), post: true, default: null, filter: true, sort: true },
    direction: { type: t.oneOf('ingress', 'egress'), post: true, filter: true, sort: true },
    protocol: { type: t.special<string | null>('sg_protocol', 'text'), post: true, default: null, filter: true, sort: true },
    port_range_min: { type: t.special<number | null>('sg_port', 'int'), post: true, default: null, filter: true, sort: true },
    port_range_max: { type: t.special<number | null>('sg_port', 'int'), post: true, default: null, filter: true, sort: true },
    ethertype: { type: t.special<'IPv4' | 'IPv6'>('sg_ethertype', 'text'), post: true, default: 'IPv4', filter: true, sort: true },
    remote_ip_prefix: { type: t.special<string | null>('sg_remote_prefix', 'text'), post: true, default: null, filter: true, sort: true },
    remote_address_group_id: { type: t.opt(t.str(255)), post: true, default: null, filter: true, sort: true },
    belongs_to_default_sg: { type: t.opt(t.bool), column: false, filter: true },
    normalized_cidr: { type: t.opt(t.cidr), default: null, filter: true, sort: true },
    ...standard,
    description: { type: t.str(255), nullable: true, post: true, default: '', filter: true },
  },
  indexes: [
    ['security_group_id'],
    ['security_group_id', 'port_range_min'],
    ['project_id'],
    ['remote_group_id'],
    ['remote_address_group_id'],
  ],
});

export const securityGroup = defineResource({
  name: 'security_group',
  notFound: { type: 'SecurityGroupNotFound', id: 'id' },
  taggable: true,
  quota: 10,
  brings: [securityGroupRule],
  fields: {
    ...identity,
    name: { type: t.str(255), post: true, put: true, default: '', filter: true, sort: true },
    /** Of a new group that does not say: what its project, or the cloud, is set to. */
    stateful: { type: t.bool, nullable: false, post: true, put: true, default: absent, filter: true },
    shared: { type: t.bool, column: false, filter: true, policed: true },
    security_group_rules: { type: t.any<readonly unknown[]>(), column: false },
    ...standard,
    ...tags,
  },
  indexes: [['project_id']],
  sought: ['name'],
});
