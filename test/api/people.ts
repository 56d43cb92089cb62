// Who asks, in these tests. Tokens are names: what identity does has tests of its own.
import type { Caller, Identity } from '../../src/contracts/identity.ts';

function person(name: string, roles: readonly string[], project: string): Caller {
  return {
    user_id: name,
    user_name: name,
    user_domain_id: 'default',
    user_domain_name: 'Default',
    project_id: project,
    project_name: project,
    project_domain_id: 'default',
    project_domain_name: 'Default',
    domain_id: null,
    system_scope: null,
    roles,
    expires_at: '2099-01-01T00:00:00Z',
    audit_id: name,
  };
}

const projects = { admin: 'a'.repeat(32), weft: 'b'.repeat(32), other: 'c'.repeat(32), service: 'd'.repeat(32) };
const people: Readonly<Record<string, Caller>> = {
  admin: person('admin', ['admin', 'member', 'reader'], projects.admin),
  member: person('member', ['member', 'reader'], projects.weft),
  reader: person('reader', ['reader'], projects.weft),
  /** A token without any role that rules ask for. */
  nobody: person('nobody', [], projects.weft),
  other: person('other', ['member', 'reader'], projects.other),
  manager: person('manager', ['manager', 'member', 'reader'], projects.weft),
  /** Another service of the cloud, such as Nova. */
  service: person('service', ['service'], projects.service),
  /** Administrators whose tokens are not for a project. */
  system: { ...person('system', ['admin', 'member', 'reader'], ''), project_id: null, project_name: null, system_scope: 'all' },
  domain: { ...person('domain', ['admin', 'member', 'reader'], ''), project_id: null, project_name: null, domain_id: 'default' },
};

/** A token with a role for each of these rules: where every rule asks for the role of its own name. */
export function holding(rules: readonly string[]): string {
  return `holding:${rules.join(' ')}`;
}

/** A known person, `member@<project>`, or somebody of the member's project who holds rules. */
export function personOf(token: string): Caller | undefined {
  if (token.startsWith('holding:')) return person('holder', token.slice('holding:'.length).split(' '), projects.weft);
  const [name = '', project] = token.split('@');
  return project === undefined ? people[name] : name === 'member' ? person(token, ['member', 'reader'], project) : undefined;
}

export const identity: Identity = {
  authUri: 'http://127.0.0.1/identity/v3',
  validate: token => Promise.resolve(personOf(token)),
};
