// The operations of a resource: its collection, its members, their actions and tags; all by its declaration.
import type { Resource } from '../../model/kit/resource.ts';
import { tagFilters } from '../input/query.ts';
import { idOf, operation, pathParameter, ref, schemaName, wrapped } from './operation.ts';
import { type Schema, schemaOf } from './schema.ts';

export type Paths = Record<string, Record<string, unknown>>;

export function pathsOf(resource: Resource, resources: readonly Resource[]): Paths {
  const { collection, parameters } = placeOf(resource, resources);
  const member = `${collection}/{${idOf(resource)}}`;
  const ofMember = [...parameters, pathParameter(idOf(resource))];
  const paths: Paths = {
    [collection]: { ...shared(parameters), ...collectionOperations(resource) },
    [member]: { ...shared(ofMember), ...memberOperations(resource) },
  };
  for (const [action, method] of Object.entries(resource.actions))
    paths[`${member}/${action}`] = { ...shared(ofMember), [method.toLowerCase()]: actionOperation(resource, action, method) };
  if (resource.taggable) {
    paths[`${member}/tags`] = { ...shared(ofMember), ...tagListOperations(resource) };
    paths[`${member}/tags/{tag}`] = { ...shared([...ofMember, pathParameter('tag')]), ...tagOperations(resource) };
  }
  return Object.fromEntries(Object.entries(paths).filter(([, item]) => Object.keys(item).some(key => key !== 'parameters')));
}

const shared = (parameters: readonly Schema[]): Schema => (parameters.length > 0 ? { parameters } : {});

/** Where the collection is: below its parents' members, if it has any. */
function placeOf(
  resource: Resource,
  resources: readonly Resource[],
): { readonly collection: string; readonly parameters: readonly Schema[] } {
  const parent = resource.aliasOf ? undefined : resources.find(r => r.name === resource.parent?.resource);
  if (!parent) return { collection: `/${resource.path}`, parameters: [] };
  const above = placeOf(parent, resources);
  return {
    collection: `${above.collection}/{${idOf(parent)}}/${resource.path}`,
    parameters: [...above.parameters, pathParameter(idOf(parent))],
  };
}

const words = (name: string): string => name.replaceAll('_', ' ');

/** Names are unique in a document: `list_network_…` below a network. */
export const about = (resource: Resource): string =>
  resource.parent && !resource.aliasOf ? `${resource.parent.resource}_${resource.name}` : resource.name;
const aboutAll = (resource: Resource): string =>
  resource.parent && !resource.aliasOf ? `${resource.parent.resource}_${resource.plural}` : resource.plural;

function collectionOperations(resource: Resource): Schema {
  const { name, bodyName, plural, verbs, policyName } = resource;
  const shown = ref('schemas', schemaName(about(resource)));
  return {
    ...(verbs.includes('list') && {
      get: operation({
        id: `list_${aboutAll(resource)}`,
        summary: `List ${words(plural)}`,
        tag: plural,
        parameters: listParameters(resource),
        answer: {
          ...wrapped(plural, { type: 'array', items: shown }),
          properties: { [plural]: { type: 'array', items: shown }, [`${plural}_links`]: ref('schemas', 'PageLinks') },
        },
        policy: `get_${policyName}`,
      }),
    }),
    ...(verbs.includes('create') && {
      post: operation({
        id: `create_${about(resource)}`,
        summary: resource.bulk ? `Create one or several ${words(plural)}, all or none` : `Create a ${words(name)}`,
        tag: plural,
        body: createBody(resource),
        status: 201,
        answer: resource.bulk
          ? { oneOf: [wrapped(bodyName, shown), wrapped(plural, { type: 'array', items: shown })] }
          : wrapped(bodyName, shown),
        policy: `create_${policyName}`,
      }),
    }),
  };
}

function createBody(resource: Resource): Schema {
  const given = ref('schemas', `${schemaName(about(resource))}Create`);
  const one = wrapped(resource.bodyName, given);
  return resource.bulk ? { oneOf: [one, wrapped(resource.plural, { type: 'array', minItems: 1, items: given })] } : one;
}

function listParameters({ fields, taggable }: Resource): Schema[] {
  const filters = Object.entries(fields).filter(([, field]) => field.filter);
  const named = filters.map(([name, { type }]) => {
    const kind = (type.kind === 'optional' ? type.of : type).kind;
    return filter(name, kind === 'bool' || kind === 'int' || kind === 'enum' ? schemaOf(type) : { type: 'string' });
  });
  if (fields.project_id?.filter) named.push(filter('tenant_id', { type: 'string' }));
  const sortable = Object.entries(fields).flatMap(([name, field]) => (field.sort ? [name] : []));
  return [
    ...named,
    ...(taggable ? tagFilters.map(name => ref('parameters', name)) : []),
    ...['fields', 'sort_dir', 'limit', 'marker', 'page_reverse'].map(name => ref('parameters', name)),
    {
      name: 'sort_key',
      in: 'query',
      description: 'As many as there are sort_dir',
      schema: { type: 'array', items: sortable.length > 0 ? { enum: sortable } : { type: 'string' } },
    },
  ];
}

/** Values of one name are alternatives. */
const filter = (name: string, items: Schema): Schema => ({ name, in: 'query', schema: { type: 'array', items } });

function memberOperations(resource: Resource): Schema {
  const { name, bodyName, plural, verbs, policyName } = resource;
  const answer = wrapped(bodyName, ref('schemas', schemaName(about(resource))));
  const ifMatch = resource.standard ? [ref('parameters', 'If-Match')] : [];
  return {
    ...(verbs.includes('show') && {
      get: operation({
        id: `show_${about(resource)}`,
        summary: `Show a ${words(name)}`,
        tag: plural,
        parameters: [ref('parameters', 'fields')],
        answer,
        policy: `get_${policyName}`,
      }),
    }),
    ...(verbs.includes('update') && {
      put: operation({
        id: `update_${about(resource)}`,
        summary: `Change a ${words(name)}`,
        tag: plural,
        parameters: ifMatch,
        body: wrapped(bodyName, ref('schemas', `${schemaName(about(resource))}Update`)),
        answer,
        policy: `update_${policyName}`,
      }),
    }),
    ...(verbs.includes('delete') && {
      delete: operation({
        id: `delete_${about(resource)}`,
        summary: `Delete a ${words(name)}`,
        tag: plural,
        parameters: ifMatch,
        status: 204,
        policy: `delete_${policyName}`,
      }),
    }),
  };
}

function actionOperation(resource: Resource, action: string, method: 'PUT' | 'GET'): Schema {
  return operation({
    id: `${about(resource)}_${action}`,
    summary: `${words(action)} of a ${words(resource.name)}`,
    tag: resource.plural,
    ...(method === 'PUT' ? { body: { type: 'object' } } : {}),
    answer: { type: 'object' },
    policy: action,
  });
}

const tagList = wrapped('tags', ref('schemas', 'Tags'));

function tagListOperations(resource: Resource): Schema {
  const op = (verb: string, summary: string, more: { body?: Schema; status?: number; answer?: Schema }): Schema =>
    operation({ id: `${verb}_${about(resource)}_tags`, summary, tag: resource.plural, ...more });
  return {
    get: op('list', 'List the tags', { answer: tagList }),
    put: op('replace', 'Replace the tags', { body: tagList, answer: tagList }),
    post: op('add', 'Add tags', { body: tagList, status: 201, answer: tagList }),
    delete: op('clear', 'Remove all tags', { status: 204 }),
  };
}

function tagOperations(resource: Resource): Schema {
  const op = (verb: string, summary: string, status: number): Schema =>
    operation({ id: `${verb}_${about(resource)}_tag`, summary, tag: resource.plural, status });
  return { get: op('check', 'Whether it has the tag', 204), put: op('add', 'Add a tag', 201), delete: op('remove', 'Remove a tag', 204) };
}
