import assert from 'node:assert/strict';
import test from 'node:test';
import { resources } from '../../model/registry.ts';
import { routes } from './route.ts';

const routeOf = routes(resources);

test('paths are the routes that there are', () => {
  for (const [path, expected] of [
    ['/', '/'],
    ['/v2.0/', '/v2.0/'],
    ['/networking/v2.0/ports', '/networking/v2.0/ports'],
    ['/v2.0/ports.json', '/v2.0/ports'],
    ['/v2.0/openapi.json', '/v2.0/openapi.json'],
    ['/v2.0/security_groups/x', '/v2.0/security-groups/{id}'],
    ['/v2.0/routers/x/add_router_interface', '/v2.0/routers/{id}/add_router_interface'],
    ['/v2.0/ports/x/tags/red', '/v2.0/ports/{id}/tags/{id}'],
    ['/v2.0/qos/policies/x/bandwidth_limit_rules/y', '/v2.0/qos/policies/{id}/bandwidth_limit_rules/{id}'],
    ['/v2.0/floatingips/x/port_forwardings', '/v2.0/floatingips/{id}/port_forwardings'],
    ['/v2.0/agents/x/dhcp-networks/y', '/v2.0/agents/{id}/dhcp-networks/{id}'],
    ['/v2.0/quotas/x/details', '/v2.0/quotas/{id}/details'],
    ['/identity/v3/auth/tokens', '/identity'],
    ['/healthcheck', '/healthcheck'],
    ['/v2.0/stranger', '/{other}'],
    ['/{id}', '/{other}'],
  ] as const)
    assert.equal(routeOf(path), expected, path);
});

test('however a client puts the words of the API together, there are no more routes', () => {
  const words = [...resources.flatMap(({ path, actions }) => [...path.split('/'), ...Object.keys(actions)]), 'tags', 'v2.0', 'x', ''];
  const seen = new Set<string>();
  for (const a of words) for (const b of words) for (const c of words) seen.add(routeOf(`/v2.0/${a}/${b}/${c}`));
  assert.ok(seen.size < 500, String(seen.size));
});
