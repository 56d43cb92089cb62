// Bodies of creates and updates, now and then with something that does not belong there, or not a body at all.
import type { Json } from '../recorded.ts';
import { attributesOf } from './attributes.ts';
import { bogus, type Making } from './making.ts';

/** Kind → its collection. */
export const collections: Readonly<Record<string, string>> = {
  network: 'networks',
  subnet: 'subnets',
  port: 'ports',
  router: 'routers',
  floatingip: 'floatingips',
  security_group: 'security-groups',
  security_group_rule: 'security-group-rules',
  subnetpool: 'subnetpools',
  address_scope: 'address-scopes',
  address_group: 'address-groups',
  rbac_policy: 'rbac-policies',
  policy: 'qos/policies',
  trunk: 'trunks',
  segment: 'segments',
  metering_label: 'metering/metering-labels',
};

/** What an update may not name, and names seldom. */
const fixed: Readonly<Record<string, readonly string[]>> = {
  subnet: ['network_id', 'ip_version', 'cidr', 'subnetpool_id', 'prefixlen', 'ipv6_ra_mode', 'ipv6_address_mode'],
  port: ['network_id'],
  floatingip: ['floating_network_id', 'floating_ip_address', 'subnet_id'],
  security_group_rule: ['security_group_id', 'direction', 'ethertype', 'protocol'],
  address_scope: ['ip_version'],
  trunk: ['port_id', 'sub_ports'],
  segment: ['network_id', 'network_type', 'physical_network', 'segmentation_id'],
  rbac_policy: ['object_type', 'object_id', 'action'],
  address_group: ['addresses'],
};

/** What no body may name, or none of most resources. */
const foreign: Readonly<Record<string, Json>> = {
  id: bogus,
  status: 'ACTIVE',
  created_at: '2020-01-01T00:00:00Z',
  revision_number: 3,
  project_id: bogus,
  tenant_id: '${P1}',
  tags: ['x'],
  bogus_attribute: 1,
};

export function bodyOf(making: Making, kind: string, verb: 'create' | 'update'): Record<string, Json> {
  const body: Record<string, Json> = {};
  const seldom = fixed[kind] ?? [];
  const updated = (name: string, often: number): number => (seldom.includes(name) ? 0.03 : often < 0.9 ? Math.min(0.6, often * 1.2) : 0.4);
  for (const [name, [often, type, good]] of Object.entries(attributesOf[kind]?.(making) ?? {}))
    if (making.chance(verb === 'update' ? updated(name, often) : often)) body[name] = making.value(type, good);
  if (!making.chance(0.04)) return body;
  const name = making.pick(Object.keys(foreign).sort());
  return { ...body, [name]: foreign[name] as Json };
}

/** Under the resource's name, or not quite. */
export function wrapped(making: Making, kind: string, body: Json): Json {
  if (making.random.random() < 0.955) return { [kind]: body };
  return making.pick<Json>([
    body,
    {},
    { [`${kind}x`]: body },
    { [kind]: [body] },
    { [kind]: 'text' },
    [body],
    null,
    { [kind]: null },
    { __raw__: `{"${kind}": ` },
    { __raw__: 'plain' },
  ]);
}
