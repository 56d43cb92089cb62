// Extensions that are there only where the operator names their plug-in. A known extension plays the part.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Extension } from '../../src/model/kit/resource.ts';
import { extensions } from '../../src/model/registry.ts';
import { type Body, type Harness, start } from './harness.ts';

const plugged: readonly Extension[] = extensions.map(e =>
  e.alias === 'port-trusted-vif' || e.alias === 'extraroute' ? { ...e, plugin: 'played' } : e,
);
const server = (servicePlugins: readonly string[]): Promise<Harness> => start({ servicePlugins }, undefined, { extensions: plugged });

/** The attributes of an object in each of its answers. */
async function answers(h: Harness): Promise<string[][]> {
  const network = await h.admin.make('networks', 'network', {});
  const made = await h.admin.make('ports', 'port', { network_id: network.id });
  const path = `ports/${made.id}`;
  const put = (await h.admin.request('PUT', path, { port: { name: 'x' } })).body.port as Body;
  const shown = (await h.admin.request('GET', path)).body.port as Body;
  const [listed = {}] = await h.admin.list(`ports?id=${made.id}`);
  return [made, put, shown, listed].map(o => Object.keys(o));
}

describe('extensions of plug-ins', () => {
  test('switched on: alias, attribute, filter and document', async () => {
    await using h = await server(['router', 'played']);
    assert.equal((await h.member.request('GET', 'extensions/port-trusted-vif')).status, 200);
    assert.ok((await answers(h)).every(names => names.includes('trusted')));
    const network = await h.member.make('networks', 'network', {});
    assert.equal((await h.admin.make('ports', 'port', { network_id: network.id, trusted: true })).trusted, true);
    assert.match(await (await fetch(`${h.server.url}/v2.0/openapi.json`)).text(), /"trusted"/);
  });

  test('switched off: none of them, to nobody', async () => {
    await using h = await server([]);
    assert.equal((await h.member.request('GET', 'extensions/port-trusted-vif')).status, 404);
    assert.ok((await h.member.list('extensions')).every(e => e.alias !== 'port-trusted-vif'));
    assert.ok((await answers(h)).every(names => !names.includes('trusted') && names.includes('hints')));
    const network = await h.member.make('networks', 'network', {});
    const unknown = { type: 'HTTPBadRequest', message: "Unrecognized attribute(s) 'trusted'", detail: '' };
    const post = await h.admin.request('POST', 'ports', { port: { network_id: network.id, trusted: true } });
    assert.deepEqual([post.status, post.body.NeutronError], [400, unknown]);
    const port = await h.member.make('ports', 'port', { network_id: network.id });
    const put = await h.admin.request('PUT', `ports/${port.id}`, { port: { trusted: true } });
    assert.deepEqual([put.status, put.body.NeutronError], [400, unknown]);
    assert.doesNotMatch(await (await fetch(`${h.server.url}/v2.0/openapi.json`)).text(), /"trusted"/);
  });

  test('switched off: what an action answers has none either', async () => {
    await using h = await server([]);
    const router = await h.member.make('routers', 'router', {});
    assert.ok(!('routes' in router));
    const { body } = await h.member.request('PUT', `routers/${router.id}/add_extraroutes`, { router: { routes: [] } });
    assert.equal((body.router as Body).id, router.id);
    assert.ok(!('routes' in (body.router as Body)));
  });
});
