import assert from 'node:assert/strict';
import test from 'node:test';
import { corsHeaders, defaultCors, preflightHeaders } from './cors.ts';

const origin = 'https://console.example';
const cors = { ...defaultCors, allowedOrigin: [origin] };
const ask = { origin, 'access-control-request-method': 'PUT' };

test('a page of an allowed origin may read answers and the headers meant for it', () => {
  assert.deepEqual(corsHeaders(cors, origin), {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'X-Auth-Token,X-Subject-Token,X-Service-Token,X-OpenStack-Request-ID,OpenStack-Volume-microversion',
  });
  assert.deepEqual(corsHeaders({ ...cors, allowCredentials: false, exposeHeaders: [] }, origin), {
    vary: 'Origin',
    'access-control-allow-origin': origin,
  });
});

test('others may not, and who is no page of another origin hears nothing of it', () => {
  for (const other of ['https://console.example.evil', 'http://console.example', 'null', undefined])
    assert.deepEqual(corsHeaders(cors, other), { vary: 'Origin' }, other);
  assert.deepEqual(corsHeaders(defaultCors, origin), {});
  assert.deepEqual(preflightHeaders(defaultCors, ask), {});
});

test('a star allows every origin, and is answered as a star', () => {
  const any = { ...defaultCors, allowedOrigin: ['*'] };
  assert.equal(corsHeaders(any, 'https://a.example')['access-control-allow-origin'], '*');
  assert.equal(corsHeaders({ ...any, allowedOrigin: ['*', origin] }, origin)['access-control-allow-origin'], origin);
});

test('a preflight is granted for methods and headers that are allowed, and not in parts', () => {
  const granted = preflightHeaders(cors, { ...ask, 'access-control-request-headers': 'x-auth-token, Content-Type' });
  assert.deepEqual(granted, {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-max-age': '3600',
    'access-control-allow-methods': 'PUT',
    'access-control-allow-headers': 'x-auth-token,Content-Type',
  });
  assert.deepEqual(preflightHeaders(cors, { ...ask, 'access-control-request-headers': 'x-auth-token, x-other' }), {});
  assert.deepEqual(preflightHeaders(cors, { ...ask, 'access-control-request-method': 'TRACE' }), {});
  assert.deepEqual(preflightHeaders(cors, { origin }), {});
  assert.deepEqual(preflightHeaders(cors, { ...ask, origin: 'https://evil.example' }), {});
  assert.equal(preflightHeaders({ ...cors, maxAge: 0 }, ask)['access-control-max-age'], undefined);
});
