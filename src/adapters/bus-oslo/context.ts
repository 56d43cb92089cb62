// RpcContext to and from the `_context_*` keys of a message: the fields Zed's agents send, which later releases read too.
import type { RpcContext } from '../../contracts/bus.ts';
import { wireTime } from './wire-time.ts';

const prefix = '_context_';

/** `auth_token` is null by construction: no token ever goes over the bus. `nowMs` becomes `_context_timestamp`, UTC. */
export function contextToWire(context: RpcContext, nowMs: number): Record<string, unknown> {
  const { user_id, project_id, roles, is_admin, request_id } = context;
  const fields = {
    user: user_id,
    user_id,
    user_name: null,
    project: project_id,
    project_id,
    project_name: null,
    tenant_id: project_id,
    tenant_name: null,
    domain: null,
    user_domain: null,
    project_domain: null,
    system_scope: null,
    is_admin,
    is_admin_project: true,
    read_only: false,
    show_deleted: false,
    auth_token: null,
    request_id,
    global_request_id: context.global_request_id ?? null,
    resource_uuid: null,
    roles,
    user_identity: `${user_id ?? '-'} ${project_id ?? '-'} - - -`,
    timestamp: wireTime(nowMs),
  };
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [prefix + key, value]));
}

/** A message without context keys is nobody's: not an administrator. What has the wrong type counts as absent. */
export function contextFromWire(payload: Readonly<Record<string, unknown>>): RpcContext {
  const text = (key: string): string | null => {
    const value = payload[prefix + key];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const roles = payload[`${prefix}roles`];
  return {
    request_id: text('request_id') ?? 'req-unknown',
    is_admin: payload[`${prefix}is_admin`] === true,
    user_id: text('user_id') ?? text('user'),
    project_id: text('project_id') ?? text('tenant_id'),
    roles: Array.isArray(roles) ? roles.filter(role => typeof role === 'string') : [],
    global_request_id: text('global_request_id'),
  };
}

/** How agents and the server's own jobs speak: as an administrator without a user. */
export function serviceContext(requestId: string): RpcContext {
  return { request_id: requestId, is_admin: true, user_id: null, project_id: null, roles: [], global_request_id: null };
}
