// QoS policies, their rules by one table of kinds, the short URLs of rules, and the types of rules that drivers know.
import { absent, defineResource, type Extension, type Fields, type Resource } from './kit/resource.ts';
import { identity, standard, tags } from './kit/standard.ts';
import { t } from './kit/types.ts';

export const qosPolicy = defineResource({
  name: 'policy',
  plural: 'policies',
  path: 'qos/policies',
  tableName: 'qos_policies',
  notFound: { type: 'QosPolicyNotFound', id: 'policy_id' },
  taggable: true,
  bulk: false,
  fields: {
    ...identity,
    name: { type: t.str(255), post: true, put: true, default: '', filter: true, sort: true },
    shared: { type: t.bool, column: false, post: true, put: true, default: false, filter: true },
    is_default: { type: t.bool, column: false, post: true, put: true, default: false, filter: true },
    rules: { type: t.any<readonly unknown[]>(), column: false },
    ...standard,
    ...tags,
  },
  /** The project that the policy is the default of: at most one has it. */
  hidden: { default_of: { type: 'text', nullable: true } },
  unique: [['default_of']],
  indexes: [['project_id']],
});

const most = 2_147_483_647;
const limit = { type: t.range(0, most), post: true, put: true, filter: true, sort: true } as const;
const burst = { ...limit, default: 0 } as const;
const oneWay = { type: t.oneOf('ingress', 'egress'), post: true, put: true, default: 'egress', filter: true, sort: true } as const;
const anyWay = { ...oneWay, type: t.oneOf('any', 'ingress', 'egress') } as const;

/** The values of DSCP that a rule may mark with. */
export const dscpMarks = [0, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 44, 46, 48, 56] as const;
const mark = { type: t.intOneOf(...dscpMarks), post: true, put: true, filter: true, sort: true } as const;

/** The kinds of rules, in the order in which a policy shows them, with their attributes. */
export const ruleKinds = {
  bandwidth_limit: { max_kbps: limit, max_burst_kbps: burst, direction: oneWay },
  dscp_marking: { dscp_mark: mark },
  minimum_bandwidth: { min_kbps: limit, direction: oneWay },
  minimum_packet_rate: { min_kpps: limit, direction: anyWay },
  packet_rate_limit: { max_kpps: limit, max_burst_kpps: burst, direction: oneWay },
} as const satisfies Readonly<Record<string, Fields>>;

export type RuleType = keyof typeof ruleKinds;
export const ruleTypes = Object.keys(ruleKinds) as RuleType[];

export interface RuleResources {
  readonly rule: Resource;
  /** Its short URL; packet rate limits have none. */
  readonly alias?: Resource;
}

const id = { type: t.uuid, filter: true, sort: true } as const;

function ruleResource(type: RuleType): Resource {
  const fields: Fields = ruleKinds[type];
  return defineResource({
    name: `${type}_rule`,
    path: `${type}_rules`,
    tableName: `qos_${type}_rules`,
    parent: { of: qosPolicy, column: 'qos_policy_id' },
    notFound: { type: 'QosRuleNotFound', id: 'rule_id', parent: 'policy_id' },
    standard: false,
    bulk: false,
    fields: { id, project_id: { type: t.any(), post: true, default: absent, show: false, column: false }, ...fields },
    unique: [['qos_policy_id', ...(fields.direction ? ['direction'] : [])]],
  });
}

function aliasResource(type: RuleType, rule: Resource): Resource {
  return defineResource({
    name: `alias_${type}_rule`,
    path: `qos/alias-${type.replaceAll('_', '-')}-rules`,
    aliasOf: rule,
    notFound: { type: 'QosRuleNotFound', id: 'rule_id', parent: 'policy_id' },
    standard: false,
    bulk: false,
    verbs: ['show', 'update', 'delete'],
    fields: { id, ...ruleKinds[type] },
  });
}

function resourcesOf(type: RuleType): RuleResources {
  const rule = ruleResource(type);
  return type === 'packet_rate_limit' ? { rule } : { rule, alias: aliasResource(type, rule) };
}

export const qosRules = Object.fromEntries(ruleTypes.map(type => [type, resourcesOf(type)])) as Readonly<Record<RuleType, RuleResources>>;

export const qosRuleType = defineResource({
  name: 'rule_type',
  path: 'qos/rule-types',
  notFound: { type: 'QosRuleTypeNotFound', id: 'type' },
  stored: false,
  key: 'type',
  verbs: ['list', 'show'],
  bulk: false,
  standard: false,
  fields: {
    type: { type: t.text, column: false },
    drivers: { type: t.any<readonly unknown[]>(), column: false },
    all_supported: { type: t.opt(t.bool), column: false, show: false, filter: true },
    all_rules: { type: t.opt(t.bool), column: false, show: false, filter: true },
  },
});

export const qosResources: readonly Resource[] = [
  qosPolicy,
  ...ruleTypes.flatMap(type => [qosRules[type].rule, ...(qosRules[type].alias ? [qosRules[type].alias] : [])]),
  qosRuleType,
];

export const qosExtensions: readonly Extension[] = [
  {
    alias: 'qos-bw-limit-direction',
    name: 'Direction for QoS bandwidth limit rule',
    description: 'Bandwidth limits for either direction',
    updated: '2017-04-10T10:00:00-00:00',
  },
  {
    alias: 'qos-bw-minimum-ingress',
    name: 'Ingress direction for QoS minimum bandwidth rule',
    description: 'Minimum bandwidths for ingress',
    updated: '2018-07-09T10:00:00-00:00',
  },
  {
    alias: 'qos-default',
    name: 'QoS default policy',
    description: "One of a project's policies is that of its new networks",
    updated: '2017-041-06T10:00:00-00:00',
  },
  {
    alias: 'qos-pps',
    name: 'QoS Rule Type Packet per Second Extension',
    description: 'Limits of packet rates',
    updated: '2021-05-12T10:00:00-00:00',
  },
  {
    alias: 'qos-pps-minimum',
    name: 'QoS minimum packet rate rule',
    description: 'Minimum packet rates',
    updated: '2021-07-14T10:00:00-00:00',
  },
  {
    alias: 'qos-pps-minimum-rule-alias',
    name: 'QoS minimum packet rate rule alias',
    description: 'Minimum packet rates by their own id alone',
    updated: '2021-10-22T10:00:00-00:00',
  },
  {
    alias: 'qos-rule-type-details',
    name: 'Details of QoS rule types',
    description: 'What drivers know of a rule type',
    updated: '2017-06-22T10:00:00-00:00',
  },
  {
    alias: 'qos-rule-type-filter',
    name: 'Allow to filter the list of QoS rule types',
    description: 'Rule types that some driver knows, and all that there are',
    updated: '2022-02-02T10:00:00-00:00',
  },
  {
    alias: 'qos-rules-alias',
    name: 'Quality of Service rules alias API',
    description: 'Rules by their own id alone',
    updated: '2018-10-07T10:00:00-00:00',
  },
];
