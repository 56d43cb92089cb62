// The parts of which the operations of an OpenAPI document are made.
import type { Resource } from '../../model/kit/resource.ts';
import type { Schema } from './schema.ts';

export const ref = (kind: 'schemas' | 'parameters' | 'responses', name: string): Schema => ({ $ref: `#/components/${kind}/${name}` });

/** `security_group_rule` → `SecurityGroupRule` */
export function schemaName(resource: string): string {
  return resource.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

export interface Described {
  readonly id: string;
  readonly summary: string;
  readonly tag: string;
  readonly parameters?: readonly Schema[];
  readonly body?: Schema;
  readonly status?: number;
  /** Of the answer; none: there is no body. */
  readonly answer?: Schema | undefined;
  /** The policy rule that is asked first. */
  readonly policy?: string;
}

export function operation({ id, summary, tag, parameters, body, status = 200, answer, policy }: Described): Schema {
  const json = answer && { content: { 'application/json': { schema: answer } } };
  return {
    operationId: id,
    summary,
    tags: [tag],
    ...(parameters && parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: { required: true, content: { 'application/json': { schema: body } } } } : {}),
    responses: {
      [status]: {
        description: statusTexts[status] ?? 'Done',
        headers: { 'X-Openstack-Request-Id': { schema: { type: 'string' } } },
        ...json,
      },
      401: ref('responses', 'Unauthorized'),
      default: ref('responses', 'Refused'),
    },
    ...(policy ? { 'x-policy': policy } : {}),
  };
}

const statusTexts: Readonly<Record<number, string>> = { 200: 'What was asked for', 201: 'Made', 204: 'Done; there is nothing to say' };

export function wrapped(key: string, schema: Schema): Schema {
  return { type: 'object', properties: { [key]: schema }, required: [key] };
}

export const pathParameter = (name: string, description?: string): Schema => ({
  name,
  in: 'path',
  required: true,
  schema: { type: 'string' },
  ...(description === undefined ? {} : { description }),
});

/** `network_id`: how the id of an object is called in URLs. */
export const idOf = (resource: Resource): string => (resource.key === 'id' ? `${resource.name}_id` : resource.key);
