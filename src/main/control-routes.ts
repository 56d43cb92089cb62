// What the control socket offers, in terms of a running Weft. Bodies come from our own command line, and are checked all the same.
import type { Shown } from '../agent/audit/finding.ts';
import type { NewInstance, NewPlug } from '../cli/control.ts';
import { ApiError } from '../client/api.ts';
import type { Caller } from '../contracts/identity.ts';
import type { AllInOne } from './all-in-one.ts';
import { ControlError, type ControlHandler, type ControlRoutes } from './control-server.ts';
import { plug } from './instances/plug.ts';
import { decisionView, policyView, type Scene } from './policy-desk.ts';
import { parsePublication } from './sandbox/publish.ts';

export function controlRoutes(weft: AllInOne, stop: (why: string) => void): ControlRoutes {
  const routes: ControlRoutes = {
    'GET /status': () => weft.status(),
    'POST /down': async () => {
      // The answer leaves before the socket does.
      setTimeout(() => stop('weft down'), 20);
      return { pid: process.pid };
    },
    'GET /instances': async () => ({ instances: await weft.instances.list() }),
    'POST /instances': body => weft.instances.create(newInstance(body)),
    'DELETE /instances/*': (_, name) => weft.instances.delete(name),
    'POST /plugs': body => plug(weft.api, weft.hosts, newPlug(body)),
    'POST /publications': async body => ({ published: await weft.publish(publication(body)) }),
    'POST /audit': body => weft.audit(shownFindings(fields(body)['repair'])),
    'GET /policy': async () => policyView(weft.policy),
    'POST /policy': async body => decisionView(weft.policy, policyScene(body)),
    'GET /credentials': async () => {
      const { people } = weft.identity;
      if (!people) throw new ControlError(409, 'the users are those of a Keystone, and their passwords are not known here');
      return { url: (await weft.status()).url, ...people };
    },
  };
  return Object.fromEntries(Object.entries(routes).map(([route, handler]) => [route, inWords(handler)]));
}

/** A refusal of the API is one of ours, too: its message is for the user. */
function inWords(handler: ControlHandler): ControlHandler {
  return async (body, name) => {
    try {
      return await handler(body, name);
    } catch (error) {
      if (error instanceof ApiError) throw new ControlError(error.status, error.message);
      throw error;
    }
  };
}

function fields(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new ControlError(400, 'not a JSON object');
  return body as Readonly<Record<string, unknown>>;
}

function strings<K extends string>(body: unknown, keys: readonly K[]): Partial<Record<K, string>> {
  const given = fields(body);
  const out: Partial<Record<K, string>> = {};
  for (const key of keys) {
    const value = given[key];
    if (value === undefined) continue;
    if (typeof value !== 'string') throw new ControlError(400, `${key} is not a string`);
    out[key] = value;
  }
  return out;
}

function newInstance(body: unknown): NewInstance {
  const { wait, security_groups } = fields(body);
  if (typeof wait !== 'number') throw new ControlError(400, 'wait is not a number');
  const groups = security_groups === undefined ? undefined : stringList(security_groups);
  const rest = strings(body, ['name', 'network', 'port', 'host', 'project', 'user_data']);
  return { ...rest, wait, ...(groups ? { security_groups: groups } : {}) };
}

function stringList(value: unknown): readonly string[] {
  if (!Array.isArray(value) || !value.every(item => typeof item === 'string')) throw new ControlError(400, 'not a list of strings');
  return value;
}

function newPlug(body: unknown): NewPlug {
  const { port, ...rest } = strings(body, ['port', 'host', 'netns', 'device', 'tap']);
  if (port === undefined) throw new ControlError(400, 'port is missing');
  return { port, ...rest };
}

/** Findings that the user has read and wants to have repaired. */
function shownFindings(value: unknown): Shown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new ControlError(400, 'repair is not a list of findings');
  return value.map(finding => {
    const { kind, where, what, ...rest } = strings(finding, ['kind', 'where', 'what', 'repair']);
    if (kind !== 'orphan' && kind !== 'gap' && kind !== 'drift') throw new ControlError(400, `a finding of the kind ${kind}`);
    if (where === undefined || what === undefined) throw new ControlError(400, 'where or what of a finding is missing');
    return { kind, where, what, ...rest };
  });
}

function policyScene(body: unknown): Scene {
  const { action, caller, target } = fields(body);
  if (typeof action !== 'string') throw new ControlError(400, 'action is missing');
  const { roles, ...rest } = fields(caller);
  return { action, caller: { ...(rest as Omit<Caller, 'roles'>), roles: stringList(roles) }, target: fields(target) };
}

function publication(body: unknown): ReturnType<typeof parsePublication> {
  try {
    return parsePublication(strings(body, ['publish']).publish ?? '');
  } catch (error) {
    throw new ControlError(400, error instanceof Error ? error.message : String(error));
  }
}
