// Extensions that add behaviour of the API as a whole, and no attribute of one resource.
import type { Extension } from '../kit/resource.ts';

export const behaviour: readonly Extension[] = [
  { alias: 'agent', name: 'agent', description: 'Agents, known by their heartbeats', updated: '2013-02-03T10:00:00-00:00' },
  {
    alias: 'dhcp_agent_scheduler',
    name: 'DHCP Agent Scheduler',
    description: 'Which DHCP agents serve which networks',
    updated: '2013-02-07T10:00:00-00:00',
  },
  {
    alias: 'l3_agent_scheduler',
    name: 'L3 Agent Scheduler',
    description: 'Which L3 agents host which routers',
    updated: '2013-02-07T10:00:00-00:00',
  },
  { alias: 'router', name: 'Neutron L3 Router', description: 'Routers and floating IPs', updated: '2012-07-20T10:00:00-00:00' },
  { alias: 'security-group', name: 'security-group', description: 'Security groups and their rules', updated: '2012-10-05T10:00:00-00:00' },
  {
    alias: 'stateful-security-group',
    name: 'Stateful security group',
    description: 'Whether a group follows connections',
    updated: '2019-11-26T09:00:00-00:00',
  },
  {
    alias: 'security-groups-normalized-cidr',
    name: 'Normalized CIDR field for security group rules',
    description: "The masked form of a rule's prefix",
    updated: '2020-07-28T10:00:00-00:00',
  },
  { alias: 'quotas', name: 'Quota management support', description: 'Limits per project', updated: '2012-07-29T10:00:00-00:00' },
  {
    alias: 'quota_details',
    name: 'Quota details management support',
    description: 'What is used of each quota',
    updated: '2017-02-10T10:00:00-00:00',
  },
  {
    alias: 'standard-attr-description',
    name: 'standard-attr-description',
    description: 'A description on every resource',
    updated: '2016-02-10T10:00:00-00:00',
  },
  {
    alias: 'standard-attr-revisions',
    name: 'Resource revision numbers',
    description: 'A number that grows with every change',
    updated: '2016-04-11T10:00:00-00:00',
  },
  {
    alias: 'standard-attr-tag',
    name: 'Tag support for resources with standard attribute: network, subnet, port, router, floatingip, security_group',
    description: 'Tags on resources, and filters by them',
    updated: '2017-01-01T00:00:00-00:00',
  },
  {
    alias: 'standard-attr-timestamp',
    name: 'Resource timestamps',
    description: 'When a resource was made and last changed',
    updated: '2016-09-12T10:00:00-00:00',
  },
  {
    alias: 'revision-if-match',
    name: 'If-Match constraints based on revision_number',
    description: 'Changes only what the client has seen',
    updated: '2016-12-11T00:00:00-00:00',
  },
  { alias: 'pagination', name: 'Pagination support', description: 'Lists in pages', updated: '2016-06-12T00:00:00-00:00' },
  { alias: 'sorting', name: 'Sorting support', description: 'Sorted lists', updated: '2016-06-12T00:00:00-00:00' },
  {
    alias: 'project-id',
    name: 'project_id field enabled',
    description: 'project_id beside tenant_id',
    updated: '2016-09-09T09:09:09-09:09',
  },
  {
    alias: 'filter-validation',
    name: 'Filter parameters validation',
    description: 'An unknown filter is an error',
    updated: '2018-07-04T10:00:00-00:00',
  },
  {
    alias: 'empty-string-filtering',
    name: 'Empty String Filtering Extension',
    description: 'A filter may be the empty string',
    updated: '2018-05-01T10:00:00-00:00',
  },
  {
    alias: 'ip-substring-filtering',
    name: 'IP address substring filtering',
    description: 'Ports by a part of their address',
    updated: '2017-11-28T09:00:00-00:00',
  },
  {
    alias: 'port-security-groups-filtering',
    name: 'Port filtering on security groups',
    description: 'Ports by their security groups',
    updated: '2018-01-09T09:00:00-00:00',
  },
  {
    alias: 'port-mac-address-regenerate',
    name: 'Neutron Port MAC address regenerate',
    description: 'A null MAC address asks for a new one',
    updated: '2018-05-03T10:00:00-00:00',
  },
  {
    alias: 'fip-port-details',
    name: 'Floating IP Port Details Extension',
    description: 'The port behind a floating IP',
    updated: '2018-04-09T10:00:00-00:00',
  },
];
