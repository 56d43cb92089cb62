// The bodies of the identity API's answers: tokens, catalog, users, projects and the rest, in Keystone's form. Pure.
import { createHash } from 'node:crypto';
import type { Directory } from './directory.ts';
import type { Assignment, Domain, Project, Role, User } from './state.ts';
import type { Claims } from './token.ts';

export interface Urls {
  /** Of the API server, without a slash at the end: http://127.0.0.1:9696. */
  readonly base: string;
  /** Where the identity API is mounted: http://127.0.0.1:9696/identity. */
  readonly identity: string;
}

/** Of one service; both are there from the start and cannot be changed. */
interface Service {
  readonly type: string;
  readonly name: string;
  readonly url: string;
}

const interfaces = ['public', 'internal', 'admin'] as const;

function servicesAt(urls: Urls): readonly Service[] {
  return [
    { type: 'network', name: 'neutron', url: `${urls.base}/` },
    { type: 'identity', name: 'keystone', url: urls.identity },
  ];
}

/** Ids that are the same at every start and on every server of one cloud. */
const idOf = (...words: string[]): string =>
  createHash('sha256')
    .update(['weft', ...words].join('/'))
    .digest('hex')
    .slice(0, 32);

export function catalog(region: string, urls: Urls): object[] {
  return servicesAt(urls).map(({ type, name, url }) => ({
    id: idOf(type),
    type,
    name,
    endpoints: interfaces.map(i => ({ id: idOf(type, i, region), interface: i, region_id: region, region, url })),
  }));
}

export function services(urls: Urls) {
  return servicesAt(urls).map(({ type, name }) => ({
    id: idOf(type),
    type,
    name,
    enabled: true,
    description: '',
    links: { self: `${urls.identity}/v3/services/${idOf(type)}` },
  }));
}

export function endpoints(region: string, urls: Urls) {
  return servicesAt(urls).flatMap(({ type, url }) =>
    interfaces.map(i => {
      const id = idOf(type, i, region);
      const links = { self: `${urls.identity}/v3/endpoints/${id}` };
      return { id, interface: i, service_id: idOf(type), region, region_id: region, url, enabled: true, links };
    }),
  );
}

export function regions(region: string, urls: Urls) {
  return [
    { id: region, description: '', parent_region_id: null, links: { self: `${urls.identity}/v3/regions/${encodeURIComponent(region)}` } },
  ];
}

export function tokenDocument(claims: Claims, options: { directory: Directory; urls: Urls; withCatalog: boolean }): object {
  const { directory, urls, withCatalog } = options;
  const user = directory.user(claims.user_id)!;
  const { scope } = claims;
  const project = scope.kind === 'project' ? directory.project(scope.id) : undefined;
  const domain = scope.kind === 'domain' ? directory.domain(scope.id) : undefined;
  return {
    token: {
      methods: claims.methods,
      user: { id: user.id, name: user.name, domain: brief(directory.domain(user.domain_id)!), password_expires_at: null },
      audit_ids: claims.audit_ids,
      expires_at: keystoneTime(claims.expires),
      issued_at: keystoneTime(claims.issued),
      ...(project ? { project: { ...brief(project), domain: brief(directory.domain(project.domain_id)!) }, is_domain: false } : {}),
      ...(domain ? { domain: brief(domain) } : {}),
      ...(scope.kind === 'system' ? { system: { all: true } } : {}),
      ...(scope.kind === 'unscoped' ? {} : { roles: (directory.rolesIn(user.id, scope) ?? []).map(brief) }),
      ...(scope.kind === 'unscoped' || !withCatalog ? {} : { catalog: catalog(directory.state.region, urls) }),
    },
  };
}

export function userDocument(user: User, urls: Urls) {
  const { id, name, domain_id, enabled, default_project_id } = user;
  return {
    id,
    name,
    domain_id,
    enabled,
    ...(default_project_id === null ? {} : { default_project_id }),
    password_expires_at: null,
    options: {},
    links: { self: `${urls.identity}/v3/users/${id}` },
  };
}

export function projectDocument(project: Project, urls: Urls) {
  const { id, name, domain_id, enabled, description } = project;
  const links = { self: `${urls.identity}/v3/projects/${id}` };
  return { id, name, domain_id, enabled, description, parent_id: domain_id, is_domain: false, tags: [], options: {}, links };
}

export function domainDocument(domain: Domain, urls: Urls) {
  const { id, name, enabled, description } = domain;
  return { id, name, enabled, description, tags: [], options: {}, links: { self: `${urls.identity}/v3/domains/${id}` } };
}

export function roleDocument(role: Role, urls: Urls) {
  return { ...brief(role), domain_id: null, description: null, options: {}, links: { self: `${urls.identity}/v3/roles/${role.id}` } };
}

export function assignmentDocument(assignment: Assignment, directory: Directory, options: { urls: Urls; names: boolean }) {
  const { urls, names } = options;
  const inDomain = (item: User | Project | undefined): object => ({ ...brief(item!), domain: brief(directory.domain(item!.domain_id)!) });
  const { user_id, role_id, project_id, domain_id } = assignment;
  const place = project_id ? `projects/${project_id}` : domain_id ? `domains/${domain_id}` : 'system';
  return {
    user: names ? inDomain(directory.user(user_id)) : { id: user_id },
    role: names ? brief(directory.state.roles.find(r => r.id === role_id)!) : { id: role_id },
    scope: project_id
      ? { project: names ? inDomain(directory.project(project_id)) : { id: project_id } }
      : domain_id
        ? { domain: names ? brief(directory.domain(domain_id)!) : { id: domain_id } }
        : { system: { all: true } },
    links: { assignment: `${urls.identity}/v3/${place}/users/${user_id}/roles/${role_id}` },
  };
}

export function versionDocument(urls: Urls): object {
  return {
    id: 'v3.14',
    status: 'stable',
    updated: '2020-04-07T00:00:00Z',
    links: [{ rel: 'self', href: `${urls.identity}/v3/` }],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
  };
}

const brief = ({ id, name }: { id: string; name: string }): { id: string; name: string } => ({ id, name });

/** Keystone writes microseconds. */
export function keystoneTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
