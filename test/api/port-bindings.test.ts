// Bindings of a port: what a live migration does with them, step by step, and what agents hear of it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { addAgents } from './agent-rows.ts';
import type { Api, Made } from './client.ts';
import { startCluster } from './cluster.ts';
import { type Body, beat, type Harness, start, until } from './harness.ts';

describe('port bindings', () => {
  let h: Harness;
  let network: Made;
  const heard: string[] = [];

  before(async () => {
    h = await start({ quotas: { port: -1 } });
    for (const host of ['h1', 'h22', 'h333']) await beat(h, host);
    network = await h.member.make('networks', 'network', {});
    for (const what of ['activate', 'deactivate'])
      await h.bus.serve({
        topic: `q-agent-notifier-binding-${what}`,
        server: 'listener',
        endpoints: [{ version: '1.5', methods: { [`binding_${what}`]: args => void heard.push(`${what} ${args.host} ${args.port_id}`) } }],
      });
  });
  after(() => h[Symbol.asyncDispose]());

  const port = (host = 'h1', more: Body = {}): Promise<Made> =>
    h.admin.make('ports', 'port', {
      network_id: network.id,
      project_id: h.member.project,
      device_owner: 'compute:nova',
      'binding:host_id': host,
      ...more,
    });
  const bindings = async (id: string): Promise<string[]> =>
    (await h.admin.list(`ports/${id}/bindings`)).map(b => `${b.host} ${b.status} ${b.vif_type}`).sort();
  const shown = async (id: string): Promise<Body> => (await h.admin.request('GET', `ports/${id}`)).body.port as Body;
  const up = (id: string, host: string) =>
    h.rpc('q-plugin', 'update_device_up', { device: `tap${id.slice(0, 11)}`, agent_id: 'a', host }, '1.9');
  const details = async (id: string, host: string): Promise<Body> => {
    const args = { devices: [`tap${id.slice(0, 11)}`], agent_id: 'a', host };
    return ((await h.rpc('q-plugin', 'get_devices_details_list', args, '1.9')) as Body[])[0] as Body;
  };

  test('a live migration: made inactive on the target, activated, the source deleted', async () => {
    const { id } = await port();
    await up(id, 'h1');
    assert.equal((await shown(id)).status, 'ACTIVE');
    const made = await h.admin.make(`ports/${id}/bindings`, 'binding', { host: 'h22', profile: { migrating_to: 'h22' } });
    assert.deepEqual(made, {
      host: 'h22',
      status: 'INACTIVE',
      vnic_type: 'normal',
      profile: { migrating_to: 'h22' },
      vif_type: 'bridge',
      vif_details: { port_filter: true, connectivity: 'l2', bound_drivers: { '0': 'linuxbridge' } },
    });
    assert.deepEqual(await bindings(id), ['h1 ACTIVE bridge', 'h22 INACTIVE bridge']);
    const during = await shown(id);
    assert.deepEqual([during.status, during['binding:host_id']], ['ACTIVE', 'h1']);
    assert.equal((await details(id, 'h22')).no_active_binding, true);
    assert.equal((await details(id, 'h1')).port_id, id);
    await up(id, 'h1');

    const { status, body } = await h.admin.request('PUT', `ports/${id}/bindings/h22/activate`);
    assert.deepEqual([status, body], [200, { ...made, status: 'ACTIVE' }]);
    assert.deepEqual(await bindings(id), ['h1 INACTIVE bridge', 'h22 ACTIVE bridge']);
    const moved = await shown(id);
    assert.deepEqual([moved.status, moved['binding:host_id']], ['DOWN', 'h22']);
    await until('agents hear of it', async () => heard.filter(m => m.endsWith(id)).length === 2);
    assert.deepEqual(heard.filter(m => m.endsWith(id)).sort(), [`activate h22 ${id}`, `deactivate h1 ${id}`]);
    await up(id, 'h1');
    assert.equal((await shown(id)).status, 'DOWN', 'the source no longer speaks for the port');
    await up(id, 'h22');
    assert.equal((await shown(id)).status, 'ACTIVE');
    assert.equal((await h.admin.request('DELETE', `ports/${id}/bindings/h1`)).status, 204);
    assert.deepEqual(await bindings(id), ['h22 ACTIVE bridge']);
    assert.equal((await shown(id)).status, 'ACTIVE');
  });

  test('a way back: the source is activated again, the target deleted', async () => {
    const { id } = await port();
    await h.admin.make(`ports/${id}/bindings`, 'binding', { host: 'h22' });
    for (const host of ['h22', 'h1']) assert.equal((await h.admin.request('PUT', `ports/${id}/bindings/${host}/activate`)).status, 200);
    assert.equal((await h.admin.request('DELETE', `ports/${id}/bindings/h22`)).status, 204);
    await up(id, 'h1');
    const back = await shown(id);
    assert.deepEqual([back.status, back['binding:host_id'], back['binding:vif_type']], ['ACTIVE', 'h1', 'bridge']);
    assert.equal((await details(id, 'h1')).network_type, 'vxlan');
  });

  test('a move by the port itself leaves one binding where another was prepared', async () => {
    const { id } = await port();
    await h.admin.make(`ports/${id}/bindings`, 'binding', { host: 'h22' });
    await h.admin.request('PUT', `ports/${id}`, { port: { 'binding:host_id': 'h22' } });
    assert.deepEqual(await bindings(id), ['h22 ACTIVE bridge']);
    await h.admin.request('DELETE', `ports/${id}`);
    assert.deepEqual((await h.admin.refused('GET', `ports/${id}/bindings`)).slice(0, 2), [404, 'PortNotFound']);
  });

  test('without an active binding the port is nowhere, and the next one is active', async () => {
    const { id } = await port();
    await up(id, 'h1');
    assert.equal((await h.admin.request('DELETE', `ports/${id}/bindings/h1`)).status, 204);
    const nowhere = await shown(id);
    assert.deepEqual([nowhere.status, nowhere['binding:host_id'], nowhere['binding:vif_type']], ['DOWN', '', 'unbound']);
    const made = await h.admin.make(`ports/${id}/bindings`, 'binding', { host: 'h333' });
    assert.equal(made.status, 'ACTIVE');
    await up(id, 'h333');
    assert.equal((await shown(id)).status, 'ACTIVE');
  });

  test('changes of a binding: its profile; its VNIC type binds anew', async () => {
    const { id } = await port();
    await h.admin.make(`ports/${id}/bindings`, 'binding', { host: 'h22' });
    const put = (host: string, binding: Body) => h.admin.request('PUT', `ports/${id}/bindings/${host}`, { binding });
    const { body } = await put('h22', { profile: { a: 1 } });
    assert.deepEqual([(body.binding as Body).profile, (body.binding as Body).vif_type], [{ a: 1 }, 'bridge']);
    assert.deepEqual((await shown(id))['binding:profile'], {});
    assert.equal((await put('h22', { vnic_type: 'direct' })).status, 500);
    assert.deepEqual(await bindings(id), ['h1 ACTIVE bridge', 'h22 INACTIVE bridge']);
    assert.equal((await put('h1', { profile: { b: 2 } })).status, 200);
    assert.deepEqual((await shown(id))['binding:profile'], { b: 2 });
  });

  test('what is refused', async () => {
    const { id } = await port();
    const path = `ports/${id}/bindings`;
    const post = (binding: Body) => h.admin.refused('POST', path, { binding });
    assert.deepEqual(await post({ host: 'h1' }), [409, 'PortBindingAlreadyExists', `Binding for port ${id} on host h1 already exists.`]);
    const failed = `Binding for port ${id} on host nowhere could not be created or updated.`;
    assert.deepEqual(await post({ host: 'nowhere' }), [500, 'PortBindingError', failed]);
    assert.deepEqual(await bindings(id), ['h1 ACTIVE bridge']);
    assert.equal((await post({}))[2], "Failed to parse request. Required attribute 'host' not specified");
    const bulk = await h.admin.refused('POST', path, { bindings: [{ host: 'h22' }] });
    assert.deepEqual(bulk, [400, 'HTTPBadRequest', 'Bulk operation not supported']);
    const active = `Binding for port ${id} on host h1 is already active.`;
    assert.deepEqual(await h.admin.refused('PUT', `${path}/h1/activate`), [409, 'PortBindingAlreadyActive', active]);
    const missing = [404, 'PortBindingNotFound', `Binding for port ${id} for host h22 could not be found.`];
    assert.deepEqual(await h.admin.refused('PUT', `${path}/h22/activate`), missing);
    assert.deepEqual(await h.admin.refused('DELETE', `${path}/h22`), missing);
    const { id: plain } = await port('h1', { device_owner: '' });
    const owner = [400, 'BadRequest', `Bad port request: Invalid port ${plain}. Operation only valid on compute ports.`];
    assert.deepEqual(await h.admin.refused('POST', `ports/${plain}/bindings`, { binding: { host: 'h22' } }), owner);
    assert.deepEqual(await h.admin.refused('GET', `ports/${plain}/bindings`), owner);
    assert.equal((await h.member.refused('POST', path, { binding: { host: 'h22' } }))[0], 403);
    // Who may bind nowhere is told so; whoever looks is told that there is no such port.
    assert.equal((await h.other.refused('POST', path, { binding: { host: 'h22' } }))[0], 403);
    assert.deepEqual((await h.other.refused('GET', path)).slice(0, 2), [404, 'PortNotFound']);
  });

  test('a direct-physical port takes the MAC of the device that it is activated on', async () => {
    // No driver binds these here; a binding without a host stands for one that is prepared.
    const { id, mac_address } = await port('', { 'binding:vnic_type': 'direct-physical' });
    await h.admin.request('PUT', `ports/${id}`, {
      port: { 'binding:host_id': 'h9', 'binding:profile': { device_mac_address: '00:53:00:00:00:09' } },
    });
    assert.equal((await shown(id)).mac_address, '00:53:00:00:00:09');
    await h.admin.request('DELETE', `ports/${id}/bindings/h9`);
    await h.admin.request('PUT', `ports/${id}`, { port: { 'binding:host_id': '' } });
    assert.notEqual((await shown(id)).mac_address, mac_address);
  });
});

test('activations in two processes leave exactly one active binding', async () => {
  await using cluster = await startCluster(2, { quotas: { port: -1 } });
  await addAgents(cluster.file, ['h1', 'h22', 'h333']);
  const [a, b] = cluster.spread('admin', 2) as [Api, Api];
  const network = await a.make('networks', 'network', {});
  for (let round = 0; round < 8; round++) {
    const attributes = { network_id: network.id, device_owner: 'compute:nova', 'binding:host_id': 'h1' };
    const { id } = await a.make('ports', 'port', attributes);
    const path = `ports/${id}/bindings`;
    const made = await Promise.all([a, b].map(p => p.request('POST', path, { binding: { host: 'h22' } })));
    assert.deepEqual(made.map(m => m.status).sort(), [201, 409]);
    await a.make(path, 'binding', { host: 'h333' });
    const answers = await Promise.all([
      a.request('PUT', `${path}/h22/activate`),
      b.request('PUT', `${path}/h333/activate`),
      b.request('PUT', `${path}/h22/activate`),
      a.request('PUT', `ports/${id}`, { port: { name: `round ${round}` } }),
    ]);
    for (const { status } of answers) assert.ok([200, 409].includes(status), String(status));
    const active = (await b.list(path)).filter(x => x.status === 'ACTIVE');
    assert.equal(active.length, 1);
    const port = (await a.request('GET', `ports/${id}`)).body.port as Body;
    assert.equal(port['binding:host_id'], active[0]?.host);
  }
});

test('what the VIF details say of a filter is what the configuration says of agents', async () => {
  for (const guardsPorts of [true, false]) {
    await using h = await start({ guardsPorts });
    await beat(h, 'h1');
    const network = await h.member.make('networks', 'network', {});
    const made = await h.admin.make('ports', 'port', { network_id: network.id, device_owner: 'compute:nova', 'binding:host_id': 'h1' });
    assert.equal(made['binding:vif_type'], 'bridge');
    assert.equal((made['binding:vif_details'] as Body)['port_filter'], guardsPorts);
  }
});
