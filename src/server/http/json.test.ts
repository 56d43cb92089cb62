import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import test from 'node:test';
import { jsonBody } from './json.ts';

test('a long list is the same JSON in pieces, and others get their turn meanwhile', async () => {
  const ports = Array.from({ length: 1201 }, (_, i) => ({ id: `p${i}`, name: 'ü"\n', tags: [] }));
  const body = { ports, ports_links: [{ rel: 'next' }], count: 3, nothing: undefined, empty: [] };
  const stream = jsonBody(body);
  assert.ok(typeof stream !== 'string');
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const written = await text(stream);
  clearInterval(timer);
  assert.equal(written, JSON.stringify(body));
  assert.ok(turns > 0);
});

test('everything else is written at once', () => {
  assert.equal(jsonBody(null), 'null');
  assert.equal(jsonBody({ ports: [] }), '{"ports":[]}');
});
