// Templates: the rules that new security groups start with; and whether new groups of a project follow connections.
import { defineResource, type Extension } from './kit/resource.ts';
import { standard } from './kit/standard.ts';
import { t } from './kit/types.ts';
import { securityGroupRule } from './security-group.ts';

const { direction, ethertype, protocol, port_range_min, port_range_max, remote_ip_prefix, remote_group_id, remote_address_group_id } =
  securityGroupRule.fields;

export const defaultSecurityGroupRule = defineResource({
  name: 'default_security_group_rule',
  notFound: { type: 'DefaultSecurityGroupRuleNotFound', id: 'id' },
  verbs: ['list', 'show', 'create', 'delete'],
  fields: {
    id: { type: t.uuid, filter: true, sort: true },
    project_id: { type: t.str(255), post: true, show: false, column: false },
    direction,
    ethertype,
    protocol,
    port_range_min,
    port_range_max,
    remote_ip_prefix,
    /** A group, or `PARENT`: the group that the rule comes to be in. */
    remote_group_id,
    remote_address_group_id,
    used_in_default_sg: { type: t.bool, post: true, filter: true },
    used_in_non_default_sg: { type: t.bool, post: true, filter: true },
    ...standard,
  },
  /** What the rule says, where it is used: no template says it twice. */
  hidden: { default_key: { type: 'text', nullable: true }, non_default_key: { type: 'text', nullable: true } },
  unique: [['default_key'], ['non_default_key']],
});

export const securityGroupsDefaultStatefulness = defineResource({
  name: 'security_groups_default_statefulness',
  owner: 'project_id',
  plural: 'security_groups_default_statefulness',
  notFound: { type: 'SecurityGroupDefaultStatefulnessNotFound', id: 'id' },
  standard: false,
  fields: {
    id: { type: t.uuid, filter: true, sort: true },
    /** Null: of every project without one of its own. */
    project_id: { type: t.opt(t.str(255)), post: true, default: null, filter: true, sort: true },
    stateful: { type: t.bool, post: true, put: true, default: true, filter: true, sort: true },
  },
  /** The project, or `*`. */
  hidden: { scope: { type: 'text' } },
  unique: [['scope']],
});

export const templateExtensions = [
  {
    alias: 'security-groups-default-rules',
    name: 'Default rules for security groups',
    description: 'The rules that new security groups start with',
    updated: '2022-12-19T10:00:00-00:00',
  },
  {
    alias: 'security-groups-default-statefulness',
    name: 'Security Groups Default Statefulness',
    description: 'Whether new security groups follow connections',
    updated: '2026-04-13T00:00:00-00:00',
  },
  {
    alias: 'security-groups-rules-belongs-to-default-sg',
    name: "Security group rule belongs to the project's default security group",
    description: "Whether a rule is one of the project's default group",
    updated: '2023-05-23T10:00:00-00:00',
  },
] as const satisfies readonly Extension[];
