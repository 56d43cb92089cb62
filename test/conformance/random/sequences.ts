// Random sequences of requests, valid, borderline and invalid ones: a seed is a sequence, the one that was recorded by this number.
import type { Json, RecordedRequest } from '../recorded.ts';
import { others, quotas } from './asides.ts';
import { bodyOf, collections, wrapped } from './bodies.ts';
import { bogus, Making, type Who } from './making.ts';
import { type Policies, qosRules, routers, subResources, tags } from './requests.ts';

/** Requests that a seed stands for. */
export function sequenceOf(seed: number, length: number): RecordedRequest[] {
  const making = new Making(seed);
  const policies: Policies = new Map();
  begin(making);
  while (making.requests.length < length) step(making, policies);
  return making.requests;
}

/** What succeeds, so that what comes then has something to be about. */
function begin(m: Making): void {
  const outside = create(m, 'network', 'admin', { name: 'ext', 'router:external': true });
  m.also('extnet', outside);
  const pool = (net: string): Json => [{ start: `${net}.2`, end: `${net}.150` }];
  const on = (network: string, net: string): Record<string, Json> => ({
    network_id: `\${${network}}`,
    ip_version: 4,
    cidr: `${net}.0/24`,
    allocation_pools: pool(net),
  });
  create(m, 'subnet', 'admin', { name: 'ext4', enable_dhcp: false, ...on(outside, '172.30.0') });
  for (const i of [1, 2]) {
    const network = create(m, 'network', 'member', { name: `base${i}` });
    create(m, 'subnet', 'member', { name: `sub${i}`, ...on(network, `10.1.${i - 1}`) });
    create(m, 'port', 'member', { name: `port${i}`, network_id: `\${${network}}` });
  }
  create(m, 'router', 'member', { name: 'rt' });
  create(m, 'security_group', 'member', { name: 'sg' });
  create(m, 'policy', 'admin', { name: 'qp' });
}

/** How often each kind is drawn. */
const weights: Readonly<Record<string, number>> = {
  network: 5,
  subnet: 5,
  port: 6,
  router: 3,
  floatingip: 3,
  security_group: 2,
  security_group_rule: 4,
  subnetpool: 2,
  address_scope: 1,
  address_group: 2,
  rbac_policy: 2,
  policy: 2,
  trunk: 2,
  segment: 1,
  metering_label: 1,
};
const kinds = Object.entries(weights).flatMap(([kind, weight]) => Array.from({ length: weight }, () => kind));

function step(m: Making, policies: Policies): void {
  const kind = m.pick(kinds);
  const path = `/${collections[kind]}/${m.ref(kind)}`;
  const drawn = m.random.random();
  if (drawn < 0.4) createSome(m, kind);
  else if (drawn < 0.5) {
    const who = m.who(0.5);
    m.send(who, 'PUT', path, wrapped(m, kind, bodyOf(m, kind, 'update')));
  } else if (drawn < 0.56) {
    const who = m.who(0.5);
    m.send(who, 'GET', `${path}${m.pick(['', '', '?fields=id&fields=name', '?fields=bogus'])}`);
  } else if (drawn < 0.64) list(m, kind);
  else if (drawn < 0.7) m.send(m.who(0.5), 'DELETE', path);
  else if (drawn < 0.76) tags(m);
  else if (drawn < 0.84) routers(m);
  else if (drawn < 0.88) qosRules(m, policies);
  else if (drawn < 0.91) subResources(m);
  else if (drawn < 0.94) quotas(m);
  else others(m);
}

function create(m: Making, kind: string, who: Who, body: Json): string {
  return post(m, kind, who, { [kind]: body });
}

function post(m: Making, kind: string, who: Who, body: Json): string {
  const name = m.newName(kind);
  if (isExternal(kind, body)) m.also('extnet', name);
  m.send(who, 'POST', `/${collections[kind]}`, body, { bind: name, key: kind });
  return name;
}

function isExternal(kind: string, body: Json): boolean {
  const item = (body as Readonly<Record<string, Readonly<Record<string, Json>> | null>> | null)?.[kind];
  return item?.['router:external'] === true;
}

const managed = ['rbac_policy', 'policy', 'segment', 'metering_label'];
const oftenSeveral = ['network', 'subnet', 'port', 'security_group_rule'];

function createSome(m: Making, kind: string): void {
  const who = m.who(managed.includes(kind) ? 0.75 : 0.4);
  const collection = collections[kind] ?? '';
  if (!oftenSeveral.includes(kind) || !m.chance(0.05)) {
    post(m, kind, who, wrapped(m, kind, bodyOf(m, kind, 'create')));
    return;
  }
  const bulk = collection.replaceAll('-', '_');
  const body = { [bulk]: [bodyOf(m, kind, 'create'), bodyOf(m, kind, 'create')] };
  m.send(who, 'POST', `/${collection}`, body, { bulk, bind: [m.newName(kind), m.newName(kind)] });
}

function list(m: Making, kind: string): void {
  const query = m.chance(0.8) ? ['project_id=${P1}'] : [];
  for (let more = m.random.below(3); more > 0; more--) query.push(m.pick(queries(m, kind)));
  m.send(m.who(0.6), 'GET', `/${collections[kind]}${query.length > 0 ? `?${query.join('&')}` : ''}`);
}

const queries = (m: Making, kind: string): string[] => [
  ...['fields=id', 'fields=name', 'fields=bogus', 'sort_key=name&sort_dir=asc', 'sort_key=name', 'sort_dir=desc'],
  ...['sort_key=bogus&sort_dir=asc', `name=${kind}-3`, 'name=', 'admin_state_up=true', 'admin_state_up=maybe', 'shared=False'],
  ...[`id=${bogus}`, 'bogus=1', `limit=1&marker=${bogus}`, 'limit=x', 'limit=-1', 'tags=red', 'not-tags=red', 'description='],
  ...[`network_id=${m.ref('network')}`, 'status=ACTIVE', 'fields=id&fields=name', `id=${m.ref(kind)}`, 'page_reverse=maybe'],
  ...['tags-any=red,blue', 'changed-since=2020-01-01T00:00:00Z', 'changed-since=bad'],
];
