import assert from 'node:assert/strict';
import test from 'node:test';
import { takesJson } from './accept.ts';
import { isReadAt, readBody } from './body.ts';

const read = (text: string | Buffer, method = 'POST'): unknown => readBody(method, Buffer.from(text as string));
const nested = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

test('a JSON object in UTF-8', () => {
  assert.deepEqual(read('{"network":{"name":"ü"}}'), { network: { name: 'ü' } });
  assert.deepEqual(read(' {"a":1,"a":2}\n'), { a: 2 });
  assert.equal(read(''), undefined);
  assert.equal(readBody('POST', undefined), undefined);
});

test('anything else is refused', () => {
  const invalid = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]);
  const utf16 = Buffer.from('{"a":1}', 'utf16le');
  for (const body of ['[]', 'null', '1', '"a"', '{', '{"a":NaN}', '{a:1}', 'a=b', '\u{FEFF}{"a":1}', invalid, utf16, '{"a":"\n"}'])
    assert.throws(() => read(body), { status: 400, message: 'Body contains invalid data' }, String(body));
});

test('64 levels are enough', () => {
  assert.ok(read(nested(64)));
  assert.throws(() => read(nested(65)), { status: 400 });
  assert.throws(() => read(nested(200_000)), { status: 400 });
});

test('a key named like a prototype is a key like any other', () => {
  const body = read('{"__proto__":{"isAdmin":true},"constructor":1}') as Record<string, unknown>;
  assert.deepEqual(Object.keys(body), ['__proto__', 'constructor']);
  assert.equal(({} as Record<string, unknown>).isAdmin, undefined);
});

test('a body of a GET is not read; a DELETE has had one', () => {
  assert.equal(read('{', 'GET'), undefined);
  assert.deepEqual(read('{', 'DELETE'), {});
  assert.equal(read('', 'DELETE'), undefined);
});

test('a tag is put by its URL alone', () => {
  assert.equal(isReadAt('PUT', ['networks', 'n', 'tags', 'red']), false);
  for (const path of [['networks', 'n', 'tags'], ['networks', 'n'], ['tags']]) assert.equal(isReadAt('PUT', path), true);
  assert.equal(isReadAt('POST', ['networks', 'n', 'tags', 'red']), true);
});

test('who takes JSON', () => {
  for (const accept of [
    '',
    '*/*',
    'application/json',
    'text/html, application/*;q=0.1',
    'text/html;q=0.9, */*;q=0.1',
    'APPLICATION/JSON;charset=utf-8',
  ])
    assert.equal(takesJson(accept), true, accept);
  for (const accept of ['text/html', 'application/xml', 'application/json;q=0, */*', '*/*;q=0', 'json', 'application/json;q=x'])
    assert.equal(takesJson(accept), false, accept);
});
