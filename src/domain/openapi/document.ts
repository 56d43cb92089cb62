// The whole API as an OpenAPI 3.1 document, derived from the model.
import type { Extension, Resource } from '../../model/kit/resource.ts';
import { about, type Paths, pathsOf } from './collections.ts';
import { fixedPaths } from './fixed.ts';
import { ref, schemaName } from './operation.ts';
import { createSchema, type Schema, shownSchema, updateSchema } from './schema.ts';

export interface Described {
  readonly resources: readonly Resource[];
  readonly extensions: readonly Extension[];
}

/** `server`: where the API is, with its version: `http://127.0.0.1:9696/v2.0`. */
export function openApi({ resources, extensions }: Described, server: string): Schema {
  const paths: Paths = Object.assign({}, ...resources.map(r => pathsOf(r, resources)), fixedPaths(resources));
  return {
    openapi: '3.1.0',
    info: {
      title: 'Networking API',
      version: '2.0',
      summary: 'OpenStack Networking, as Neutron has it',
      description: `Extensions: ${extensions.map(e => e.alias).join(', ')}.`,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: server }],
    security: [{ token: [] }],
    tags: [...resources.map(r => r.plural), 'extensions', 'quotas', 'agents'].filter(unique).map(name => ({ name })),
    paths,
    components: {
      securitySchemes: { token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token', description: 'A token of Keystone' } },
      schemas: { ...schemas(resources), ...common },
      parameters,
      responses,
    },
  };
}

const unique = (name: string, i: number, all: readonly string[]): boolean => all.indexOf(name) === i;

function schemas(resources: readonly Resource[]): Record<string, Schema> {
  const out: Record<string, Schema> = {};
  for (const resource of resources) {
    const name = schemaName(about(resource));
    out[name] = shownSchema(resource);
    if (resource.verbs.includes('create')) out[`${name}Create`] = createSchema(resource);
    if (resource.verbs.includes('update')) out[`${name}Update`] = updateSchema(resource);
  }
  return out;
}

const common: Readonly<Record<string, Schema>> = {
  Tags: { type: 'array', items: { type: 'string', maxLength: 255 }, maxItems: 50, uniqueItems: true },
  PageLinks: {
    type: 'array',
    items: {
      type: 'object',
      properties: { rel: { enum: ['next', 'previous'] }, href: { type: 'string', format: 'uri' } },
      required: ['rel', 'href'],
    },
  },
  NeutronError: {
    type: 'object',
    properties: {
      NeutronError: {
        type: 'object',
        properties: {
          type: { type: 'string', description: 'Name of the error: NetworkNotFound' },
          message: { type: 'string' },
          detail: { type: 'string' },
        },
        required: ['type', 'message', 'detail'],
      },
    },
    required: ['NeutronError'],
  },
};

const query = (name: string, schema: Schema, description: string): Schema => ({ name, in: 'query', description, schema });
const texts: Schema = { type: 'array', items: { type: 'string' } };
const commaSeparated = { explode: false };

const parameters: Readonly<Record<string, Schema>> = {
  fields: query('fields', texts, 'Attributes to show; all where none is named'),
  sort_dir: query('sort_dir', { type: 'array', items: { enum: ['asc', 'desc'] } }, 'As many as there are sort_key'),
  limit: query('limit', { type: 'integer', minimum: 0 }, 'Objects of a page; 0 for all'),
  marker: query('marker', { type: 'string' }, 'Id of the last object of the page before; of the first one behind it with page_reverse'),
  page_reverse: query('page_reverse', { type: 'boolean', default: false }, 'The page before the marker'),
  tags: { ...query('tags', texts, 'Objects that have all of these tags'), ...commaSeparated },
  'tags-any': { ...query('tags-any', texts, 'Objects that have one of these tags'), ...commaSeparated },
  'not-tags': { ...query('not-tags', texts, 'Objects that do not have all of these tags'), ...commaSeparated },
  'not-tags-any': { ...query('not-tags-any', texts, 'Objects that have none of these tags'), ...commaSeparated },
  'If-Match': {
    name: 'If-Match',
    in: 'header',
    description: 'revision_number=N: refused with 412 where the object has another revision',
    schema: { type: 'string' },
  },
};

const json = (schema: Schema): Schema => ({ content: { 'application/json': { schema } } });

const responses: Readonly<Record<string, Schema>> = {
  Refused: { description: 'Refused: 400, 403, 404, 405, 406, 409, 412, 413, 500, 501, 503', ...json(ref('schemas', 'NeutronError')) },
  Unauthorized: {
    description: 'There is no valid token',
    headers: { 'WWW-Authenticate': { schema: { type: 'string' } } },
    ...json({ type: 'object', properties: { error: { type: 'object' } }, required: ['error'] }),
  },
};
