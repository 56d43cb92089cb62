// What the identity file holds: domains, projects, users, roles, who has which role where, and the key that signs tokens.

export interface Domain {
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly description: string;
}

export interface Project extends Domain {
  readonly domain_id: string;
}

export interface User {
  readonly id: string;
  readonly name: string;
  readonly domain_id: string;
  readonly enabled: boolean;
  readonly default_project_id: string | null;
  /** See password.ts. */
  readonly password_hash: string;
}

export interface Role {
  readonly id: string;
  readonly name: string;
}

/** Exactly one of `project_id`, `domain_id` and `system` says where. */
export interface Assignment {
  readonly user_id: string;
  readonly role_id: string;
  readonly project_id?: string;
  readonly domain_id?: string;
  readonly system?: 'all';
}

export interface IdentityState {
  /** 32 bytes, base64. Another key makes every token void. */
  readonly key: string;
  readonly region: string;
  readonly domains: readonly Domain[];
  readonly projects: readonly Project[];
  readonly users: readonly User[];
  readonly roles: readonly Role[];
  /** Role name → names of the roles that it implies. */
  readonly implied_roles: Readonly<Record<string, readonly string[]>>;
  readonly assignments: readonly Assignment[];
}

export const stateVersion = 1;

/** The file is not an identity file, or contradicts itself. */
export class StateRefused extends Error {
  constructor(why: string) {
    super(`the identity file cannot be used: ${why}`);
    this.name = 'StateRefused';
  }
}

/** Checks all of it, so that nobody logs in on half of a file. Throws StateRefused. */
export function parseState(text: string): IdentityState {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new StateRefused(`not JSON (${error instanceof Error ? error.message : error})`);
  }
  const root = record(json, 'the file');
  if (root['weft_identity'] !== stateVersion)
    throw new StateRefused(`weft_identity is ${JSON.stringify(root['weft_identity'])}, not ${stateVersion}`);
  const state: IdentityState = {
    key: string(root, 'key', 'the file'),
    region: string(root, 'region', 'the file'),
    domains: list(root, 'domains', domain),
    projects: list(root, 'projects', (r, at) => ({ ...domain(r, at), domain_id: string(r, 'domain_id', at) })),
    users: list(root, 'users', user),
    roles: list(root, 'roles', (r, at) => ({ id: string(r, 'id', at), name: string(r, 'name', at) })),
    implied_roles: implied(root['implied_roles']),
    assignments: list(root, 'assignments', assignment),
  };
  checkReferences(state);
  return state;
}

type Fields = Readonly<Record<string, unknown>>;

const domain = (r: Fields, at: string): Domain => ({
  id: string(r, 'id', at),
  name: string(r, 'name', at),
  enabled: boolean(r, 'enabled', at),
  description: r['description'] === undefined ? '' : String(r['description']),
});

const user = (r: Fields, at: string): User => ({
  id: string(r, 'id', at),
  name: string(r, 'name', at),
  domain_id: string(r, 'domain_id', at),
  enabled: boolean(r, 'enabled', at),
  default_project_id: r['default_project_id'] == null ? null : string(r, 'default_project_id', at),
  password_hash: string(r, 'password_hash', at),
});

function assignment(r: Fields, at: string): Assignment {
  const base = { user_id: string(r, 'user_id', at), role_id: string(r, 'role_id', at) };
  const where = ['project_id', 'domain_id', 'system'].filter(key => r[key] != null);
  if (where.length !== 1) throw new StateRefused(`${at} must have one of project_id, domain_id and system`);
  if (where[0] === 'project_id') return { ...base, project_id: string(r, 'project_id', at) };
  if (where[0] === 'domain_id') return { ...base, domain_id: string(r, 'domain_id', at) };
  if (r['system'] !== 'all') throw new StateRefused(`system of ${at} can only be "all"`);
  return { ...base, system: 'all' };
}

function implied(value: unknown): Record<string, readonly string[]> {
  const out = Object.entries(record(value, 'implied_roles'));
  for (const [name, names] of out) {
    if (!Array.isArray(names) || !names.every(n => typeof n === 'string'))
      throw new StateRefused(`implied_roles of ${name} is not a list of names`);
  }
  return Object.fromEntries(out) as Record<string, readonly string[]>;
}

function checkReferences(state: IdentityState): void {
  if (Buffer.from(state.key, 'base64').length < 32) throw new StateRefused('key is shorter than 32 bytes');
  const ids = (kind: 'domains' | 'projects' | 'users' | 'roles'): Set<string> => {
    const seen = new Set<string>();
    for (const { id } of state[kind]) {
      if (seen.has(id)) throw new StateRefused(`two ${kind} with the id ${id}`);
      seen.add(id);
    }
    return seen;
  };
  const [domains, projects, users, roles] = [ids('domains'), ids('projects'), ids('users'), ids('roles')];
  const known = (set: Set<string>, id: string | null | undefined, what: string): void => {
    if (id != null && !set.has(id)) throw new StateRefused(`${what} ${id} does not exist`);
  };
  const named = new Set<string>();
  for (const [kind, item] of [...state.projects.map(p => ['project', p] as const), ...state.users.map(u => ['user', u] as const)]) {
    known(domains, item.domain_id, `the domain of ${kind} ${item.name},`);
    const key = JSON.stringify([kind, item.domain_id, item.name]);
    if (named.has(key)) throw new StateRefused(`two ${kind}s named ${item.name} in one domain`);
    named.add(key);
  }
  for (const u of state.users) known(projects, u.default_project_id, `the default project of user ${u.name},`);
  for (const a of state.assignments) {
    known(users, a.user_id, 'an assignment: user');
    known(roles, a.role_id, 'an assignment: role');
    known(projects, a.project_id, 'an assignment: project');
    known(domains, a.domain_id, 'an assignment: domain');
  }
}

function list<T>(root: Fields, key: string, parse: (fields: Fields, at: string) => T): T[] {
  const value = root[key];
  if (!Array.isArray(value)) throw new StateRefused(`${key} is not a list`);
  return value.map((item, i) => parse(record(item, `${key}[${i}]`), `${key}[${i}]`));
}

function record(value: unknown, at: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new StateRefused(`${at} is not an object`);
  return value as Fields;
}

function string(fields: Fields, key: string, at: string): string {
  const value = fields[key];
  if (typeof value !== 'string' || value === '') throw new StateRefused(`${key} of ${at} is not a text`);
  return value;
}

function boolean(fields: Fields, key: string, at: string): boolean {
  const value = fields[key] ?? true;
  if (typeof value !== 'boolean') throw new StateRefused(`${key} of ${at} is neither true nor false`);
  return value;
}
