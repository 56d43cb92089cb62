// Pairs of which each has to notice the other, whichever read of the one the other comes before, and between the last and the commit.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type Endpoint, RpcFailure } from '../../src/contracts/bus.ts';
import type { Services } from '../../src/server/context.ts';
import { dhcp } from '../../src/server/rpc/dhcp.ts';
import { l3 } from '../../src/server/rpc/l3.ts';
import type { Api, Body, Made } from './client.ts';
import { addAgent, addL3Agent, dhcpAgent } from './integrity/agent-kinds.ts';
import { wrongIn } from './integrity/wrong.ts';
import { beforeEachCall, type Interleaving, interleave } from './interleaving.ts';
import { servicesOver } from './wiring.ts';

/** One of the two servers, as clients and as agents call it. */
interface Side {
  readonly api: Api;
  readonly services: Services;
}

type Deed = (by: Side) => Promise<unknown>;

const call = async (endpoint: Endpoint, method: string, args: Body): Promise<unknown> => {
  try {
    return await endpoint.methods[method]?.(args as never, {} as never);
  } catch (error) {
    if (error instanceof RpcFailure) return undefined;
    throw error;
  }
};

const remove =
  (path: string): Deed =>
  ({ api }) =>
    api.request('DELETE', path);
const change =
  (path: string, body: Body): Deed =>
  ({ api }) =>
    api.request('PUT', path, body);
const ofL3 =
  (method: string, args: Body): Deed =>
  ({ services }) =>
    call(l3(services), method, args);
const ofDhcp =
  (method: string, args: Body): Deed =>
  ({ services }) =>
    call(dhcp(services), method, args);

describe('before each read and each commit of one server something happens at the other', () => {
  let place: Interleaving;
  let one: Side;
  let other: Side;
  let external: Made;
  let hosts = 0;

  beforeEach(async () => {
    place = await interleave({ agentDownTime: 3600, quotas: { network: -1, router: -1, port: -1, subnet: -1 } });
    one = { api: place.one('admin'), services: place.services };
    other = { api: place.other('admin'), services: servicesOver(place.store, place.services.config) };
    external = await other.api.make('networks', 'network', { 'router:external': true });
    await other.api.make('subnets', 'subnet', { network_id: external.id, ip_version: 4, cidr: '172.24.0.0/16' });
  });
  afterEach(() => place[Symbol.asyncDispose]());

  /** Both ways; afterwards no row names what is gone, and rows agree. */
  async function both(prepare: () => Promise<readonly [Deed, Deed]>): Promise<void> {
    for (const turned of [false, true]) {
      const calls = await beforeEachCall(place, async () => {
        const pair = await prepare();
        const [act, meanwhile] = turned ? pair.toReversed() : pair;
        const check = async (number: number): Promise<void> => {
          const wrong = await wrongIn(place.store);
          assert.deepEqual(wrong, [], `before call ${number}${turned ? ' of the second' : ''}`);
        };
        return { act: async () => act?.(one), change: async () => meanwhile?.(other), check };
      });
      assert.ok(calls > 2, `${calls} calls`);
    }
  }

  /** What a round leaves is not for the next. */
  const clear = async (): Promise<void> => {
    for (const kind of ['routers', 'agents', `networks?project_id=${other.api.project}&router:external=false`])
      for (const { id } of await other.api.list(kind)) await remove(`${kind.split('?')[0]}/${id}`)(other);
  };
  const agent = async (mode: string): Promise<{ id: string; host: string }> => {
    const host = `a${hosts++}`;
    return { id: await addL3Agent(place.store, host, mode), host };
  };
  const router = (more: Body = {}): Promise<Made> =>
    other.api.make('routers', 'router', { external_gateway_info: { network_id: external.id }, ...more });
  const down = { admin_state_up: false };

  test('an agent goes, a router that it has becomes highly available', () =>
    both(async () => {
      await clear();
      const { id } = await agent('legacy');
      const path = `routers/${(await router(down)).id}`;
      return [remove(`agents/${id}`), change(path, { router: { ha: true } })];
    }));

  test('a router ceases to be highly available, another agent gets it', () =>
    both(async () => {
      await clear();
      await agent('legacy');
      // With the last one its network would go, and whoever comes meanwhile meet that.
      await router({ ha: true });
      const path = `routers/${(await router({ ha: true, ...down })).id}`;
      const { host } = await agent('legacy');
      return [change(path, { router: { ha: false } }), ofL3('get_router_ids', { host })];
    }));

  test('a router goes, an agent gets it', () =>
    both(async () => {
      await clear();
      const { id } = await router();
      const { host } = await agent('legacy');
      return [remove(`routers/${id}`), ofL3('get_router_ids', { host })];
    }));

  test('a network goes, a DHCP agent gets it', () =>
    both(async () => {
      await clear();
      const { id } = await other.api.make('networks', 'network', {});
      await other.api.make('subnets', 'subnet', { network_id: id, ip_version: 4, cidr: '10.0.0.0/24' });
      await addAgent(place.store, 'd', dhcpAgent);
      return [remove(`networks/${id}`), ofDhcp('get_active_networks_info', { host: 'd' })];
    }));

  test('an agent goes, its host gets a way out for floating IPs', () =>
    both(async () => {
      await clear();
      await router({ distributed: true });
      const { id, host } = await agent('dvr');
      return [remove(`agents/${id}`), ofL3('get_agent_gateway_port', { network_id: external.id, host })];
    }));

  test('the last router leaves an external network, a host gets a way out by it', () =>
    both(async () => {
      await clear();
      const path = `routers/${(await router({ distributed: true })).id}`;
      const { host } = await agent('dvr');
      const gone = change(path, { router: { external_gateway_info: {} } });
      return [gone, ofL3('get_agent_gateway_port', { network_id: external.id, host })];
    }));
});
