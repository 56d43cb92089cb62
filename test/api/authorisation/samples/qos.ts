// QoS policies, their rules, the short URLs of rules, and the types of rules.
import type { Body } from '../../client.ts';
import type { At, Sample } from '../sample.ts';

/** The other direction, where there is one already. */
const direction = (name: string, { made }: At): string => (made[name] ? 'ingress' : 'egress');

const directed = (name: string, body: Body, update: Body): Sample => ({
  resource: name,
  body: at => ({ ...body, direction: direction(name, at) }),
  update,
});

const rules: readonly Sample[] = [
  directed('bandwidth_limit_rule', { max_kbps: 2000 }, { max_kbps: 3000 }),
  { resource: 'dscp_marking_rule', body: () => ({ dscp_mark: 26 }), update: { dscp_mark: 28 }, single: true },
  directed('minimum_bandwidth_rule', { min_kbps: 100 }, { min_kbps: 200 }),
  directed('minimum_packet_rate_rule', { min_kpps: 100 }, { min_kpps: 200 }),
  directed('packet_rate_limit_rule', { max_kpps: 100 }, { max_kpps: 200 }),
];

const aliases = rules
  .filter(r => r.resource !== 'packet_rate_limit_rule')
  .map(({ resource, update }): Sample => ({ resource: `alias_${resource}`, ...(update ? { update } : {}) }));

export const samples: readonly Sample[] = [
  { resource: 'policy', body: ({ n }) => ({ name: `policy ${n}` }) },
  ...rules,
  ...aliases,
  { resource: 'rule_type', shownTo: 'admin' },
];
