// The OpenAPI document against the server: objects of every resource are as it says, and so is what the samples send.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { about } from '../../src/domain/openapi/collections.ts';
import { schemaName } from '../../src/domain/openapi/operation.ts';
import { pathOf, startWorld, type Thing } from './authorisation/world.ts';
import type { Body } from './client.ts';
import type { Harness } from './harness.ts';

describe('OpenAPI and the server', () => {
  let h: Harness;
  let things: readonly Thing[];
  let ajv: Ajv2020;

  before(async () => {
    const world = await startWorld();
    h = world.h;
    things = world.things;
    const document = (await (await fetch(`${h.server.url}/v2.0/openapi.json`)).json()) as object;
    ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true }).addSchema(document, 'api');
  });
  after(() => h[Symbol.asyncDispose]());

  /** What is wrong with a value by a schema of the document. */
  function wrong(name: string, value: unknown): string[] {
    const validate = ajv.getSchema(`api#/components/schemas/${name}`);
    assert.ok(validate, name);
    validate(value);
    return (validate.errors ?? []).map(e => `${name}${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`);
  }

  test('what is answered has the attributes that are described, and values of their types', async () => {
    const problems: string[] = [];
    for (const thing of things) {
      const { resource } = thing;
      if (!resource.verbs.includes('show')) continue;
      const answer = await h.admin.request('GET', pathOf(thing));
      const object = answer.body[resource.bodyName] as Body | undefined;
      assert.ok(object, `${pathOf(thing)} answered ${JSON.stringify(answer)}`);
      const name = schemaName(about(resource));
      const { properties } = ajv.getSchema(`api#/components/schemas/${name}`)?.schema as { properties: object };
      problems.push(...wrong(name, object));
      problems.push(...Object.keys(object).flatMap(key => (Object.hasOwn(properties, key) ? [] : [`${name}.${key} is not described`])));
    }
    assert.deepEqual([...new Set(problems)], []);
  });

  test('what creates take is what is described', () => {
    const bodies = things.flatMap(({ resource, sample, at }) => (at && sample.body ? [{ resource, body: sample.body(at) }] : []));
    assert.ok(bodies.length > 10);
    for (const { resource, body } of bodies) assert.deepEqual(wrong(`${schemaName(about(resource))}Create`, body), []);
    assert.ok(wrong('NetworkCreate', { bogus: 1 }).length > 0);
    assert.ok(wrong('PortCreate', { name: 'x' }).length > 0);
  });
});
