// A refusal is true of one moment: where somebody else changes things between two reads of a decision, it is decided again.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Store } from '../../src/contracts/store.ts';
import { type Answer, type Api, type Body, client, type Made } from './client.ts';
import { startCluster } from './cluster.ts';
import { newDatabase } from './database.ts';
import { openDatabase } from './open-database.ts';
import { Interrupted } from './reads.ts';
import { serveOver } from './wiring.ts';

/** An instance behind two routers, of which at any moment at least one leads outside. */
class Crossroads {
  readonly api: Api;
  readonly port: Made;
  readonly fip: Made;
  private readonly external: string;
  private here: string;
  private there: string;

  private constructor(api: Api, external: string, routers: readonly [string, string], made: { readonly port: Made; readonly fip: Made }) {
    this.api = api;
    this.external = external;
    [this.here, this.there] = routers;
    this.port = made.port;
    this.fip = made.fip;
  }

  static async at(admin: Api, api: Api): Promise<Crossroads> {
    const { id } = await admin.make('networks', 'network', { 'router:external': true });
    await admin.make('subnets', 'subnet', { network_id: id, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false });
    const network_id = (await api.make('networks', 'network', {})).id;
    const subnet = await api.make('subnets', 'subnet', { network_id, ip_version: 4, cidr: '10.0.0.0/24' });
    const here = (await api.make('routers', 'router', { external_gateway_info: { network_id: id } })).id;
    const there = (await api.make('routers', 'router', {})).id;
    const second = await api.make('ports', 'port', { network_id });
    await api.request('PUT', `routers/${here}/add_router_interface`, { subnet_id: subnet.id });
    await api.request('PUT', `routers/${there}/add_router_interface`, { port_id: second.id });
    const port = await api.make('ports', 'port', { network_id });
    const fip = await api.make('floatingips', 'floatingip', { floating_network_id: id });
    return new Crossroads(api, id, [here, there], { port, fip });
  }

  /** The other router leads outside before the one that did ceases to; or it does not cease to, where it is needed. */
  async cross(): Promise<boolean> {
    assert.equal((await this.gateway(this.there, { network_id: this.external })).status, 200);
    const closed = (await this.gateway(this.here, {})).status === 200;
    if (closed) [this.here, this.there] = [this.there, this.here];
    return closed;
  }

  private gateway(router: string, external_gateway_info: Body): Promise<Answer> {
    return this.api.request('PUT', `routers/${router}`, { router: { external_gateway_info } });
  }

  associate(api: Api): Promise<Answer> {
    return api.request('PUT', `floatingips/${this.fip.id}`, { floatingip: { port_id: this.port.id } });
  }

  release(api: Api): Promise<Answer> {
    return api.request('PUT', `floatingips/${this.fip.id}`, { floatingip: { port_id: null } });
  }
}

describe('one server, and a change between two reads', () => {
  const stack = new AsyncDisposableStack();
  let interrupted: Interrupted;
  /** Its reads are interrupted; the other's are not. */
  let member: Api;
  let place: Crossroads;

  before(async () => {
    const dir = await mkdtemp(join(tmpdir(), 'weft-torn-'));
    stack.defer(() => rm(dir, { recursive: true, force: true }));
    const where = await newDatabase(dir);
    const open = async (): Promise<Store> => stack.use(await openDatabase(where));
    interrupted = new Interrupted(await open());
    const other = stack.use(await serveOver(await open()));
    member = client(stack.use(await serveOver(interrupted.store)).url, 'member');
    place = await Crossroads.at(client(other.url, 'admin'), client(other.url, 'member'));
  });
  after(() => stack.disposeAsync());

  test('a floating IP has a way in at any moment, whichever read the routers change places before', async () => {
    let read = 1;
    for (; ; read++) {
      interrupted.before(read, () => place.cross());
      const answer = await place.associate(member);
      assert.equal(answer.status, 200, `before read ${read}: ${JSON.stringify(answer.body)}`);
      if (!interrupted.happened) break;
      assert.equal((await place.release(place.api)).status, 200);
    }
    assert.ok(read > 5, `${read} reads`);
  });

  test('what is refused for good is refused, whatever else moves meanwhile', async () => {
    await place.release(place.api);
    const lonely = await place.api.make('networks', 'network', {});
    await place.api.make('subnets', 'subnet', { network_id: lonely.id, ip_version: 4, cidr: '10.9.0.0/24' });
    const port = await place.api.make('ports', 'port', { network_id: lonely.id });
    for (const read of [1, 2, 3, 4]) {
      interrupted.before(read, () => place.cross());
      const body = { floatingip: { port_id: port.id } };
      const [status, type] = await member.refused('PUT', `floatingips/${place.fip.id}`, body);
      assert.deepEqual([status, type, interrupted.happened], [404, 'ExternalGatewayForFloatingIPNotFound', true]);
    }
  });
});

test('two servers, one of which reads from afar: a floating IP has a way in at any moment', async () => {
  await using cluster = await startCluster(1);
  const place = await Crossroads.at(cluster.as('admin'), cluster.as('member'));
  const far = (await cluster.join({ farMs: 16 })).as('member');
  let over = false;
  let crossings = 0;
  const crossing = async (): Promise<void> => {
    while (!over) if (await place.cross()) crossings++;
  };
  const refused: Body[] = [];
  const associating = async (): Promise<void> => {
    for (let round = 0; round < 16; round++) {
      const answer = await place.associate(far);
      if (answer.status !== 200) refused.push(answer.body);
      await place.release(far);
    }
    over = true;
  };
  await Promise.all([crossing(), associating()]);
  assert.deepEqual(refused, []);
  assert.ok(crossings > 10, `${crossings} crossings`);
});
