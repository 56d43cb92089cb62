import assert from 'node:assert/strict';
import test from 'node:test';
import { parseTransportUrl } from './transport-url.ts';

const host = (name: string, port = 5672, username = 'guest', password = 'guest') => ({ host: name, port, username, password });

for (const [url, hosts, virtualHost, query] of [
  ['rabbit://', [host('localhost')], '/', {}],
  ['rabbit://a', [host('a')], '/', {}],
  ['rabbit://u:p@a:1/', [host('a', 1, 'u', 'p')], '/', {}],
  ['rabbit://u:p@a:1,v:q@b/nova', [host('a', 1, 'u', 'p'), host('b', 5672, 'v', 'q')], 'nova', {}],
  [
    'rabbit://u%40x:p%3A%2F%25%2C@[::1]:5671/%2Fv?ssl=1&heartbeat_rate=3',
    [host('::1', 5671, 'u@x', 'p:/%,')],
    '/v',
    { ssl: '1', heartbeat_rate: '3' },
  ],
  ['rabbit://u@a//', [host('a', 5672, 'u', '')], '/', {}],
  ['RABBIT://a?ssl=1', [host('a')], '/', { ssl: '1' }],
] as const) {
  test(`transport_url ${url}`, () => assert.deepEqual(parseTransportUrl(url), { hosts, virtualHost, query }));
}

for (const url of [
  '',
  'hush',
  'kafka://u:hush@a',
  'rabbit:/u:hush@a',
  'rabbit://u:hush@',
  'rabbit://u:hush@a:x',
  'rabbit://u:hush@a:70000',
])
  test(`no transport_url, and nothing of it is told: ${url}`, () =>
    assert.throws(
      () => parseTransportUrl(url),
      error => error instanceof Error && / wanted/.test(error.message) && !error.message.includes('hush'),
    ));
for (const url of ['rabbit://u:hush:hush@a', 'rabbit://u:hush%@a', 'rabbit://u:hush@a,', 'rabbit://u:hush@[::1/'])
  test(`a part of a transport_url that cannot be: ${url}`, () =>
    assert.throws(
      () => parseTransportUrl(url),
      error => error instanceof Error && / wanted/.test(error.message) && !error.message.includes('hush'),
    ));
