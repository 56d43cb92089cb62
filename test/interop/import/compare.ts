// Every list and every object of two servers, attribute by attribute.
import { isDeepStrictEqual } from 'node:util';
import type { Resource } from '../../../src/model/kit/resource.ts';
import { resources } from '../../../src/model/registry.ts';
import type { Answer, Api, Body, Made } from '../../api/client.ts';

export interface Difference {
  /** `ports.status`; `ports` where an object is on one side only. */
  readonly what: string;
  readonly id: string;
  readonly there: unknown;
  readonly here: unknown;
}

export type Get = (path: string) => Promise<Answer>;

export const getter =
  ({ request }: Api): Get =>
  path =>
    request('GET', path);

/** Of a server that stands still each answer is asked for once. */
export function remembered(get: Get): Get {
  const known = new Map<string, Promise<Answer>>();
  return path => {
    const answer = known.get(path) ?? get(path);
    known.set(path, answer);
    return answer;
  };
}

/** Lists whose order means something. */
const ordered = new Set(['dns_nameservers', 'fixed_ips']);

/** The same for lists that are the same but for their order. */
function settled(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) {
    const all = value.map(v => settled(v));
    return ordered.has(name) ? all : all.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, v]) => [key, settled(v, key)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

export interface Pair {
  readonly there: Get;
  readonly here: Get;
}

/** Zones of networks and of routers have the same names. */
const keyOf = (resource: Resource, object: Body): string =>
  resource.name === 'availability_zone'
    ? `${object['name']} of ${object['resource']}`
    : String(object[resource.key] ?? object['id'] ?? object['host'] ?? object['name']);

/** Lists, and what each of their members is by itself; and what is asked for in other ways. */
export async function compareAll(pair: Pair, projects: readonly string[]): Promise<Difference[]> {
  const found: Difference[] = [];
  for (const resource of resources) {
    if (resource.aliasOf !== undefined || !resource.verbs.includes('list')) continue;
    if (!resource.parent) found.push(...(await compareList(pair, resource, resource.path)));
    else
      for (const parent of await parents(pair, resource))
        found.push(...(await compareList(pair, resource, `${parent.path}/${parent.id}/${resource.path}`)));
  }
  for (const [what, path] of [...(await besides(pair)), ...projects.flatMap(ofProject)])
    found.push(...(await compareBodies(pair, what, path)));
  return found;
}

async function parents({ here }: Pair, { parent }: Resource): Promise<{ path: string; id: string }[]> {
  const above = resources.find(r => r.name === parent?.resource);
  if (!above) return [];
  const { body } = await here(above.path);
  return ((body[above.plural] ?? []) as Made[]).map(({ id }) => ({ path: above.path, id }));
}

type Place = readonly [what: string, path: string];

const ofProject = (project: string): readonly Place[] => [
  ['quota', `quotas/${project}`],
  ['quota details', `quotas/${project}/details.json`],
];

async function besides({ here }: Pair): Promise<Place[]> {
  const ids = async (path: string): Promise<string[]> => ((Object.values((await here(path)).body)[0] ?? []) as Made[]).map(o => o.id);
  const below = async (path: string, ...names: readonly string[]): Promise<Place[]> =>
    (await ids(path)).flatMap(id => names.map((name): Place => [`${path} ${name}`, `${path}/${id}/${name}`]));
  return [
    ['quotas', 'quotas'],
    ...(await below('networks', 'dhcp-agents', 'tags')),
    ...(await below('routers', 'l3-agents')),
    ...(await below('agents', 'dhcp-networks', 'l3-routers')),
  ];
}

async function compareBodies(pair: Pair, what: string, path: string): Promise<Difference[]> {
  const [there, here] = await Promise.all([pair.there(path), pair.here(path)]);
  if (there.status !== here.status) return [{ what: `${what}: status`, id: path, there: there.status, here: here.status }];
  const same = there.status !== 200 || isDeepStrictEqual(settled(withoutNews(what, there.body)), settled(withoutNews(what, here.body)));
  return same ? [] : [{ what, id: path, there: there.body, here: here.body }];
}

async function compareList(pair: Pair, resource: Resource, path: string): Promise<Difference[]> {
  const [there, here] = await Promise.all([pair.there(path), pair.here(path)]);
  const name = resource.policyName === resource.name ? resource.plural : `${resource.parent?.resource}.${resource.plural}`;
  if (there.status !== 200 || here.status !== 200)
    return there.status === here.status ? [] : [{ what: `${name}: status`, id: path, there: there.status, here: here.status }];
  const lists = [there, here].map(a => new Map((Object.values(a.body)[0] as Body[]).map(o => [keyOf(resource, o), o])));
  const [theirs, ours] = lists as [Map<string, Body>, Map<string, Body>];
  const found: Difference[] = [];
  for (const id of new Set([...theirs.keys(), ...ours.keys()])) {
    const [a, b] = [theirs.get(id), ours.get(id)];
    if (!a || !b) found.push({ what: name, id, there: a, here: b });
    else found.push(...compareObjects(name, id, a, b));
    if (a && b && resource.verbs.includes('show')) found.push(...(await compareShown(pair, name, `${path}/${id}`, id)));
  }
  return found;
}

async function compareShown(pair: Pair, name: string, path: string, id: string): Promise<Difference[]> {
  const [there, here] = await Promise.all([pair.there(path), pair.here(path)]);
  if (there.status !== here.status) return [{ what: `${name}: status`, id: path, there: there.status, here: here.status }];
  if (there.status !== 200) return [];
  return compareObjects(name, id, Object.values(there.body)[0] as Body, Object.values(here.body)[0] as Body);
}

function compareObjects(name: string, id: string, there: Body, here: Body): Difference[] {
  return [...new Set([...Object.keys(there), ...Object.keys(here)])]
    .filter(key => !isNew(name, key))
    .filter(key => !isDeepStrictEqual(settled(withoutNews(name, there[key]), key), settled(withoutNews(name, here[key]), key)))
    .map(key => ({ what: `${name}.${key}`, id, there: there[key], here: here[key] }));
}

/** Attributes that Zed's server does not show, and Weft does: of later releases, and those that it leaves out. */
const news: Readonly<Record<string, readonly string[]>> = {
  networks: ['vlan_transparent'],
  subnets: ['router:external'],
  ports: ['hints', 'hardware_offload_type', 'trusted'],
  routers: ['enable_default_route_ecmp', 'enable_default_route_bfd', 'enable_snat', 'external_gateways'],
  floatingips: ['distributed', 'qos_network_policy_id'],
  security_groups: ['belongs_to_default_sg', 'standard_attr_id'],
  security_group_rules: ['belongs_to_default_sg'],
  segments: ['tags'],
  network_segment_ranges: ['physical_network', 'tenant_id', 'project_id'],
  address_groups: ['created_at', 'updated_at', 'revision_number'],
  'floatingip.port_forwardings': ['external_port', 'internal_port'],
  network_ip_availabilities: ['ip_availability_details'],
  'networks dhcp-agents': ['resource_versions'],
  'routers l3-agents': ['resource_versions'],
  'agents dhcp-networks': ['tenant_id', 'standard_attr_id', 'vlan_transparent'],
  'agents l3-routers': [
    ...['tenant_id', 'gw_port_id', 'ha_vr_id', 'qos_policy_id', 'qos_network_policy_id', 'description'],
    ...['enable_default_route_ecmp', 'enable_default_route_bfd', 'enable_snat', 'external_gateways'],
  ],
};

const isNew = (name: string, key: string): boolean => news[name]?.includes(key) === true;

/** Of nested objects, too. */
function withoutNews(name: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map(v => withoutNews(name, v));
  if (value === null || typeof value !== 'object') return value;
  const kept = Object.entries(value).filter(([key]) => !isNew(name, key));
  return Object.fromEntries(kept.map(([key, v]) => [key, withoutNews(name, v)]));
}
