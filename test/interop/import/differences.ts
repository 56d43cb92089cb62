// What an imported cloud may show otherwise than the server that it comes from, each with the reason.
import { isDeepStrictEqual } from 'node:util';
import type { Difference } from './compare.ts';

interface Allowed {
  readonly what: string;
  readonly why: string;
  readonly when?: (difference: Difference) => boolean;
}

/** Of an object and all within it. */
const withoutMacs = (value: unknown): unknown => JSON.parse(JSON.stringify(value, (key, v) => (key === 'mac_address' ? undefined : v)));

const isNothing = (value: unknown): boolean => value === null || value === undefined;

const allowed: readonly Allowed[] = [
  { what: 'routers.description', why: 'null is shown as an empty text', when: ({ there, here }) => there === null && here === '' },
  { what: 'segments.description', why: 'null is shown as an empty text', when: ({ there, here }) => there === null && here === '' },
  {
    what: 'routers.qos_policy_id',
    why: "Neutron's lists show what is within external_gateway_info once more",
    when: ({ here }) => here === undefined,
  },
  {
    what: 'routers.qos_network_policy_id',
    why: "Neutron's lists show what is within external_gateway_info once more",
    when: ({ here }) => here === undefined,
  },
  {
    what: 'port.bindings.vif_details',
    why: 'bound_drivers are a part of the binding',
    when: ({ here }) => 'bound_drivers' in (here as object),
  },
  { what: 'port.bindings: status', why: 'Neutron fails, or asks for another right', when: ({ there }) => there === 500 || there === 404 },
  {
    what: 'network_segment_ranges',
    why: 'default ranges get new ids with every start of a server',
    when: ({ there, here }) => ((there ?? here) as { default: boolean }).default,
  },
  { what: 'flavor.next_providers: status', why: 'Neutron fails', when: ({ there }) => there === 500 },
  { what: 'default_security_group_rules: status', why: 'of a later release', when: ({ there }) => there === 404 },
  { what: 'security_groups_default_statefulness: status', why: 'of a later release', when: ({ there }) => there === 404 },
  { what: 'port_associations: status', why: 'Neutron fails', when: ({ there }) => there === 500 },
  {
    what: 'ports.trunk_details',
    why: "Neutron's lists leave the MACs of subports out",
    when: ({ there, here }) => isDeepStrictEqual(withoutMacs(there), withoutMacs(here)) && !JSON.stringify(there).includes('mac_address'),
  },
  { what: 'rule_types.drivers', why: 'which drivers there are' },
  { what: 'subnets.tags', why: "of others' subnets, which are not shown to them", when: ({ here }) => isNothing(here) },
  { what: 'networks tags: status', why: 'Neutron shows a shared network and not its tags', when: ({ there }) => there === 404 },
];

export const unexplained = (found: readonly Difference[]): Difference[] =>
  found.filter(one => !allowed.some(({ what, when }) => what === one.what && (when === undefined || when(one))));
