// The routes of the identity API below /v3: what each answers, and to whom. What is not in the table is not offered.
import type { Directory } from './directory.ts';
import * as documents from './documents.ts';
import { forbidden, KeystoneError, notFound } from './keystone-error.ts';
import type { Assignment } from './state.ts';
import type { Claims } from './token.ts';

/** A request of somebody whose token is valid. */
export interface Asked {
  readonly directory: Directory;
  readonly urls: documents.Urls;
  readonly claims: Claims;
  readonly query: URLSearchParams;
  /** The variable segments of the path, decoded. */
  readonly ids: readonly string[];
}

/** Keystone's rules of Zed, as far as they concern reading. */
type Access =
  | 'anyone'
  /** The administrator, or a reader of the system. */
  | 'admin'
  /** That, or the user whom the first id names. */
  | 'self'
  /** That, or a token of the project that the first id names. */
  | 'own-project';

export interface Route {
  /** `:` stands for a variable segment. */
  readonly path: string;
  /** Keystone's policy name, for the 403. */
  readonly action: string;
  readonly access: Access;
  answer(asked: Asked): object;
}

type Listed = Readonly<Record<string, unknown>>;

/** A collection: all that match the query's `filters`, with Keystone's links. */
function collection(
  key: string,
  path: (asked: Asked) => string,
  items: (asked: Asked) => readonly Listed[],
  filters: readonly string[] = ['id', 'name'],
) {
  return (asked: Asked): object => {
    const wanted = filters.flatMap(f => (asked.query.has(f) ? [[f, asked.query.get(f)!] as const] : []));
    const found = items(asked).filter(item => wanted.every(([f, value]) => matches(item[f], value)));
    return { [key]: found, links: { self: `${asked.urls.identity}/v3/${path(asked)}`, previous: null, next: null } };
  };
}

function matches(value: unknown, wanted: string): boolean {
  if (typeof value === 'boolean') return value === !['false', '0', 'no', 'off'].includes(wanted.toLowerCase());
  return value === wanted;
}

/** One of a collection by its id. */
function member(key: string, kind: string, items: (asked: Asked) => readonly Listed[]) {
  return (asked: Asked): object => {
    const id = asked.ids[0]!;
    const found = items(asked).find(item => item['id'] === id);
    if (!found) throw notFound(kind, id);
    return { [key]: found };
  };
}

const users = ({ directory, urls }: Asked): Listed[] => directory.state.users.map(u => documents.userDocument(u, urls));
const projects = ({ directory, urls }: Asked): Listed[] => directory.state.projects.map(p => documents.projectDocument(p, urls));
const domains = ({ directory, urls }: Asked): Listed[] => directory.state.domains.map(d => documents.domainDocument(d, urls));
const roles = ({ directory, urls }: Asked): Listed[] => directory.state.roles.map(r => documents.roleDocument(r, urls));
const services = ({ urls }: Asked): Listed[] => documents.services(urls);
const endpoints = ({ directory, urls }: Asked): Listed[] => documents.endpoints(directory.state.region, urls);
const regions = ({ directory, urls }: Asked): Listed[] => documents.regions(directory.state.region, urls);

function projectsOf(who: (asked: Asked) => string): (asked: Asked) => Listed[] {
  return asked => {
    const id = who(asked);
    if (!asked.directory.user(id)) throw notFound('user', id);
    return asked.directory.projectsOf(id).map(p => documents.projectDocument(p, asked.urls));
  };
}

export const routes: readonly Route[] = [
  {
    path: 'auth/projects',
    action: 'identity:get_auth_projects',
    access: 'anyone',
    answer: collection(
      'projects',
      () => 'auth/projects',
      projectsOf(a => a.claims.user_id),
    ),
  },
  {
    path: 'auth/domains',
    action: 'identity:get_auth_domains',
    access: 'anyone',
    answer: collection(
      'domains',
      () => 'auth/domains',
      a => a.directory.domainsOf(a.claims.user_id).map(d => documents.domainDocument(d, a.urls)),
    ),
  },
  { path: 'auth/system', action: 'identity:get_auth_system', access: 'anyone', answer: authSystem },
  { path: 'auth/catalog', action: 'identity:get_auth_catalog', access: 'anyone', answer: authCatalog },
  ...pair('users', 'user', users, { list: 'admin', get: 'self', filters: ['id', 'name', 'domain_id', 'enabled'] }),
  {
    path: 'users/:/projects',
    action: 'identity:list_user_projects',
    access: 'self',
    answer: collection(
      'projects',
      a => `users/${a.ids[0]}/projects`,
      projectsOf(a => a.ids[0]!),
      ['id', 'name', 'domain_id', 'enabled'],
    ),
  },
  ...pair('projects', 'project', projects, {
    list: 'admin',
    get: 'own-project',
    filters: ['id', 'name', 'domain_id', 'enabled', 'parent_id', 'is_domain'],
  }),
  ...pair('domains', 'domain', domains, { list: 'admin', get: 'admin', filters: ['id', 'name', 'enabled'] }),
  ...pair('roles', 'role', roles, { list: 'admin', get: 'admin', filters: ['id', 'name'] }),
  ...pair('services', 'service', services, { list: 'admin', get: 'admin', filters: ['id', 'type', 'name'] }),
  ...pair('endpoints', 'endpoint', endpoints, {
    list: 'admin',
    get: 'admin',
    filters: ['id', 'interface', 'service_id', 'region_id', 'region'],
  }),
  ...pair('regions', 'region', regions, { list: 'anyone', get: 'anyone', filters: ['id', 'parent_region_id'] }),
  { path: 'role_assignments', action: 'identity:list_role_assignments', access: 'admin', answer: roleAssignments },
];

function pair(
  key: string,
  kind: string,
  items: (asked: Asked) => readonly Listed[],
  options: { list: Access; get: Access; filters: string[] },
): Route[] {
  const { list, get, filters } = options;
  return [
    { path: key, action: `identity:list_${key}`, access: list, answer: collection(key, () => key, items, filters) },
    { path: `${key}/:`, action: `identity:get_${kind}`, access: get, answer: member(kind, kind, items) },
  ];
}

function authSystem({ directory, claims, urls }: Asked): object {
  const all = directory.rolesIn(claims.user_id, { kind: 'system' }) !== undefined;
  return { system: all ? [{ all: true }] : [], links: { self: `${urls.identity}/v3/auth/system` } };
}

function authCatalog({ directory, claims, urls }: Asked): object {
  // Keystone's own words for a token without a project.
  if (claims.scope.kind !== 'project') throw new KeystoneError(403, 'You are not authorized to perform the requested action.');
  return { catalog: documents.catalog(directory.state.region, urls), links: { self: `${urls.identity}/v3/auth/catalog` } };
}

function roleAssignments({ directory, urls, query }: Asked): object {
  const names = isOn(query, 'include_names');
  const all = isOn(query, 'effective') ? directory.state.assignments.flatMap(a => effective(a, directory)) : directory.state.assignments;
  const wants = (key: string, value: string | undefined): boolean => !query.has(key) || query.get(key) === value;
  const found = all.filter(
    a =>
      wants('user.id', a.user_id) &&
      wants('role.id', a.role_id) &&
      wants('scope.project.id', a.project_id) &&
      wants('scope.domain.id', a.domain_id) &&
      wants('scope.system', a.system) &&
      // There are no groups.
      !query.has('group.id'),
  );
  return {
    role_assignments: found.map(a => documents.assignmentDocument(a, directory, { urls, names })),
    links: { self: `${urls.identity}/v3/role_assignments`, previous: null, next: null },
  };
}

function effective(assignment: Assignment, directory: Directory): Assignment[] {
  return directory.withImplied([assignment.role_id]).map(role => ({ ...assignment, role_id: role.id }));
}

/** `?effective` and `?effective=1` are on, `?effective=0` is off. */
function isOn(query: URLSearchParams, key: string): boolean {
  return query.has(key) && query.get(key) !== '0' && query.get(key)?.toLowerCase() !== 'false';
}

export function isAdmin({ directory, claims }: Pick<Asked, 'directory' | 'claims'>): boolean {
  return roleNames({ directory, claims }).includes('admin');
}

/** Of the caller, in the scope of the token. */
export function roleNames({ directory, claims }: Pick<Asked, 'directory' | 'claims'>): readonly string[] {
  return (directory.rolesIn(claims.user_id, claims.scope) ?? []).map(role => role.name);
}

/** Throws 403 unless the rule lets the caller in. */
export function checkAccess(route: Route, asked: Asked): void {
  const { claims, ids } = asked;
  const { scope } = claims;
  const reads = isAdmin(asked) || (scope.kind === 'system' && roleNames(asked).includes('reader'));
  const own =
    route.access === 'anyone' ||
    (route.access === 'self' && ids[0] === claims.user_id) ||
    (route.access === 'own-project' && scope.kind === 'project' && ids[0] === scope.id);
  if (!reads && !own) throw forbidden(route.action);
}
