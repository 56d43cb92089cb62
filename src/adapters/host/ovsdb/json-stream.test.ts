import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonStream, StreamError } from './json-stream.ts';

const texts = [
  { id: 0, method: 'echo', params: [] },
  { id: null, method: 'update', params: ['brackets in words: ]}{["', 'quotes \\" and \\\\', { ключ: 'zwölf € 𝄞' }] },
  [],
  { a: { b: [[{}], '\u0000\n'] } },
];

test('texts come out whole, wherever the stream is cut', () => {
  const bytes = Buffer.from(texts.map((t, i) => JSON.stringify(t) + ['', ' \n', '\t'][i % 3]).join(''));
  for (const size of [1, 2, 3, 5, 7, 64, bytes.length]) {
    const stream = new JsonStream();
    const out: unknown[] = [];
    for (let at = 0; at < bytes.length; at += size) out.push(...stream.push(bytes.subarray(at, at + size)));
    assert.deepEqual(out, texts, `in pieces of ${size}`);
  }
});

test('a text that is too long is refused before it is held whole, and one of just that length is not', () => {
  const text = Buffer.from(JSON.stringify({ words: 'x'.repeat(100) }));
  assert.equal([...new JsonStream(text.length).push(text)].length, 1);
  assert.throws(() => [...new JsonStream(text.length - 1).push(text)], /more than 111 bytes/);
  const slow = new JsonStream(50);
  assert.throws(() => {
    for (const byte of text) assert.deepEqual([...slow.push(Buffer.from([byte]))], []);
  }, StreamError);
});

test('what is no JSON ends it with a word', () => {
  for (const wrong of ['HTTP/1.1 400\r\n', ']', '}', '"x"', '12', '{"a":}', '{]', '[1}', '{"a":"\u0001"}'])
    assert.throws(() => [...new JsonStream().push(Buffer.from(wrong))], StreamError, wrong);
  assert.throws(() => [...new JsonStream().push(Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]))], /not JSON/);
});
