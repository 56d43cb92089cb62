// What decides about packets: security groups, address groups, QoS, logs, and metering.
import { normalizedCidr } from '../../domain/security-groups.ts';
import { beside, type Mapping, same, standardColumns } from '../mapping.ts';

const securityGroups: Mapping = {
  from: 'securitygroups',
  standard: true,
  into: [{ table: 'security_groups', columns: { ...same('id', 'project_id', 'name', 'stateful'), ...standardColumns } }],
};

const securityGroupRules: Mapping = {
  from: 'securitygrouprules',
  standard: true,
  into: [
    {
      table: 'security_group_rules',
      columns: {
        ...same('id', 'project_id', 'security_group_id', 'remote_group_id', 'remote_address_group_id', 'direction', 'ethertype'),
        ...same('protocol', 'port_range_min', 'port_range_max', 'remote_ip_prefix'),
        normalized_cidr: ({ row }) => normalizedCidr((row['remote_ip_prefix'] ?? null) as string | null),
        ...standardColumns,
      },
    },
  ],
};

const defaultGroups: Mapping = {
  from: 'default_security_group',
  into: [{ table: 'default_security_groups', columns: same('project_id', 'security_group_id') }],
};

const addressGroups: Mapping = {
  from: 'address_groups',
  standard: true,
  into: [{ table: 'address_groups', columns: { ...same('id', 'project_id', 'name'), ...standardColumns } }],
};

const addresses: Mapping = {
  from: 'address_associations',
  into: [{ table: 'address_group_addresses', columns: same('address_group_id', 'address') }],
};

const qosPolicies: Mapping = {
  from: 'qos_policies',
  standard: true,
  beside: { chosen: beside('qos_policies_default', 'qos_policy_id') },
  into: [
    {
      table: 'qos_policies',
      columns: { ...same('id', 'project_id', 'name'), default_of: 'chosen.project_id', ...standardColumns },
    },
  ],
};

const rules = (table: string, ...columns: readonly string[]): Mapping => ({
  from: table,
  into: [{ table, columns: same('id', 'qos_policy_id', ...columns) }],
});

const logs: Mapping = {
  from: 'logs',
  standard: true,
  into: [
    {
      table: 'logs',
      columns: {
        ...same('id', 'project_id', 'name', 'resource_type', 'resource_id', 'target_id', 'event', 'enabled'),
        ...standardColumns,
      },
    },
  ],
};

const meteringLabels: Mapping = {
  from: 'meteringlabels',
  into: [{ table: 'metering_labels', columns: same('id', 'project_id', 'name', 'description', 'shared') }],
};

const meteringRules: Mapping = {
  from: 'meteringlabelrules',
  beside: { label: beside('meteringlabels', 'id', 'metering_label_id') },
  into: [
    {
      table: 'metering_label_rules',
      columns: {
        ...same('id', 'metering_label_id', 'direction', 'excluded', 'remote_ip_prefix', 'source_ip_prefix', 'destination_ip_prefix'),
        project_id: 'label.project_id',
      },
    },
  ],
};

export const policyTables: readonly Mapping[] = [
  securityGroups,
  addressGroups,
  addresses,
  securityGroupRules,
  defaultGroups,
  qosPolicies,
  rules('qos_bandwidth_limit_rules', 'max_kbps', 'max_burst_kbps', 'direction'),
  rules('qos_dscp_marking_rules', 'dscp_mark'),
  rules('qos_minimum_bandwidth_rules', 'min_kbps', 'direction'),
  rules('qos_minimum_packet_rate_rules', 'min_kpps', 'direction'),
  rules('qos_packet_rate_limit_rules', 'max_kpps', 'max_burst_kpps', 'direction'),
  logs,
  meteringLabels,
  meteringRules,
];
