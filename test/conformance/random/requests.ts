// The requests that no plain create, read, update or delete is: tags, what routers, floating IPs and trunks are asked to do, rules of QoS policies.
import type { Json } from '../recorded.ts';
import { subPorts } from './attributes.ts';
import { collections } from './bodies.ts';
import type { Making } from './making.ts';

const taggable = ['network', 'subnet', 'port', 'router', 'floatingip', 'security_group', 'subnetpool', 'policy', 'trunk', 'address_group'];
const someTags = ['red', 'blue', 'green', 'x'.repeat(60), 'x'.repeat(61), 'a%20b', 'a,b'];
const tagLists: readonly Json[] = [
  { tags: ['red', 'blue'] },
  { tags: [] },
  { tags: 'red' },
  {},
  { tags: ['red', 'red'] },
  { tags: [1] },
  { tags: ['x'.repeat(61)] },
  { tags: ['red'], foo: 1 },
];

export function tags(m: Making): void {
  const kind = m.pick(taggable);
  const collection = kind === 'policy' ? m.pick(['policies', 'qos/policies']) : collections[kind];
  const all = `/${collection}/${m.ref(kind)}/tags`;
  const one = `${all}/${m.pick(someTags)}`;
  const who = m.who(0.5);
  m.pick([
    () => m.send(who, 'GET', all),
    () => m.send(who, 'PUT', one),
    () => m.send(who, 'GET', one),
    () => m.send(who, 'DELETE', one),
    () => m.send(who, 'PUT', all, m.pick(tagLists)),
    () => m.send(who, 'DELETE', all),
  ])();
}

const route = { destination: '198.51.100.0/24', nexthop: '10.1.0.9' };
const routeLists: readonly Json[] = [[], [route], [{ destination: 'bad', nexthop: 'x' }], [{ destination: route.destination }], null, 'x'];

export function routers(m: Making): void {
  const who = m.who(0.5);
  const one = `/routers/${m.ref('router')}`;
  const side = m.pick<Json>([
    { subnet_id: m.ref('subnet') },
    { subnet_id: m.ref('subnet') },
    { port_id: m.ref('port') },
    { subnet_id: m.ref('subnet'), port_id: m.ref('port') },
    {},
    { subnet_id: 'bad' },
    { foo: 1 },
  ]);
  const routes = m.pick(routeLists);
  const gateways = (): Json[] => [{ network_id: m.ref('extnet') }, {}, null, { network_id: m.ref('extnet'), enable_snat: false }];
  m.pick([
    () => m.send(who, 'PUT', `${one}/add_router_interface`, side),
    () => m.send(who, 'PUT', `${one}/add_router_interface`, side),
    () => m.send(who, 'PUT', `${one}/remove_router_interface`, side),
    () => m.send(who, 'PUT', one, { router: { external_gateway_info: m.pick(gateways()) } }),
    () => m.send(who, 'PUT', one, { router: { routes } }),
    () => m.send(who, 'PUT', `${one}/add_extraroutes`, { router: { routes } }),
    () => m.send(who, 'PUT', `${one}/remove_extraroutes`, { router: { routes } }),
    () => m.send(who, 'GET', `${one}/l3-agents`),
    () => {
      const path = `/floatingips/${m.ref('floatingip')}`;
      m.send(who, 'PUT', path, { floatingip: { port_id: m.pick([null, m.ref('port'), m.ref('port'), 'bad']) } });
    },
  ])();
}

type Rule = readonly [path: string, name: string, attributes: Record<string, Json>];

function rules(m: Making): Rule[] {
  const value = m.value.bind(m);
  return [
    [
      'bandwidth_limit_rules',
      'bandwidth_limit_rule',
      {
        max_kbps: value('int', () => m.pick([1000, 0, 2 ** 31 - 1])),
        max_burst_kbps: value('int', 100),
        direction: value('enum', () => m.pick(['egress', 'ingress'])),
      },
    ],
    ['dscp_marking_rules', 'dscp_marking_rule', { dscp_mark: value('int', () => m.pick([0, 10, 26, 56, 57, 1])) }],
    ['minimum_bandwidth_rules', 'minimum_bandwidth_rule', { min_kbps: value('int', 1000), direction: value('enum', 'egress') }],
    ['packet_rate_limit_rules', 'packet_rate_limit_rule', { max_kpps: value('int', 1000), max_burst_kpps: 10, direction: 'any' }],
    [
      'minimum_packet_rate_rules',
      'minimum_packet_rate_rule',
      { min_kpps: value('int', 10), direction: value('enum', () => m.pick(['any', 'egress', 'ingress'])) },
    ],
  ];
}

/** Of which policy each rule is. */
export type Policies = Map<string, string>;

export function qosRules(m: Making, policies: Policies): void {
  const policy = m.ref('policy');
  const [path, key, given] = m.pick(rules(m));
  const body = { [key]: Object.fromEntries(Object.entries(given).filter(() => !m.chance(0.08))) };
  const who = m.who(0.8);
  const drawn = m.random.random();
  if (drawn < 0.6) {
    const bind = m.newName(`qr_${path}`);
    policies.set(`\${${bind}}`, policy);
    m.send(who, 'POST', `/qos/policies/${policy}/${path}`, body, { bind, key });
    return;
  }
  const rule = m.ref(`qr_${path}`);
  const all = `/qos/policies/${policies.get(rule) ?? policy}/${path}`;
  if (drawn < 0.7) m.send(who, 'PUT', `${all}/${rule}`, body);
  else if (drawn < 0.8) m.send(who, 'GET', `${all}/${rule}`);
  else if (drawn < 0.87) m.send(who, 'GET', all);
  else if (drawn < 0.93) m.send(who, 'DELETE', `${all}/${rule}`);
  else m.send(who, m.pick(['GET', 'DELETE']), `/qos/alias_${path}/${rule}`);
}

export function subResources(m: Making): void {
  const who = m.who(0.5);
  const [group, trunk, pool, floating, router] = ['address_group', 'trunk', 'subnetpool', 'floatingip', 'router'].map(kind => m.ref(kind));
  const addresses = m.pick([['10.5.0.0/24'], ['10.0.0.1/32'], ['bad'], [], ['10.5.0.9']]);
  const prefixes = m.pick([['10.24.0.0/16'], ['10.20.0.0/16'], ['bad'], []]);
  const sub_ports = subPorts(m, 1);
  const named = [{ address_group: { addresses } }, { addresses }];
  m.pick([
    () => m.send(who, 'PUT', `/address-groups/${group}/add_addresses`, m.pick<Json>(named)),
    () => m.send(who, 'PUT', `/address-groups/${group}/remove_addresses`, m.pick<Json>(named)),
    () => m.send(who, 'PUT', `/trunks/${trunk}/add_subports`, { sub_ports }),
    () => m.send(who, 'PUT', `/trunks/${trunk}/remove_subports`, { sub_ports: sub_ports.map(portAlone) }),
    () => m.send(who, 'GET', `/trunks/${trunk}/get_subports`),
    () => m.send(who, 'PUT', `/subnetpools/${pool}/add_prefixes`, { prefixes }),
    () => m.send(who, 'PUT', `/subnetpools/${pool}/remove_prefixes`, { prefixes }),
    () => create(`/floatingips/${floating}/port_forwardings`, 'port_forwarding', 'pf', forwarding(m)),
    () => m.send(who, 'GET', `/floatingips/${floating}/port_forwardings`),
    () => create(`/routers/${router}/conntrack_helpers`, 'conntrack_helper', 'cth', helper(m)),
    () => m.send(who, 'GET', `/routers/${router}/conntrack_helpers`),
    () => m.send(who, 'GET', `/ports/${m.ref('port')}/bindings`),
    () => create('/metering/metering-label-rules', 'metering_label_rule', 'mlr', metering(m)),
  ])();

  function create(path: string, key: string, kind: string, body: Json): void {
    m.send(who, 'POST', path, { [key]: body }, { bind: m.newName(kind), key });
  }
}

const portAlone = (sub: Json): Json => ({ port_id: (sub as { readonly port_id: string }).port_id });

const forwarding = (m: Making): Json => ({
  protocol: m.value('enum', 'tcp'),
  internal_ip_address: '10.1.0.210',
  internal_port: m.value('int', 25),
  internal_port_id: m.ref('port'),
  external_port: m.value('int', 2225),
});

const helper = (m: Making): Json => ({ protocol: m.value('enum', 'udp'), port: m.value('int', 69), helper: m.value('enum', 'tftp') });

const metering = (m: Making): Json => ({
  metering_label_id: m.ref('metering_label'),
  direction: m.value('enum', 'ingress'),
  remote_ip_prefix: m.value('cidr', '10.6.0.0/24'),
});
