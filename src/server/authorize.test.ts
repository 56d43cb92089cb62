import assert from 'node:assert/strict';
import test from 'node:test';
import { ApiError } from '../domain/errors.ts';
import { resources } from '../model/registry.ts';
import { notFound } from './authorize.ts';

test('every resource has a 404 of its own that names the id', () => {
  for (const resource of resources.filter(r => r.verbs.includes('show'))) {
    const error = notFound(resource, 'the-id', 'the-parent');
    assert.ok(error instanceof ApiError && error.status === 404, resource.name);
    assert.match(error.message, /the-id/, resource.name);
    assert.doesNotMatch(error.message, /undefined/, resource.name);
  }
});
