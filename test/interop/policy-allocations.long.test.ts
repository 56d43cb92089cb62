// What becomes of an instance's allocation in a real Placement when its port, or its port's network, gets another QoS policy: the same from Weft as from a
// real neutron-server, step by step.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { type Api, type Body, client } from '../api/client.ts';
import { start } from '../api/harness.ts';
import { listenerPassword } from '../api/nova-listener.ts';
import { NeutronServer, noNeutronServer, transportUrlOf } from './neutron-server.ts';
import { noPlacement, PlacementDaemon } from './placement-daemon.ts';
import { noRabbit, Rabbit } from './rabbit.ts';

const [out, into, any] = ['NET_BW_EGR_KILOBIT_PER_SEC', 'NET_BW_IGR_KILOBIT_PER_SEC', 'NET_PACKET_RATE_KILOPACKET_PER_SEC'];

/** One server, with an instance of its own that has a port. */
class Side {
  readonly api: Api;
  private readonly placement: PlacementDaemon;
  readonly consumer = randomUUID();
  readonly providers = { host: randomUUID(), nic: randomUUID(), agent: randomUUID() };
  private readonly policies = new Map<string, string>();
  network = '';
  port = '';

  constructor(api: Api, placement: PlacementDaemon) {
    this.api = api;
    this.placement = placement;
  }

  async begin(): Promise<void> {
    const inventories: Record<keyof Side['providers'], Body> = {
      host: { VCPU: { total: 8 } },
      nic: { [out]: { total: 10_000 }, [into]: { total: 10_000 } },
      agent: { [any]: { total: 1000 } },
    };
    for (const [name, uuid] of Object.entries(this.providers)) {
      await this.placement.ask('/resource_providers', 'POST', { uuid, name: `${name} ${uuid}` });
      const body = { resource_provider_generation: 0, inventories: inventories[name as keyof typeof inventories] };
      await this.placement.ask(`/resource_providers/${uuid}/inventories`, 'PUT', body);
    }
    const physical = { 'provider:network_type': 'flat', 'provider:physical_network': 'physnet1' };
    this.network = (await this.api.make('networks', 'network', physical)).id;
    for (const [name, rules] of Object.entries(policies)) {
      const { id } = await this.api.make('qos/policies', 'policy', { name });
      this.policies.set(name, id);
      for (const [kind, rule] of rules) await this.api.make(`qos/policies/${id}/${kind}_rules`, `${kind}_rule`, rule);
    }
    await this.give({ [out]: 5000, [into]: 3000 }, { [any]: 100 });
    const plugged = {
      network_id: this.network,
      device_id: this.consumer,
      device_owner: 'compute:nova',
      qos_policy_id: this.policies.get('gold'),
    };
    this.port = (await this.api.make('ports', 'port', plugged)).id;
    await this.profile();
  }

  /** What Nova has allocated, and what it says of it. */
  async give(nic: Body, agent: Body): Promise<void> {
    const path = `/allocations/${this.consumer}`;
    const { consumer_generation } = await this.placement.ask(path);
    const some = Object.entries({ host: { VCPU: 1 }, nic, agent }).filter(([, resources]) => Object.keys(resources).length > 0);
    const allocations = Object.fromEntries(
      some.map(([name, resources]) => [this.providers[name as keyof Side['providers']], { resources }]),
    );
    await this.placement.ask(path, 'PUT', { allocations, consumer_generation: consumer_generation ?? null, project_id: 'p', user_id: 'u' });
  }

  async profile(): Promise<void> {
    const groups = ((await this.shown())['resource_request'] as { request_groups: { id: string; resources: Body }[] }).request_groups;
    const { nic, agent } = this.providers;
    const allocation = Object.fromEntries(groups.map(({ id, resources }) => [id, any in resources ? agent : nic]));
    await this.put('port', { 'binding:profile': { allocation, mine: 1 } });
  }

  async shown(): Promise<Body> {
    return (await this.api.request('GET', `ports/${this.port}`)).body['port'] as Body;
  }

  async put(kind: 'port' | 'network', attributes: Body): Promise<unknown> {
    const { status, body } = await this.api.request('PUT', `${kind}s/${kind === 'port' ? this.port : this.network}`, {
      [kind]: attributes,
    });
    const error = body['NeutronError'] as { type: string; message: string } | undefined;
    return error ? [status, error.type, this.named(error.message)] : status;
  }

  policy(name: string | null): Body {
    return { qos_policy_id: name === null ? null : this.policies.get(name) };
  }

  /** Of the instance, and of the port: with names in place of what differs from server to server. */
  async state(): Promise<unknown> {
    const { allocations } = (await this.placement.ask(`/allocations/${this.consumer}`)) as {
      allocations: Record<string, { resources: Body }>;
    };
    const has = Object.fromEntries(Object.entries(allocations).map(([uuid, { resources }]) => [this.named(uuid), resources]));
    const port = await this.shown();
    const request = port['resource_request'] as { request_groups: { id: string; resources: Body }[] } | null;
    const groups = new Map(request?.request_groups.map(({ id, resources }) => [id, Object.keys(resources).sort().join()]));
    const { allocation, ...more } = port['binding:profile'] as { allocation?: Record<string, string> };
    const promised = Object.entries(allocation ?? {}).map(
      ([group, uuid]) => `${groups.get(group) ?? 'nothing that is asked for'}: ${this.named(uuid)}`,
    );
    const policy = [...this.policies].find(([, id]) => id === port['qos_policy_id'])?.[0] ?? null;
    return { has, policy, promised: allocation && promised.sort(), more };
  }

  private named(text: string): string {
    const names = [...Object.entries(this.providers), ['CONSUMER', this.consumer] as const];
    return names.reduce((all, [name, uuid]) => all.replaceAll(uuid, name), text);
  }
}

type Rules = readonly (readonly [kind: string, rule: Body])[];
const bandwidth = (min_kbps: number, direction = 'egress'): Rules[number] => ['minimum_bandwidth', { min_kbps, direction }];
const packets = (min_kpps: number, direction = 'any'): Rules[number] => ['minimum_packet_rate', { min_kpps, direction }];

const policies: Readonly<Record<string, Rules>> = {
  gold: [bandwidth(5000), bandwidth(3000, 'ingress'), packets(100)],
  silver: [bandwidth(2000), packets(300)],
  'bandwidth alone': [bandwidth(2500)],
  'packets alone': [packets(50)],
  'of one direction': [bandwidth(2500), packets(50, 'egress')],
  'too much': [bandwidth(10_001), packets(300)],
  'too many': [bandwidth(2000), packets(1001)],
  limited: [['bandwidth_limit', { max_kbps: 1000, direction: 'egress' }]],
};

const turned =
  'Changing from direction-less QoS minimum packet rate rule to a direction-oriented minimum packet rate rule, or vice versa, is not supported.';

describe('allocations after a change of policy', { skip: noPlacement || noNeutronServer || noRabbit, timeout: 600_000 }, () => {
  const stack = new AsyncDisposableStack();
  let neutron: Side;
  let weft: Side;

  before(async () => {
    const placement = stack.use(await PlacementDaemon.start());
    const rabbit = stack.use(await Rabbit.start());
    const who = { username: 'neutron', user_domain_name: 'Default', project_name: 'service', project_domain_name: 'Default' };
    const place = { region_name: 'Two', endpoint_type: 'internal', auth_type: 'v3password', auth_url: `${placement.cloud.url}/v3` };
    const account = { ...who, ...place, password: listenerPassword.replaceAll('$', '$$$$') };
    const server = stack.use(await NeutronServer.start({ transportUrl: transportUrlOf(rabbit), settings: { placement: account } }));
    const h = stack.use(await start({ placement: { account: placement.cloud.config().account } }));
    neutron = new Side(server.api, placement);
    weft = new Side(client(h.server.url, 'admin'), placement);
    for (const side of [neutron, weft]) await side.begin();
  });
  after(() => stack.disposeAsync());

  /** Both do the same, and both are the same afterwards. */
  async function step(what: string, act: (side: Side) => Promise<unknown>): Promise<void> {
    const seen: unknown[] = [];
    for (const side of [neutron, weft]) seen.push([await act(side), await side.state()]);
    assert.deepEqual(seen[1], seen[0], what);
  }
  const become = (name: string | null) => (side: Side) => side.put('port', side.policy(name));

  test('of a port: more, less, other kinds, none; refused as a whole where there is no room', async () => {
    await step('what Nova has left', async () => undefined);
    await step('another bandwidth, another rate', become('silver'));
    await step('too much bandwidth', become('too much'));
    await step('too many packets', become('too many'));
    await step('back', become('gold'));
    // Neutron does not take it either, and does not say so.
    const answers = new Map<Side, unknown>([
      [neutron, 500],
      [weft, [501, 'HTTPNotImplemented', turned]],
    ]);
    await step('packets of one direction in place of both', async side =>
      assert.deepEqual(await side.put('port', side.policy('of one direction')), answers.get(side)),
    );
    await step('bandwidth alone', become('bandwidth alone'));
    await step('packets, which nobody has allocated', become('silver'));
    await step('nothing that is reserved', become('limited'));
    await step('what nobody has allocated any more', become('gold'));
  });

  test('of a port whose instance has something else', async () => {
    const again = async (side: Side, nic: Body, agent: Body): Promise<void> => {
      await side.put('port', { 'binding:profile': {} });
      await side.put('port', side.policy('gold'));
      await side.give(nic, agent);
      await side.profile();
    };
    await step('another port’s beside it', async side => {
      await again(side, { [out]: 6000, [into]: 3000 }, { [any]: 100 });
      return side.put('port', side.policy('bandwidth alone'));
    });
    await step('nothing of the provider', async side => {
      await again(side, { [out]: 5000, [into]: 3000 }, {});
      return side.put('port', side.policy('silver'));
    });
    await step('no policy any more', async side => {
      await again(side, { [out]: 5000, [into]: 3000 }, { [any]: 100 });
      return side.put('port', side.policy(null));
    });
  });

  test('of its network', async () => {
    await step('a port without one of its own', async side => {
      await side.put('port', { 'binding:profile': {} });
      await side.put('network', side.policy('gold'));
      await side.give({ [out]: 5000, [into]: 3000 }, { [any]: 100 });
      await side.profile();
      return side.put('network', side.policy('silver'));
    });
    await step('none', side => side.put('network', side.policy(null)));
  });
});
