// Questions about policy, as "weft policy" asks them: of files, or of a running Weft by its control socket.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Directory } from '../adapters/identity-builtin/directory.ts';
import { type Project, parseState, type User } from '../adapters/identity-builtin/state.ts';
import { control, type DecisionView, NotRunning, type PolicyView } from '../cli/control.ts';
import { Failure } from '../cli/verb.ts';
import type { PolicyDesk, PolicyPlace, PolicyQuestion } from '../cli/verbs/policy.ts';
import type { Caller } from '../contracts/identity.ts';
import { show } from '../domain/policy/check.ts';
import { formatWhy } from '../domain/policy/evaluate.ts';
import { problemText, sourceText } from '../domain/policy/rules.ts';
import type { Resource } from '../model/kit/resource.ts';
import { policies } from '../model/policies.ts';
import { resources } from '../model/registry.ts';
import type { Policy, Target } from '../server/policy.ts';
import { readServerOptions } from './config/server-options.ts';
import { loadPolicy, policyPlaces } from './policy.ts';

export const policyDesk: PolicyDesk = {
  rules: place => ask(place, () => control<PolicyView>(place.folder, 'GET', '/policy'), policyView),
  check(place, question) {
    const asked = { action: question.action, ...sceneOf(place, question) };
    return ask(
      place,
      () => control<DecisionView>(place.folder, 'POST', '/policy', asked),
      policy => decisionView(policy, asked),
    );
  },
};

async function ask<T>(place: PolicyPlace, running: () => Promise<T>, offline: (policy: Policy) => T): Promise<T> {
  const isNamed = place.policyFile !== undefined || place.configSources.length > 0;
  if (!isNamed) {
    try {
      return await running();
    } catch (error) {
      if (!(error instanceof NotRunning)) throw error;
    }
  }
  return offline(await policyOf(place));
}

async function policyOf({ folder, configSources, policyFile }: PolicyPlace): Promise<Policy> {
  try {
    const { config } = readServerOptions(configSources, { policyFile });
    return (await loadPolicy(config.policy, policyPlaces(config.policy, folder.path))).policy;
  } catch (error) {
    throw new Failure(error instanceof Error ? error.message : String(error));
  }
}

export function policyView(policy: Policy): PolicyView {
  const declared = new Map(policies.map(rule => [rule.name, rule]));
  const rules = [...policy.details.values()].map(rule => {
    const known = declared.get(rule.name);
    return {
      name: rule.name,
      check: show(rule.check),
      source: sourceText(rule),
      ...(known ? { default: known.check } : {}),
      operations: known?.operations ?? [],
      deprecated: known?.deprecated ?? [],
      scopes: rule.scopes,
    };
  });
  return { rules, warnings: policy.warnings.map(problemText) };
}

export interface Scene {
  readonly action: string;
  readonly caller: Caller;
  readonly target: Target;
}

export function decisionView(policy: Policy, { action, caller, target }: Scene): DecisionView {
  const rule = ruleOf(policy, action);
  const { allowed, why } = policy.explain(rule, caller, target);
  const { user_id, project_id, roles } = caller;
  return { allowed, ...(rule === action ? {} : { rule }), caller: { user_id, project_id, roles }, target, why: formatWhy(why) };
}

/** What the server asks: of an older name the rule that has it, of an attribute without a rule of its own the rule `default`. */
function ruleOf(policy: Policy, action: string): string {
  if (policy.defined(action)) return action;
  const renamed = policies.find(rule => rule.deprecated?.some(older => older.name === action));
  if (renamed) return renamed.name;
  return resources.some(resource => isPoliced(resource, action)) ? 'default' : action;
}

function isPoliced({ policyName, fields }: Resource, action: string): boolean {
  const named = (verb: 'create' | 'update', given: 'post' | 'put'): boolean => {
    const begin = `${verb}_${policyName}:`;
    const rest = `${action.slice(begin.length)}:`;
    return action.startsWith(begin) && Object.entries(fields).some(([name, f]) => f.policed && f[given] && rest.startsWith(`${name}:`));
  };
  return named('create', 'post') || named('update', 'put');
}

function sceneOf({ folder }: PolicyPlace, question: PolicyQuestion): Omit<Scene, 'action'> {
  const caller = callerOf(join(folder.path, 'identity.json'), question);
  return { caller, target: question.target ?? { project_id: caller.project_id } };
}

/** Somebody of the built-in identity; with roles, anybody. */
function callerOf(path: string, { user: userName, project: projectName, roles: given }: PolicyQuestion): Caller {
  const directory = existsSync(path) ? new Directory(parseState(readFileSync(path, 'utf8'))) : undefined;
  const user = directory && userName !== undefined ? named(directory.state.users, userName) : undefined;
  const home = projectName ?? user?.default_project_id ?? undefined;
  const project = directory && home !== undefined ? named(directory.state.projects, home) : undefined;
  const roles = given ?? rolesOf(directory, user, project, { path, userName, projectName });
  return {
    ...{ user_id: user?.id ?? userName ?? 'somebody', user_name: user?.name ?? userName ?? 'somebody' },
    ...{ user_domain_id: user?.domain_id ?? 'default', user_domain_name: 'Default' },
    ...{ project_id: project?.id ?? home ?? null, project_name: project?.name ?? home ?? null },
    ...{ project_domain_id: project?.domain_id ?? 'default', project_domain_name: 'Default' },
    ...{ domain_id: null, system_scope: null, roles, expires_at: '', audit_id: '' },
  };
}

const named = <T extends { readonly id: string; readonly name: string }>(items: readonly T[], wanted: string): T | undefined =>
  items.find(item => item.id === wanted) ?? items.find(item => item.name === wanted);

interface Names {
  readonly path: string;
  readonly userName: string | undefined;
  readonly projectName: string | undefined;
}

function rolesOf(directory: Directory | undefined, user: User | undefined, project: Project | undefined, names: Names): string[] {
  const { path, userName, projectName } = names;
  if (!directory) throw new Failure(`there are no users in ${path}; say with --roles which roles the caller has`);
  if (!user) throw new Failure(`there is no user ${userName} in ${path}; say with --roles which roles the caller has`);
  if (!project) throw new Failure(`there is no project ${projectName ?? ''} in ${path}`);
  const roles = directory.rolesIn(user.id, { kind: 'project', id: project.id });
  if (!roles) throw new Failure(`${user.name} has no role in the project ${project.name}, or one of them is disabled`);
  return roles.map(role => role.name);
}
