// The default rules, compared with Neutron's: test/data/neutron-policies.jsonl has a line for each, of name, check, operations, deprecated
// names with their checks, and scope types.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { PolicyRule } from './policies/rule.ts';
import { policies } from './policies.ts';
import { ruleTypes } from './qos.ts';

type Line = readonly [
  name: string,
  check: string,
  operations: readonly string[],
  deprecated: readonly (readonly [string, string])[],
  scopes: readonly string[],
];

const file = join(import.meta.dirname, '../../test/data/neutron-policies.jsonl');
const lines = readFileSync(file, 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line) as Line);
const byName = new Map(policies.map(rule => [rule.name, rule]));

/** What we say otherwise, and why. */
const otherwise: Readonly<Record<string, Partial<PolicyRule>>> = {
  // A cloud without services of its own has nobody else who could: docs/differences.md.
  'create_port:binding:profile': { check: '(rule:admin_only) or (rule:service_api)' },
  'update_port:binding:profile': { check: '(rule:admin_only) or (rule:service_api)' },
  create_port_binding: { check: '(rule:admin_only) or (rule:service_api)' },
  delete_port_binding: { check: '(rule:admin_only) or (rule:service_api)' },
  activate: { check: '(rule:admin_only) or (rule:service_api)' },
  // As in Zed, whose clients ask: a shared policy shows its rules anyway.
  ...Object.fromEntries(
    [
      ...ruleTypes.map(type => `get_policy_${type}_rule`),
      ...(['bandwidth_limit', 'dscp_marking', 'minimum_bandwidth'] as const).map(type => `get_alias_${type}_rule`),
    ].map(name => [name, { check: '(rule:admin_only) or role:reader' }]),
  ),
  // Whoever only reads, or has no role at all, makes no ports on the networks of others: docs/differences.md.
  ...Object.fromEntries(
    ['create_port', 'create_port:fixed_ips', 'create_port:fixed_ips:subnet_id', 'update_port:fixed_ips:subnet_id'].map(name => [
      name,
      { check: '(rule:admin_only) or (rule:service_api) or role:member and rule:network_owner or role:member and rule:shared' },
    ]),
  ),
  // No request asks for it.
  get_flavor_service_profile: { scopes: [] },
};

/** Neutron asks for the tags of a segment as for all tags, and has the rules under names of their own (OSSA-2026-016). */
const renamed = new Map(['create', 'get', 'update', 'delete'].map(verb => [`${verb}_segments_tags`, `${verb}_segment:tags`]));

/** Subnets of external networks are their owners', as Zed's clients know them: docs/differences.md. */
const withoutExternal = (check: string): string => check.replace(' or rule:external_network', '');

test('every rule of Neutron is here, with its check, operations, deprecated names and scope types', () => {
  assert.equal(lines.length, 365);
  for (const [name, check, operations, deprecated, scopes] of lines) {
    const ours = renamed.get(name) ?? name;
    const older = ours === name ? deprecated : [[name, check] as const];
    const said = ours.startsWith('get_subnet') ? withoutExternal : (text: string): string => text;
    const names = older.map(([n, c]) => ({ name: n, check: said(c) }));
    const neutron: PolicyRule = { name: ours, check: said(check), operations, deprecated: names, scopes };
    assert.deepEqual(byName.get(ours), { ...neutron, ...otherwise[name] }, name);
  }
});

test('no rule is here that Neutron does not have', () => {
  const known = new Set(lines.map(([name]) => renamed.get(name) ?? name));
  assert.deepEqual(
    policies.map(rule => rule.name).filter(name => !known.has(name)),
    // Neutron asks no rule for a change of a binding; what no rule is defined for is denied here. The other is of an action of ours.
    ['update_port_binding', 'take_ports'],
  );
});
