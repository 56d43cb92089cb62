import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { defineResource, type Resource } from '../../model/kit/resource.ts';
import { t } from '../../model/kit/types.ts';
import { extensions, resources } from '../../model/registry.ts';
import { openApi } from './document.ts';
import { createSchema, shownSchema, updateSchema } from './schema.ts';

const document = openApi({ resources, extensions }, 'http://127.0.0.1:9696/v2.0');

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name?: string }[];
}
type Method = 'get' | 'put' | 'post' | 'delete';
type Item = { readonly [M in Method]?: Operation } & { readonly parameters?: readonly { readonly name: string }[] };
const paths = document['paths'] as Readonly<Record<string, Item>>;
const methods: readonly Method[] = ['get', 'put', 'post', 'delete'];

/** What a pointer leads to. */
function at(pointer: string): unknown {
  let found: unknown = document;
  for (const key of pointer.split('/').slice(1)) found = (found as Record<string, unknown> | undefined)?.[key];
  return found;
}

/** The URLs of a resource: its collection and its members. */
function placesOf(r: Resource): { readonly collection: Item; readonly member: Item; readonly path: string } {
  const below = r.parent !== undefined && r.aliasOf === undefined;
  const end = below ? `}/${r.path}` : `/${r.path}`;
  const url = Object.keys(paths).find(p => p.replace(/\/\{\w+\}$/, '').endsWith(end) && (below || p.startsWith(end))) ?? '';
  const collection = url.replace(/\/\{\w+\}$/, '');
  const path = Object.keys(paths).find(p => p.startsWith(`${collection}/{`) && /^\/\{\w+\}$/.test(p.slice(collection.length))) ?? '';
  return { collection: paths[collection] ?? {}, member: paths[path] ?? {}, path };
}

describe('OpenAPI', () => {
  test('the document is valid by the schema of OpenAPI 3.1', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(structuredClone(document));
    assert.equal(valid, true, JSON.stringify(errors, null, 1)?.slice(0, 2000));
    assert.equal(validator.version, '3.1');
  });

  test('every reference leads somewhere, every operation has a name of its own, every variable of a path is a parameter', () => {
    for (const [, pointer = ''] of JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g)) assert.ok(at(pointer), pointer);
    const names = Object.values(paths).flatMap(item => methods.flatMap(m => item[m]?.operationId ?? []));
    assert.deepEqual(
      names.filter((name, i) => names.indexOf(name) !== i),
      [],
    );
    for (const [path, item] of Object.entries(paths)) {
      const variables = [...path.matchAll(/\{(\w+)\}/g)].map(m => m[1]);
      const named = (item.parameters ?? []).map(p => p.name);
      assert.deepEqual(named, variables, path);
    }
  });

  test('every verb, action, tag and filter of every resource is there, and no other', () => {
    for (const r of resources) {
      const { collection, member, path } = placesOf(r);
      const verbs = { list: collection.get, create: collection.post, show: member.get, update: member.put, delete: member.delete };
      const there = Object.entries(verbs).flatMap(([verb, op]) => (op ? [verb] : []));
      assert.deepEqual(there.sort(), r.verbs.toSorted(), r.name);
      for (const action of Object.keys(r.actions)) assert.ok(paths[`${path}/${action}`], `${r.name} ${action}`);
      assert.equal(paths[`${path}/tags/{tag}`] !== undefined, r.taggable, `${r.name} tags`);
      const parameters = collection.get?.parameters?.map(p => p.name) ?? [];
      for (const [name, field] of Object.entries(r.fields))
        if (r.verbs.includes('list')) assert.equal(parameters.includes(name), field.filter === true, `${r.name} ${name}`);
    }
  });
});

const thing = defineResource({
  name: 'thing',
  fields: {
    id: { type: t.uuid },
    project_id: { type: t.str(255), post: true },
    name: { type: t.str(20), post: true, put: true, default: '' },
    size: { type: t.int(1, 9), post: true },
    mode: { type: t.opt(t.oneOf('a', 'b')), post: true, put: true, default: null },
    secret: { type: t.str(9), post: true, default: '', show: false },
  },
});

test('what is required, read-only, nullable, hidden and filled in', () => {
  const tenant_id = { type: 'string', maxLength: 255, deprecated: true, description: 'The same as project_id' };
  const project_id = { type: 'string', maxLength: 255 };
  const mode = { anyOf: [{ enum: ['a', 'b'] }, { type: 'null' }] };
  assert.deepEqual(createSchema(thing), {
    type: 'object',
    properties: {
      project_id,
      name: { type: 'string', maxLength: 20, default: '' },
      size: { type: 'integer', minimum: 1, maximum: 9 },
      mode: { ...mode, default: null },
      secret: { type: 'string', maxLength: 9, default: '' },
      tenant_id,
    },
    required: ['size'],
    additionalProperties: false,
  });
  assert.deepEqual(updateSchema(thing), {
    type: 'object',
    properties: { name: { type: 'string', maxLength: 20 }, mode },
    additionalProperties: false,
  });
  assert.deepEqual(shownSchema(thing), {
    type: 'object',
    properties: {
      id: { type: 'string', format: 'uuid', readOnly: true },
      project_id,
      name: { type: 'string', maxLength: 20 },
      size: { type: 'integer', minimum: 1, maximum: 9 },
      mode,
      tenant_id,
    },
  });
});
