import assert from 'node:assert/strict';
import { test } from 'node:test';
import { domainFor, type NamedBy } from './dns-keywords.ts';

const ann: NamedBy = { project_id: 'p1', project_name: 'Shop', user_id: 'u1', user_name: 'ann' };

test('placeholders are whole labels, and stand for whoever gave the name', () => {
  assert.equal(domainFor('<user_name>.<user_id>.<project_name>.<project_id>.example.', ann), 'ann.u1.shop.p1.example.');
  assert.equal(domainFor('example.', undefined), 'example.');
  assert.equal(domainFor('', ann), '');
});

test('a value that is no single label stands for nothing', () => {
  for (const project_name of [null, '', 'a.b', 'a b', 'a_b', '-a', '<user_id>', 'a'.repeat(64)]) {
    assert.equal(domainFor('<project_name>.example.', { ...ann, project_name }), undefined, String(project_name));
    assert.equal(domainFor('<project_id>.example.', { ...ann, project_name }), 'p1.example.');
  }
  assert.equal(domainFor('<user_id>.example.', undefined), undefined);
});
