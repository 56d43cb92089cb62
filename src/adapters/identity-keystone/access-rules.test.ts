import assert from 'node:assert/strict';
import test from 'node:test';
import { isAllowed } from './access-rules.ts';

const matches = (pattern: string, path: string): boolean =>
  isAllowed([{ method: 'GET', service: 'network', path: pattern }], 'network', { method: 'GET', path });

test('patterns stand for the paths that Keystone says they do', () => {
  for (const [pattern, path, expected] of [
    ['/v2.0/networks', '/v2.0/networks', true],
    ['/v2.0/networks', '/v2x0/networks', false],
    ['/v2.0/networks', '/v2.0/networks/', false],
    ['/v2.0/networks/*', '/v2.0/networks/a1', true],
    ['/v2.0/networks/*', '/v2.0/networks/', false],
    ['/v2.0/networks/*', '/v2.0/networks/a/b', false],
    ['/v2.0/*/{id}/tags', '/v2.0/ports/7/tags', true],
    ['/v2.0/*/{id}/tags', '/v2.0/ports/tags', false],
    ['/v2.0/{a}{b}', '/v2.0/x', false],
    ['/v2.0/{a}{b}', '/v2.0/xy', true],
    ['/v2.0/**', '/v2.0/', true],
    ['/v2.0/**', '/v2.0/a/b/c', true],
    ['/**/tags/*', '/v2.0/ports/7/tags/x', true],
    ['/**/tags/*', '/v2.0/ports/7/tags', false],
    ['**', '/anything', true],
    ['/(.*)', '/x', false],
    ['', '', true],
    ['', '/', false],
  ] as const)
    assert.equal(matches(pattern, path), expected, `${pattern} ${path}`);
  const rule = { method: 'POST', service: 'compute', path: '**' };
  assert.equal(isAllowed([rule], 'network', { method: 'POST', path: '/' }), false);
  assert.equal(isAllowed([rule], 'compute', { method: 'GET', path: '/' }), false);
});

test('a pattern that users may write does not keep the server from its work', () => {
  const began = process.cpuUsage();
  assert.equal(matches('/**a**a**a**b', `/v2.0/${'a'.repeat(800)}`), false);
  assert.equal(matches(`/${'**a*'.repeat(55)}b`, `/v2.0/${'a'.repeat(16_000)}`), false);
  assert.equal(matches(`/${'**a'.repeat(70)}`, `/v2.0/${'a'.repeat(4000)}`), true);
  assert.ok(process.cpuUsage(began).user < 5_000_000);
});
