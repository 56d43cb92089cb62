import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import test from 'node:test';
import { baseOf, type Connection, clientOf, noProxy, type ProxyConfig } from './place.ts';

interface Place {
  readonly base: string;
  readonly client: string;
}

const placeOf = (headers: IncomingHttpHeaders, connection: Connection, config: ProxyConfig): Place => ({
  base: baseOf(headers, connection, config),
  client: clientOf(headers, connection, config),
});

const here = (headers: IncomingHttpHeaders): Place =>
  placeOf({ host: 'api:9696', ...headers }, { peer: '192.0.2.1', secure: false }, noProxy);
const behind = (headers: IncomingHttpHeaders): Place =>
  placeOf({ host: 'api:9696', ...headers }, { peer: '192.0.2.1', secure: false }, { ...noProxy, enabled: true });

test('without a proxy of ours only the scheme is believed', () => {
  const said = {
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-for': '203.0.113.9',
    'x-forwarded-prefix': '/x',
    forwarded: 'for=203.0.113.9;host=evil.example;proto=https',
  };
  assert.deepEqual(here(said), { base: 'https://api:9696', client: '192.0.2.1' });
  assert.deepEqual(here({}), { base: 'http://api:9696', client: '192.0.2.1' });
});

test('a proxy says scheme, host, port, prefix and client; of several proxies the first', () => {
  const said = {
    'x-forwarded-proto': 'https, http',
    'x-forwarded-host': 'cloud.example, inner',
    'x-forwarded-for': '203.0.113.9, 10.0.0.1',
  };
  assert.deepEqual(behind(said), { base: 'https://cloud.example', client: '203.0.113.9' });
  assert.equal(behind({ ...said, 'x-forwarded-prefix': '/network/' }).base, 'https://cloud.example/network');
  assert.equal(behind({ ...said, 'x-forwarded-port': '8443' }).base, 'https://cloud.example:8443');
  assert.equal(behind({ ...said, 'x-forwarded-port': '443' }).base, 'https://cloud.example');
  assert.equal(behind({ ...said, 'x-forwarded-host': 'cloud.example:1', 'x-forwarded-port': '8443' }).base, 'https://cloud.example:1');
  assert.equal(behind({ 'x-forwarded-host': '[2001:db8::1]:9' }).base, 'http://[2001:db8::1]:9');
});

test('RFC 7239 counts alone where it is there', () => {
  const forwarded = 'for="[2001:db8::9]:4711";Proto=https;host="cloud.example:8443", for=10.0.0.1;host=inner';
  assert.deepEqual(behind({ forwarded, 'x-forwarded-host': 'other' }), {
    base: 'https://cloud.example:8443',
    client: '[2001:db8::9]:4711',
  });
  assert.equal(behind({ forwarded: 'for=_hidden', 'x-forwarded-host': 'other' }).base, 'http://api:9696');
  for (const junk of [';;;', '=', 'host', 'host=;proto=']) assert.equal(behind({ forwarded: junk }).base, 'http://api:9696');
});

test('what is no host, port, prefix, scheme or address is as if it were not said', () => {
  for (const host of ['a b', 'a/b', 'a"', 'a@b', 'a:b', '[::1', 'x'.repeat(300), 'a\nb', '']) {
    assert.equal(behind({ 'x-forwarded-host': host }).base, 'http://api:9696', host);
    assert.equal(here({ host }).base, 'http://localhost', host);
  }
  assert.equal(behind({ 'x-forwarded-port': '8a' }).base, 'http://api:9696');
  for (const prefix of ['net', '//evil.example', '/a b', '/"', '/a?b', '/a#b', '/']) {
    assert.equal(behind({ 'x-forwarded-prefix': prefix }).base, 'http://api:9696', prefix);
  }
  assert.equal(behind({ 'x-forwarded-proto': 'javascript' }).base, 'http://api:9696');
  assert.equal(behind({ 'x-forwarded-for': 'a b\n' }).client, '192.0.2.1');
});

test('a configured prefix of links counts before everything', () => {
  const config = { enabled: true, linkPrefix: 'https://net.example/api/' };
  assert.equal(
    placeOf({ host: 'api', 'x-forwarded-host': 'x', 'x-forwarded-prefix': '/y' }, { peer: '::1', secure: false }, config).base,
    'https://net.example/api',
  );
});

test('on a connection of TLS links begin with https, unless a header says otherwise', () => {
  const secure = { peer: '192.0.2.1', secure: true };
  assert.equal(placeOf({ host: 'api:9696' }, secure, noProxy).base, 'https://api:9696');
  assert.equal(placeOf({ host: 'api:9696', 'x-forwarded-proto': 'http' }, secure, noProxy).base, 'http://api:9696');
});
