// Port forwardings: ranges, what collides, what they hold, and what agents are told of them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Api, Body, Made } from './client.ts';
import { startCluster } from './cluster.ts';
import { beat, type Harness, start } from './harness.ts';
import { openDatabase } from './open-database.ts';

const name = 'port_forwarding';
const addressOf = (port: Made): string => (port.fixed_ips as { ip_address: string }[])[0]!.ip_address;

interface Scene {
  readonly external: Made;
  readonly net: Made;
  readonly subnet: Made;
  readonly router: Made;
}

async function scene(admin: Api, member: Api): Promise<Scene> {
  const external = await admin.make('networks', 'network', { 'router:external': true });
  await admin.make('subnets', 'subnet', { network_id: external.id, ip_version: 4, cidr: '172.24.0.0/20', enable_dhcp: false });
  const net = await member.make('networks', 'network', {});
  const subnet = await member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/24' });
  const router = await member.make('routers', 'router', { external_gateway_info: { network_id: external.id } });
  await member.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  return { external, net, subnet, router };
}

describe('port forwardings', () => {
  let h: Harness;
  let s: Scene;
  let fip: Made;
  let path: string;
  let port: Made;
  let to: Body;

  before(async () => {
    h = await start({ quotas: { router: -1, network: -1, subnet: -1, floatingip: -1, port: -1 } });
    s = await scene(h.admin, h.member);
  });
  after(() => h[Symbol.asyncDispose]());

  const newPort = (more: Body = {}): Promise<Made> => h.member.make('ports', 'port', { network_id: s.net.id, ...more });
  const target = (p: Made): Body => ({ internal_port_id: p.id, internal_ip_address: addressOf(p) });
  const fresh = async (): Promise<void> => {
    fip = await h.member.make('floatingips', 'floatingip', { floating_network_id: s.external.id });
    path = `floatingips/${fip.id}/port_forwardings`;
    port = await newPort();
    to = { ...target(port), protocol: 'tcp' };
  };
  const make = (more: Body): Promise<Made> => h.member.make(path, name, { ...to, ...more });
  const post = async (more: Body): Promise<readonly unknown[]> => h.member.refused('POST', path, { [name]: { ...to, ...more } });
  const put = async (id: string, attributes: Body): Promise<Body> => {
    const { status, body } = await h.member.request('PUT', `${path}/${id}`, { [name]: attributes });
    assert.equal(status, 200, JSON.stringify(body));
    return body[name] as Body;
  };
  const fipNow = async (id = fip.id): Promise<Body> => (await h.member.request('GET', `floatingips/${id}`)).body.floatingip as Body;
  const bad = (text: string): readonly unknown[] => [400, 'BadRequest', `Bad port_forwarding request: ${text}.`];

  test('one is made, shown, filtered, changed and removed; the floating IP has its router, and shows it', async () => {
    await fresh();
    const made = await make({ internal_port: 80, external_port: 8080 });
    const { id } = made;
    const whole = { ...to, external_port: 8080, external_port_range: '8080:8080', internal_port: 80, internal_port_range: '80:80' };
    assert.deepEqual(made, { id, ...whole, description: '' });
    assert.deepEqual((await h.member.request('GET', `${path}/${id}`)).body, { [name]: made });
    for (const filter of ['', '?external_port=8080', '?external_port_range=8080', '?external_port_range=8080:8080', '?protocol=tcp'])
      assert.deepEqual(await h.member.list(path + filter), [made], filter);
    for (const filter of ['?external_port=80', '?protocol=udp']) assert.deepEqual(await h.member.list(path + filter), [], filter);
    const shown = await fipNow();
    assert.deepEqual([shown.router_id, shown.port_id, shown.status], [s.router.id, null, 'DOWN']);
    assert.deepEqual(shown.port_forwardings, [{ id, ...to, internal_port: 80, external_port: 8080 }]);
    assert.equal((await put(id, { external_port: 8081, description: 'x' })).external_port_range, '8081:8081');
    const ranges = await put(id, { internal_port_range: '100:109', external_port_range: '200:209' });
    assert.deepEqual([ranges.internal_port, ranges.internal_port_range, ranges.external_port], [null, '100:109', null]);
    assert.deepEqual((await fipNow()).port_forwardings, [{ id, ...to }]);
    const other = await newPort();
    assert.equal((await put(id, { internal_port_id: other.id })).internal_ip_address, addressOf(other));
    const revision = Number((await fipNow()).revision_number);
    assert.equal((await h.member.request('DELETE', `${path}/${id}`)).status, 204);
    const gone = await fipNow();
    assert.deepEqual([gone.router_id, gone.port_forwardings, gone.revision_number], [null, [], revision + 1]);
  });

  test('ranges lead to as many ports, or to one; ports that are led to already are refused', async () => {
    await fresh();
    await make({ internal_port_range: '100:110', external_port_range: '200:210' });
    await make({ internal_port: 120, external_port_range: '300:309' });
    const relation = 'The relation between internal and external ports must be N-N or 1-N';
    const sizes = bad(`Invalid ranges of internal and/or external ports. ${relation}`);
    assert.deepEqual(await post({ internal_port_range: '1:3', external_port_range: '1:2' }), sizes);
    const collision = (key: string, theirs: string, ours: string): unknown =>
      bad(`There is a port collision with the ${key}. The following ranges collides: ${theirs} and ${ours}`);
    assert.deepEqual(await post({ internal_port: 105, external_port: 1 }), collision('internal_port_range', '100:110', '105:105'));
    assert.deepEqual(await post({ internal_port: 1, external_port: 309 }), collision('external_port_range', '300:309', '309:309'));
    // Another protocol, another address outside: no collision. The same port inside, though, is led to once.
    await make({ protocol: 'udp', internal_port: 105, external_port: 205 });
    const second = await h.member.make('floatingips', 'floatingip', { floating_network_id: s.external.id });
    const elsewhere = (more: Body) => h.member.refused('POST', `floatingips/${second.id}/port_forwardings`, { [name]: { ...to, ...more } });
    assert.deepEqual(await elsewhere({ internal_port: 110, external_port: 5 }), collision('internal_port_range', '100:110', '110:110'));
    assert.equal((await elsewhere({ internal_port: 111, external_port: 205 }))[0], 201);
    const third = await make({ internal_port: 500, external_port: 501 });
    const change = (attributes: Body) => h.member.refused('PUT', `${path}/${third.id}`, { [name]: attributes });
    assert.deepEqual(await change({ external_port: 205 }), collision('external_port_range', '200:210', '205:205'));
    const fourth = await make({ internal_port: 600, external_port: 601 });
    const values = `{'floating_ip_address': '${fip.floating_ip_address}', 'external_port': 601}`;
    const twin = `Another port forwarding entry with the same attributes already exists, conflicting values are ${values}`;
    assert.deepEqual(await change({ external_port: 601 }), bad(twin));
    assert.deepEqual((await change({ internal_port_range: '700:709' })).slice(0, 2), [400, 'BadRequest']);
    await put(third.id, { external_port: 501 });
    await h.member.request('DELETE', `${path}/${fourth.id}`);
    await put(third.id, { external_port: 601 });
  });

  test('several at once: all or none, and compared with each other', async () => {
    await fresh();
    const one = { ...to, internal_port: 31, external_port: 31 };
    const several = (list: readonly Body[]) => h.member.request('POST', path, { port_forwardings: list });
    assert.equal((await several([one, { ...one, internal_port: 32 }])).status, 400);
    assert.deepEqual(await h.member.list(path), []);
    assert.equal((await several([one, { ...one, internal_port: 32, external_port: 32 }])).status, 201);
    assert.equal((await h.member.list(path)).length, 2);
  });

  test('what is not well formed', async () => {
    await fresh();
    for (const wrong of [
      { internal_port: 0 },
      { external_port: 65_536 },
      { internal_port_range: '9:5' },
      { internal_port_range: '1:2:3' },
      { internal_port_range: '1:' },
      { internal_port_range: 'a' },
      { internal_port_range: '0:5' },
      { protocol: 'TCP' },
      { internal_ip_address: 'x' },
      { floatingip_id: fip.id },
    ])
      assert.deepEqual(
        (await post({ internal_port: 1, external_port: 1, ...wrong })).slice(0, 2),
        [400, 'HTTPBadRequest'],
        JSON.stringify(wrong),
      );
    assert.deepEqual(await post({ internal_port: 1 }), bad('Either external_port or external_port_range must be specified'));
    assert.deepEqual(await post({ external_port: 1 }), bad('Either internal_port or internal_port_range must be specified'));
    for (const wrong of ['10.0.0.250', 'fd00::1'])
      assert.match(String((await post({ internal_port: 1, external_port: 1, internal_ip_address: wrong }))[2]), /is not suitable for/);
  });

  test('where it may lead: a port of one’s own that the router of the floating IP reaches', async () => {
    await fresh();
    const plain = { internal_port: 22, external_port: 22 };
    const foreign = await h.admin.make('ports', 'port', { network_id: s.net.id });
    const missing = `Port ${foreign.id} could not be found.`;
    assert.deepEqual(await post({ ...plain, ...target(foreign) }), [404, 'PortNotFound', missing]);
    const net = await h.member.make('networks', 'network', {});
    const subnet = await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.9.0.0/24' });
    const far = await newPort({ network_id: net.id });
    const away = await post({ ...plain, ...target(far) });
    assert.deepEqual([away[0], String(away[2]).includes('is not reachable from subnet')], [400, true]);
    const router = await h.member.make('routers', 'router', { external_gateway_info: { network_id: s.external.id } });
    await h.member.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
    const both = [
      { ...to, ...plain },
      { ...to, ...target(far), internal_port: 23, external_port: 23 },
    ];
    const mixed = await h.member.refused('POST', path, { port_forwardings: both });
    assert.match(mixed[2], /had been set on router .* can not reach it/);
    const made = await make(plain);
    const { id } = made;
    assert.match(String((await post({ ...target(far), internal_port: 23, external_port: 23 }))[2]), /can not reach it/);
    const moved = await h.member.refused('PUT', `${path}/${id}`, { [name]: target(far) });
    assert.match(moved[2], /can not reach it/);
    assert.match(
      (await h.member.refused('PUT', `${path}/${id}`, { [name]: { internal_ip_address: '10.0.0.250' } }))[2],
      /does not correspond/,
    );
    assert.deepEqual((await h.member.refused('PUT', `${path}/${id}`, { [name]: target(foreign) })).slice(0, 2), [404, 'PortNotFound']);
  });

  test('floating IPs that stand for a port forward nothing, and the other way round', async () => {
    await fresh();
    const busy = await newPort();
    const own = await h.member.make('floatingips', 'floatingip', { floating_network_id: s.external.id, port_id: busy.id });
    const plain = { internal_port: 22, external_port: 22 };
    assert.deepEqual((await post({ ...plain, ...target(busy) })).slice(0, 2), [409, 'PortHasBindingFloatingIP']);
    const there = await h.member.refused('POST', `floatingips/${own.id}/port_forwardings`, { [name]: { ...to, ...plain } });
    assert.deepEqual(there.slice(0, 2), [409, 'FloatingIPPortAlreadyAssociated']);
    await make(plain);
    const used = [409, 'FipInUseByPortForwarding', `Floating IP ${fip.id} in use by Port Forwarding resources.`];
    const put = (floatingip: Body) => h.member.refused('PUT', `floatingips/${fip.id}`, { floatingip });
    assert.deepEqual(await put({ port_id: port.id }), used);
    assert.deepEqual((await put({ port_id: '00000000-0000-4000-8000-000000000000' })).slice(0, 2), [404, 'PortNotFound']);
    assert.deepEqual((await put({ fixed_ip_address: '10.0.0.9' })).slice(0, 2), [400, 'BadRequest']);
    assert.deepEqual(await h.member.refused('DELETE', `floatingips/${fip.id}`), used);
    for (const nothing of [{}, { port_id: null }]) {
      assert.equal((await h.member.request('PUT', `floatingips/${fip.id}`, { floatingip: nothing })).status, 200);
      assert.equal((await fipNow()).router_id, s.router.id);
    }
    const more = await h.member.make('floatingips', 'floatingip', { floating_network_id: s.external.id, port_id: port.id });
    assert.equal(more.port_id, port.id);
  });

  test('what it goes through stays; where it leads goes, and it with that', async () => {
    await fresh();
    const plain = { internal_port: 22, external_port: 22 };
    await make(plain);
    const holding = await h.member.refused('PUT', `routers/${s.router.id}/remove_router_interface`, { subnet_id: s.subnet.id });
    assert.deepEqual(holding.slice(0, 2), [409, 'RouterInterfaceInUseByFloatingIP']);
    const gateway = await h.member.refused('PUT', `routers/${s.router.id}`, { router: { external_gateway_info: null } });
    assert.deepEqual(gateway.slice(0, 2), [409, 'RouterExternalGatewayInUseByFloatingIp']);
    const kept = await newPort();
    await make({ ...target(kept), internal_port: 23, external_port: 23 });
    await h.member.request('PUT', `ports/${port.id}`, { port: { fixed_ips: [{ subnet_id: s.subnet.id, ip_address: '10.0.0.251' }] } });
    assert.deepEqual(
      (await h.member.list(path)).map(f => f.internal_port_id),
      [kept.id],
    );
    assert.equal((await fipNow()).router_id, s.router.id);
    assert.equal((await h.member.request('DELETE', `ports/${kept.id}`)).status, 204);
    assert.deepEqual([await h.member.list(path), (await fipNow()).router_id], [[], null]);
    assert.equal((await h.member.request('DELETE', `floatingips/${fip.id}`)).status, 204);
  });

  test('below a foreign floating IP, or none, there is nothing (N df79bcc977)', async () => {
    await fresh();
    const { id } = await make({ internal_port: 22, external_port: 22 });
    const another = await h.member.make('floatingips', 'floatingip', { floating_network_id: s.external.id });
    const theirs = await h.other.make('floatingips', 'floatingip', { floating_network_id: s.external.id });
    const missing = [404, 'PortForwardingNotFound', `Port Forwarding ${id} could not be found.`];
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const body = method === 'PUT' ? { [name]: { description: 'x' } } : undefined;
      assert.deepEqual(await h.member.refused(method, `floatingips/${another.id}/port_forwardings/${id}`, body), missing, method);
      assert.deepEqual(await h.other.refused(method, `floatingips/${theirs.id}/port_forwardings/${id}`, body), missing, method);
      assert.deepEqual((await h.other.refused(method, `${path}/${id}`, body)).slice(0, 2), [404, 'FloatingIPNotFound'], method);
    }
    // Nor does one's own floating IP lead to the port of another project.
    const stolen = await h.other.refused('POST', `floatingips/${theirs.id}/port_forwardings`, {
      [name]: { ...to, internal_port: 1, external_port: 1 },
    });
    assert.deepEqual(stolen.slice(0, 2), [404, 'PortNotFound']);
    assert.equal((await h.member.list(path)).length, 1);
  });

  test('agents are told with the router, and say what became of the floating IP', async () => {
    await beat(h, 'net1');
    await fresh();
    const made = await make({ internal_port_range: '100:110', external_port_range: '200:210' });
    const sync = async (): Promise<Body> =>
      ((await h.rpc('q-l3-plugin', 'sync_routers', { host: 'net1', router_ids: [s.router.id] })) as Body[])[0]!;
    const ours = ((await sync())._pf_floatingips as Body[]).find(f => f.id === fip.id)!;
    assert.equal(ours.fixed_ip_address, null);
    assert.deepEqual(ours.port_forwardings, [made]);
    assert.ok(((await sync()).port_forwardings_fip_set as string[]).includes(`${fip.floating_ip_address}/32`));
    const report = (status: string) =>
      h.rpc('q-l3-plugin', 'update_floatingip_statuses', { router_id: s.router.id, fip_statuses: { [fip.id]: status } });
    await report('ACTIVE');
    assert.equal((await fipNow()).status, 'ACTIVE');
    await h.member.request('DELETE', `${path}/${made.id}`);
    assert.equal((await fipNow()).status, 'DOWN');
    await report('ACTIVE');
    assert.equal((await fipNow()).status, 'DOWN');
  });

  test('two processes: of those that collide one is made, and none is left without its way in', async () => {
    await using two = await startCluster(2, { quotas: { floatingip: -1, port: -1 } });
    const admin = two.as('admin');
    const member = two.as('member');
    const there = await scene(admin, member);
    const floating = () => member.make('floatingips', 'floatingip', { floating_network_id: there.external.id });
    const inner = await member.make('ports', 'port', { network_id: there.net.id });
    const body = (i: number, more: Body = {}): Body => ({
      [name]: {
        internal_port_id: inner.id,
        internal_ip_address: addressOf(inner),
        protocol: 'tcp',
        internal_port: 100 + i,
        external_port: 100 + i,
        ...more,
      },
    });
    // The same ports outside, through one floating IP; then the same inside, through several.
    const one = await floating();
    const overlapping = (i: number): Body =>
      body(i, { external_port: null, internal_port: 1 + i, external_port_range: `${1000 + i}:${1010 + i}` });
    const outside = await Promise.all(
      two.spread('member', 6).map((api, i) => api.request('POST', `floatingips/${one.id}/port_forwardings`, overlapping(i))),
    );
    assert.deepEqual(outside.map(a => a.status).sort(), [201, 400, 400, 400, 400, 400]);
    const several = await Promise.all(Array.from({ length: 6 }, floating));
    const inside = await Promise.all(
      two
        .spread('member', 6)
        .map((api, i) => api.request('POST', `floatingips/${several[i]?.id}/port_forwardings`, body(0, { external_port: 50 + i }))),
    );
    assert.deepEqual(inside.map(a => a.status).sort(), [201, 400, 400, 400, 400, 400]);
    // New ones while the interface, the floating IP and the port that they need go.
    const races: [method: string, path: string, body?: Body][] = [
      ['PUT', `routers/${there.router.id}/remove_router_interface`, { subnet_id: there.subnet.id }],
      ['DELETE', `floatingips/${several[5]?.id}`],
      ['DELETE', `ports/${inner.id}`],
      ['PUT', `floatingips/${several[4]?.id}`, { floatingip: { port_id: inner.id } }],
    ];
    const clients = two.spread('member', 16);
    await Promise.all(
      clients.map((api, i) => {
        const race = i % 4 === 3 ? races[(i - 3) / 4] : undefined;
        if (race) return api.request(...race);
        return api.request('POST', `floatingips/${several[3 + (i % 3)]?.id}/port_forwardings`, body(200 + i));
      }),
    );
    await using store = await openDatabase(two.file);
    const left = await store.select({ table: 'port_forwardings' });
    for (const row of left) {
      const of = await store.get('floatingips', { id: String(row.floatingip_id) });
      assert.deepEqual([of?.router_id, of?.port_id], [there.router.id, null]);
      assert.ok(await store.get('ports', { id: String(row.internal_port_id) }));
      const interfaces = await store.count('router_ports', {
        and: [{ eq: ['router_id', there.router.id] }, { eq: ['port_type', 'network:router_interface'] }],
      });
      assert.equal(interfaces, 1);
    }
    for (const of of await store.select({ table: 'floatingips' })) {
      const count = left.filter(f => f.floatingip_id === of.id).length;
      assert.equal(of.router_id !== null && of.port_id === null, count > 0, 'a router without a port means forwardings');
    }
  });
});
