// Look-ups over the identity state: who is who, and which roles a user has in a scope, the implied ones included. Pure.
import type { Assignment, Domain, IdentityState, Project, Role, User } from './state.ts';
import type { Scope } from './token.ts';

/** How a request names something: by id, or by name within a domain. */
export interface Named {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  readonly domain?: { readonly id?: string | undefined; readonly name?: string | undefined } | undefined;
}

export class Directory {
  readonly state: IdentityState;
  readonly key: Buffer;

  constructor(state: IdentityState) {
    this.state = state;
    this.key = Buffer.from(state.key, 'base64');
  }

  domain(id: string): Domain | undefined {
    return this.state.domains.find(d => d.id === id);
  }

  user(id: string): User | undefined {
    return this.state.users.find(u => u.id === id);
  }

  project(id: string): Project | undefined {
    return this.state.projects.find(p => p.id === id);
  }

  findDomain(named: Named): Domain | undefined {
    return this.state.domains.find(d => (named.id === undefined ? d.name === named.name : d.id === named.id));
  }

  findUser(named: Named): User | undefined {
    return this.find(this.state.users, named);
  }

  findProject(named: Named): Project | undefined {
    return this.find(this.state.projects, named);
  }

  /** Enabled, and so is its domain. */
  alive(item: User | Project | undefined): item is User & Project {
    return item?.enabled === true && this.domain(item.domain_id)?.enabled === true;
  }

  /** Undefined: the scope is gone or disabled, or the user has no role there. Unscoped: none, and that is well. */
  rolesIn(user_id: string, scope: Scope): readonly Role[] | undefined {
    if (scope.kind === 'unscoped') return [];
    if (scope.kind === 'project' && !this.alive(this.project(scope.id))) return undefined;
    if (scope.kind === 'domain' && !this.domain(scope.id)?.enabled) return undefined;
    const direct = this.state.assignments.filter(a => a.user_id === user_id && isIn(a, scope)).map(a => a.role_id);
    const roles = this.withImplied(direct);
    return roles.length > 0 ? roles : undefined;
  }

  /** The roles and all that they imply, each once, whatever circles the file may hold. */
  withImplied(roleIds: readonly string[]): readonly Role[] {
    const found = new Map<string, Role>();
    const add = (role: Role | undefined): void => {
      if (!role || found.has(role.id)) return;
      found.set(role.id, role);
      for (const name of this.impliedBy(role)) add(this.state.roles.find(r => r.name === name));
    };
    for (const id of roleIds) add(this.state.roles.find(r => r.id === id));
    return [...found.values()];
  }

  projectsOf(user_id: string): readonly Project[] {
    const ids = new Set(this.state.assignments.filter(a => a.user_id === user_id).map(a => a.project_id));
    return this.state.projects.filter(p => ids.has(p.id));
  }

  domainsOf(user_id: string): readonly Domain[] {
    const ids = new Set(this.state.assignments.filter(a => a.user_id === user_id).map(a => a.domain_id));
    return this.state.domains.filter(d => ids.has(d.id));
  }

  private impliedBy(role: Role): readonly string[] {
    return Object.hasOwn(this.state.implied_roles, role.name) ? this.state.implied_roles[role.name]! : [];
  }

  private find<T extends User | Project>(items: readonly T[], { id, name, domain }: Named): T | undefined {
    if (id !== undefined) return items.find(item => item.id === id);
    const within = domain && this.findDomain(domain);
    return within && items.find(item => item.name === name && item.domain_id === within.id);
  }
}

function isIn(assignment: Assignment, scope: Scope): boolean {
  switch (scope.kind) {
    case 'project':
      return assignment.project_id === scope.id;
    case 'domain':
      return assignment.domain_id === scope.id;
    case 'system':
      return assignment.system === 'all';
    case 'unscoped':
      return false;
  }
}
