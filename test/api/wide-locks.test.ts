// What decisions lock on a database server: their own, not whole tables. Two requests about different things do not wait for one another.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Store, WriteSet } from '../../src/contracts/store.ts';
import { type Answer, type Api, client, type Made } from './client.ts';
import { newDatabase } from './database.ts';
import { type Way, wayTo } from './held-commit.ts';
import { openDatabase } from './open-database.ts';
import { refuseWide, watchLocks, wideLocks } from './wide-locks.ts';
import { serveOver } from './wiring.ts';

const onServer = ['mariadb', 'postgres'].includes(process.env['WEFT_TEST_STORE'] ?? '');

test('a lock of a whole table is seen, and so is one of all rows that have nothing', () => {
  const absent = (table: string, where: object): WriteSet => ({ guards: [{ guard: 'absent', table, where: where as never }], ops: [] });
  assert.deepEqual(wideLocks(absent('ports', { eq: ['name', 'a'] })), ['ports by absent ports']);
  assert.deepEqual(wideLocks(absent('ports', { eq: ['qos_policy_id', null] })), ['ports.qos_policy_id=null by absent ports']);
  assert.deepEqual(wideLocks(absent('ports', { eq: ['device_id', 'a'] })), []);
  assert.deepEqual(wideLocks({ ops: [{ op: 'delete', table: 'ports', where: { eq: ['device_id', 'a'] } }] }), []);
  const store = { commit: async () => ({ done: true, seq: 0 }) } as unknown as Store;
  const found = watchLocks(store);
  refuseWide(found);
  void store.commit(absent('ports', { eq: ['name', 'a'] }));
  assert.throws(() => refuseWide(found), /ports by absent ports/);
});

// SQLite has one writer at a time.
const whereOthersWrite = onServer ? describe : () => {};

whereOthersWrite('what others wait for', () => {
  const stack = new AsyncDisposableStack();
  let way: Way;
  /** Of two servers on one database; what the first commits can be held up. */
  let member: Api;
  let other: Api;
  let external: Made;

  before(async () => {
    const dir = await mkdtemp(join(tmpdir(), 'weft-locks-'));
    stack.defer(() => rm(dir, { recursive: true, force: true }));
    const url = await newDatabase(dir);
    way = stack.use(await wayTo(url));
    const [first, second] = [stack.use(await openDatabase(way.url)), stack.use(await openDatabase(url))];
    const [one, two] = [stack.use(await serveOver(first)), stack.use(await serveOver(second))];
    [member, other] = [client(one.url, 'member'), client(two.url, 'member')];
    const admin = client(two.url, 'admin');
    external = await admin.make('networks', 'network', { 'router:external': true });
    await admin.make('subnets', 'subnet', { network_id: external.id, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false });
  });
  after(() => stack.disposeAsync());

  const newFip = (): Promise<Made> => other.make('floatingips', 'floatingip', { floating_network_id: external.id });
  const put = (api: Api, fip: Made, port: Made | null) => () =>
    api.request('PUT', `floatingips/${fip.id}`, { floatingip: { port_id: port?.id ?? null } });
  const newPort = (network_id: unknown): Promise<Made> => other.make('ports', 'port', { network_id });

  /** A port behind a router with a way out. */
  async function place(cidr: string): Promise<{ readonly port: Made; readonly router: Made; readonly subnet: Made }> {
    const { id: network_id } = await other.make('networks', 'network', {});
    const subnet = await other.make('subnets', 'subnet', { network_id, ip_version: 4, cidr });
    const router = await other.make('routers', 'router', { external_gateway_info: { network_id: external.id } });
    assert.equal((await other.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id })).status, 200);
    return { router, subnet, port: await newPort(network_id) };
  }

  /** InnoDB has neighbours in a unique index wait for one another, which two of many hardly are: here somebody stands between them. */
  async function apart(one: Made, two: Made): Promise<void> {
    const [low, high] = [one.id, two.id].sort() as [string, string];
    let port = one;
    while (port.id <= low || port.id >= high) port = await newPort(one.network_id);
    assert.equal((await put(other, await newFip(), port)()).status, 200);
  }

  /** The first is stopped with all its locks before it is done, and the second asked meanwhile; then the first goes on. */
  async function meanwhile(first: () => Promise<Answer>, second: () => Promise<Answer>): Promise<readonly [number, number]> {
    const held = way.hold();
    const running = first();
    let over = false;
    void running.finally(() => {
      over = true;
    });
    await held.reached;
    const { status } = await second();
    assert.equal(over, false);
    held.release();
    return [(await running).status, status];
  }

  test('associations of different floating IPs go on while another holds its locks, also on one router', async () => {
    const [here, there] = [await place('10.1.0.0/24'), await place('10.2.0.0/24')];
    const [a, b, c] = [await newFip(), await newFip(), await newFip()];
    await apart(here.port, there.port);
    assert.deepEqual(await meanwhile(put(member, a, here.port), put(other, b, there.port)), [200, 200]);
    assert.equal((await put(other, a, null)()).status, 200);
    const beside = await newPort(here.port.network_id);
    await apart(here.port, beside);
    assert.deepEqual(await meanwhile(put(member, a, here.port), put(other, c, beside)), [200, 200]);
  });

  test('so do a floating IP that is made for a port, a port and a router interface elsewhere', async () => {
    const [here, there] = [await place('10.3.0.0/24'), await place('10.4.0.0/24')];
    const make = (api: Api, port: Made) => () =>
      api.request('POST', 'floatingips', { floatingip: { floating_network_id: external.id, port_id: port.id } });
    const removal = () => other.request('PUT', `routers/${there.router.id}/remove_router_interface`, { subnet_id: there.subnet.id });
    const created = () => other.request('POST', 'ports', { port: { network_id: there.port.network_id } });
    assert.deepEqual(await meanwhile(make(member, here.port), created), [201, 201]);
    const beside = await newPort(here.port.network_id);
    assert.deepEqual(await meanwhile(make(member, beside), removal), [201, 200]);
  });

  test('but an interface that is needed by an association under way is waited for, and stays', async () => {
    const { port, router, subnet } = await place('10.5.0.0/24');
    const fip = await newFip();
    const held = way.hold();
    const running = put(member, fip, port)();
    await held.reached;
    const removal = other.request('PUT', `routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id });
    held.release();
    assert.deepEqual([(await running).status, (await removal).status], [200, 409]);
  });
});
