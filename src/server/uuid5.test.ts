import assert from 'node:assert/strict';
import test from 'node:test';
import { uuid5 } from './uuid5.ts';

test('the same name in the same namespace is the same UUID, as other programs make it', () => {
  assert.equal(uuid5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com'), '2ed6657d-e927-568b-95e1-2665a8aea6a2');
  // Recorded: the group of a port and one rule.
  assert.equal(
    uuid5('77b4e447-97aa-4f1d-9b67-0d2430e66189', '4ec1934b-6160-4d4a-911e-3f951ebf847f'),
    '0f46c5c0-839b-5d70-90c2-524f592cb399',
  );
});
