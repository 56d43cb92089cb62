import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import test from 'node:test';
import { Texts } from '../printed.ts';
import { jsonBody } from './json.ts';

test('a long list is the same JSON in pieces, and others get their turn meanwhile', async () => {
  const ports = Array.from({ length: 1201 }, (_, i) => ({ id: `p${i}`, name: 'ü"\n', tags: [] }));
  const body = { ports, ports_links: [{ rel: 'next' }], count: 3, nothing: undefined, empty: [] };
  const stream = jsonBody(body);
  assert.ok(stream instanceof Readable);
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

test('objects that are printed already are the same JSON, at once or in pieces', async () => {
  for (const count of [0, 1, 3, 12_000]) {
    const ports = Array.from({ length: count }, (_, i) => ({ id: `p${i}`, name: 'ü"\n' }));
    const body = { before: 1, ports, ports_links: [{ rel: 'next' }], nothing: undefined };
    const written = jsonBody({ ...body, ports: Texts.list(ports.map(p => Buffer.from(JSON.stringify(p)))) });
    assert.equal(written instanceof Readable, count > 5000);
    assert.equal(written instanceof Readable ? await text(written) : Buffer.from(written).toString(), JSON.stringify(body));
  }
});
