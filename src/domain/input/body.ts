// From a request body to attributes: ownership, unknown and read-only names, defaults, then each value by its type.
import { absent, type Field, type Resource } from '../../model/kit/resource.ts';
import { apiError } from '../errors.ts';
import { Invalid, read } from './values.ts';

export type Attributes = Record<string, unknown>;

export interface Writer {
  readonly project_id: string | null;
  /** May create for other projects. */
  readonly privileged: boolean;
}

/** A copy of one item of a create body, read and completed. Attributes that were not given and have no default are left out. */
export function readCreate(resource: Resource, item: unknown, writer: Writer): Attributes {
  const given = withProject(resource, asObject(resource, item), writer);
  refuseUnknown(resource, given);
  const out: Attributes = {};
  for (const [name, field] of Object.entries(resource.fields)) {
    const was = Object.hasOwn(given, name);
    if (!field.post) {
      if (was) throw bad(`Attribute '${name}' not allowed in POST`);
      continue;
    }
    if (!was && field.default === undefined) throw bad(`Failed to parse request. Required attribute '${name}' not specified`);
  }
  for (const [name, field] of Object.entries(resource.fields)) {
    if (!field.post) continue;
    if (Object.hasOwn(given, name)) out[name] = readField(name, field, given[name], resource.owner);
    else if (field.default !== absent) out[name] = field.default;
  }
  return out;
}

const projectsDiffer = "'project_id' and 'tenant_id' do not match";

export function readUpdate(resource: Resource, item: unknown, writer: Writer): Attributes {
  const given = asObject(resource, item);
  const { tenant_id, project_id } = given;
  if (tenant_id !== undefined && project_id !== undefined && tenant_id !== project_id) throw bad(projectsDiffer);
  if (resource.fields.project_id) refuseOther(tenant_id ?? project_id, writer);
  const { tenant_id: _, ...rest } = given;
  refuseUnknown(resource, rest);
  // What is wrong with several is told of the first in the resource's order, as on create, whatever the order in the body.
  const fields = Object.entries(resource.fields).filter(([name]) => Object.hasOwn(given, name));
  const fixed = fields.filter(([name, field]) => name !== 'project_id' && !field.put)[0]?.[0];
  if (fixed !== undefined) throw bad(`Cannot update read-only attribute ${fixed}`);
  if (Object.hasOwn(given, 'tenant_id') || Object.hasOwn(given, 'project_id'))
    throw bad(`Cannot update read-only attribute ${resource.owner}`);
  const out: Attributes = {};
  for (const [name, field] of fields) out[name] = readField(name, field, given[name], resource.owner);
  return out;
}

/** Whatever it is called in the request, a refusal calls the owner as the resource does. */
export function readField(name: string, field: Field, value: unknown, owner: Resource['owner'] = 'tenant_id'): unknown {
  try {
    return read(field.type, value);
  } catch (error) {
    if (error instanceof Invalid) throw bad(`Invalid input for ${name === 'project_id' ? owner : name}. Reason: ${error.message}`);
    throw error;
  }
}

/** Neutron looks for what a body has to have before it looks whether there is one, of these. */
const core = new Set(['network', 'subnet', 'port']);

/** The items of a create body: one, or several under the plural key. */
export function itemsOf(resource: Resource, body: unknown): { readonly items: readonly unknown[]; readonly bulk: boolean } {
  const missing = (): Error => bad(`Unable to find '${resource.bodyName}' in request body`);
  if (body === undefined) throw core.has(resource.name) ? missing() : bad('Resource body required');
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw bad('Body contains invalid data');
  if (Object.keys(body).length === 0) throw core.has(resource.name) ? missing() : bad('Resource body required');
  const keys = body as Record<string, unknown>;
  if (Object.hasOwn(keys, resource.plural) && (resource.plural !== resource.name || Array.isArray(keys[resource.plural]))) {
    if (!resource.bulk) throw bad('Bulk operation not supported');
    const list = keys[resource.plural];
    if (!Array.isArray(list) || list.length === 0) throw bad('Resources required');
    if (!list.every(item => typeof item === 'object' && item !== null && !Array.isArray(item))) throw bad('Body contains invalid data');
    return { items: list.map(i => unwrap(resource, i)), bulk: true };
  }
  const item = Object.hasOwn(keys, resource.bodyName) ? keys[resource.bodyName] : undefined;
  if (item === undefined || item === null) throw missing();
  return { items: [item], bulk: false };
}

function unwrap(resource: Resource, item: unknown): unknown {
  if (typeof item === 'object' && item !== null && Object.hasOwn(item, resource.bodyName))
    return (item as Record<string, unknown>)[resource.bodyName];
  return item;
}

function asObject(resource: Resource, item: unknown): Record<string, unknown> {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) throw bad(`Object '${resource.bodyName}' contains invalid data`);
  return item as Record<string, unknown>;
}

function withProject(resource: Resource, item: Record<string, unknown>, writer: Writer): Record<string, unknown> {
  if (!resource.fields.project_id) return item;
  const { tenant_id, ...rest } = item;
  const ofNobody = resource.fields.project_id.default === null;
  const both = Object.hasOwn(item, 'tenant_id') && Object.hasOwn(item, 'project_id');
  if (both && tenant_id !== item.project_id) throw bad(projectsDiffer);
  const asked = Object.hasOwn(item, 'tenant_id') ? tenant_id : item.project_id;
  const given = Object.hasOwn(item, 'tenant_id') || Object.hasOwn(item, 'project_id');
  if (given) refuseOther(asked, writer);
  if (!given && writer.project_id === null && !ofNobody) {
    throw bad(`Running without keystone AuthN requires that tenant_id is specified`);
  }
  return { ...rest, project_id: given ? asked : ofNobody ? null : writer.project_id };
}

function refuseOther(project: unknown, writer: Writer): void {
  if (project === undefined || project === writer.project_id || writer.privileged) return;
  throw bad("Specifying 'project_id' or 'tenant_id' other than the authenticated project in request requires admin or advsvc privileges");
}

function refuseUnknown(resource: Resource, item: Record<string, unknown>): void {
  const unknown = Object.keys(item).filter(k => !Object.hasOwn(resource.fields, k));
  if (unknown.length > 0) throw bad(`Unrecognized attribute(s) '${unknown.join(', ')}'`);
}

function bad(message: string): Error {
  return apiError('HTTPBadRequest', { message });
}
