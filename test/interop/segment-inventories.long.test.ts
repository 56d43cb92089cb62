// Segments as aggregates with their addresses: what Weft tells a real Placement and a real Nova is what a real neutron-server tells them, step by step.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { openAmqpBus } from '../../src/adapters/bus-amqp/amqp-bus.ts';
import { systemClock as clock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { noAccount } from '../../src/contracts/service-account.ts';
import { amqpOptions } from '../../src/main/config/rabbit.ts';
import type { Api, Body, Made } from '../api/client.ts';
import { type Harness, start, until } from '../api/harness.ts';
import { ensureAccount } from '../conformance/identity-admin.ts';
import { type RunningKeystone, startKeystone } from '../conformance/keystone.ts';
import { NeutronServer, noNeutronServer, transportUrlOf } from './neutron-server.ts';
import { accountOf, NovaCloud, noNova, region } from './nova-cloud.ts';
import { Rabbit } from './rabbit.ts';
import { SegmentWatch } from './segment-watch.ts';

const computes = ['node-1', 'node-two'] as const;
const patience = 60_000;

/** One of the two servers, with agents that report to it. */
interface Side {
  readonly api: Api;
  readonly rpc: Harness['rpc'];
  /** Segments and whatever else the steps have made, by what the steps call them. */
  readonly made: Map<string, Made>;
}

describe('addresses of segments in Placement', { skip: noNova || noNeutronServer, timeout: 900_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-segments-'));
  const stack = new AsyncDisposableStack();
  const lines: string[] = [];
  let keystone: RunningKeystone;
  let cloud: NovaCloud;
  let h: Harness;
  let watch: SegmentWatch;
  let weft: Side;
  let neutron: Side;

  before(async () => {
    keystone = stack.use(await startKeystone(folder, 'admin-password'));
    await ensureAccount(keystone.admin, accountOf('neutron'), ['service', 'admin']);
    const rabbit = stack.use(await Rabbit.start());
    cloud = stack.use(await NovaCloud.start({ folder, keystone, hosts: computes }));
    watch = new SegmentWatch(cloud, () => keystone.admin.token);
    [weft, neutron] = await Promise.all([startWeft(), startNeutron(rabbit)]);
    await until('both computes are mapped', async () => (await watch.hypervisors()).length === computes.length, 240_000);
    for (const side of [weft, neutron]) await report(side, 'node-1', ['p1', 'p2', 'p3']);
  });
  after(async () => {
    await stack.disposeAsync();
    rmSync(folder, { recursive: true, force: true });
  });

  async function startWeft(): Promise<Side> {
    const domains = { user_domain_name: 'Default', project_domain_name: 'Default' };
    const { username, password, project } = accountOf('neutron');
    const account = { ...noAccount, ...domains, username, password, project_name: project, auth_url: keystone.url, region_name: region };
    const log = textLog({ sink: { write: line => void lines.push(line) }, level: 'info' });
    const nova = { account, status: false, data: false, interval: 0 };
    h = stack.use(await start({ nova, placement: { account }, servicePlugins: ['segments'], agentDownTime: 3600 }, log));
    return { api: h.admin, rpc: h.rpc, made: new Map() };
  }

  async function startNeutron(rabbit: Rabbit): Promise<Side> {
    const transportUrl = transportUrlOf(rabbit);
    const { username, password, project: project_name } = accountOf('neutron');
    const domains = { user_domain_name: 'Default', project_domain_name: 'Default' };
    const account = { auth_type: 'password', auth_url: keystone.url, username, password, project_name, ...domains, region_name: region };
    const settings = { nova: account, placement: account, DEFAULT: { send_events_interval: 0, agent_down_time: 3600 } };
    const server = stack.use(await NeutronServer.start({ transportUrl, settings }));
    const messaging = { transportUrl, controlExchange: 'neutron', host: 'node-1', rabbit: {} };
    const bus = stack.use(await openAmqpBus({ amqp: amqpOptions(messaging), clock, log: textLog({ sink: { write: () => {} } }) }));
    const rpc: Harness['rpc'] = (topic, method, args, version = '1.0') =>
      bus.call({ topic, version }, method, args as never, { timeoutMs: 60_000 });
    return { api: server.api, rpc, made: new Map() };
  }

  /** An agent of a host begins, connected to these. */
  async function report({ rpc }: Side, host: string, networks: readonly string[]): Promise<void> {
    const time = new Date().toISOString().replace('Z', '');
    const interface_mappings = Object.fromEntries(networks.map((name, i) => [name, `eth${i}`]));
    const what = { agent_type: 'Linux bridge agent', binary: 'neutron-linuxbridge-agent', topic: 'N/A', uuid: randomUUID() };
    const agent = { ...what, host, configurations: { interface_mappings, bridge_mappings: {} }, start_flag: true };
    await rpc('q-reports-plugin', 'report_state', { agent_state: { agent_state: agent }, time }, '1.2');
  }

  const id = (side: Side, name: string): string => {
    const made = side.made.get(name);
    assert.ok(made, name);
    return made.id;
  };
  async function make(side: Side, name: string, kind: string, attributes: Body): Promise<Made> {
    const made = await side.api.make(`${kind}s`, kind, attributes);
    side.made.set(name, made);
    return made;
  }
  async function change(side: Side, name: string, kind: string, attributes: Body): Promise<void> {
    const { status, body } = await side.api.request('PUT', `${kind}s/${id(side, name)}`, { [kind]: attributes });
    assert.equal(status, 200, JSON.stringify(body));
  }
  async function remove(side: Side, name: string, kind: string): Promise<void> {
    assert.equal((await side.api.request('DELETE', `${kind}s/${id(side, name)}`)).status, 204);
  }
  /** A network on one physical network, whose segment has its name. */
  async function network(side: Side, name: string, physical: string, segment: string): Promise<void> {
    const net = await make(side, name, 'network', { 'provider:network_type': 'flat', 'provider:physical_network': physical });
    const [own] = await side.api.list(`segments?network_id=${net.id}`);
    side.made.set(segment, own as Made);
  }
  const subnet = (side: Side, name: string, cidr: string, net: string, segment: string | null, more: Body = {}): Promise<Made> =>
    make(side, name, 'subnet', {
      network_id: id(side, net),
      ip_version: 4,
      cidr,
      ...(segment === null ? {} : { segment_id: id(side, segment) }),
      ...more,
    });

  type Expected = Readonly<Record<string, { readonly total: number; readonly reserved: number; readonly hosts: readonly string[] }>>;

  const inventory = { min_unit: 1, max_unit: 1, step_size: 1, allocation_ratio: 1 };
  /** All that Placement and Nova are to know of segments, by what the steps call them. */
  const whole = (expected: Expected): Awaited<ReturnType<SegmentWatch['seen']>> =>
    Object.fromEntries(
      Object.entries(expected).map(([name, { total, reserved, hosts }]) => [
        name,
        {
          provider: { name: 'Neutron segment id SEGMENT', parent: null, traits: [] },
          inventories: { IPV4_ADDRESS: { ...inventory, total, reserved } },
          aggregates: [{ name: 'Neutron segment id SEGMENT', hosts, availability_zone: null, metadata: {} }],
          stray: [],
        },
      ]),
    );
  const segmentsOf = ({ made }: Side): Map<string, string> =>
    new Map([...made].flatMap(([name, m]) => (name.startsWith('segment') ? [[m.id, name] as const] : [])));

  /** The same on both, and both are so afterwards. */
  async function step(
    what: string,
    act: (side: Side) => Promise<unknown>,
    expected: Expected,
    sides: Partial<Record<'neutron' | 'weft', Side>> = { neutron, weft },
  ): Promise<void> {
    const wanted = whole(expected);
    for (const [name, side] of Object.entries(sides)) {
      await act(side);
      let last: unknown;
      const isSo = async (): Promise<boolean> => {
        // What goes while it is looked at is not there to be looked at.
        last = await watch.seen(segmentsOf(side)).catch(String);
        return isDeepStrictEqual(last, wanted);
      };
      await until(`${name}: ${what}`, isSo, patience).catch(() => assert.deepEqual(last, wanted, `${name}: ${what}`));
    }
  }

  const here = ['node-1'];
  const third = { total: 254, reserved: 2, hosts: here };

  test('subnets of segments come, change, and go', async () => {
    const one = { total: 254, reserved: 2, hosts: here };
    await step(
      'a subnet with a gateway and DHCP',
      async side => {
        await network(side, 'net', 'p1', 'segment 1');
        await make(side, 'segment 2', 'segment', { network_id: id(side, 'net'), network_type: 'flat', physical_network: 'p2' });
        await subnet(side, 'a', '10.1.0.0/24', 'net', 'segment 1');
      },
      { 'segment 1': one },
    );
    const two = { total: 254, reserved: 0, hosts: here };
    await step(
      'one without either, on the other segment; an IPv6 one says nothing',
      async side => {
        await subnet(side, 'six', '2001:db8::/64', 'net', 'segment 1', { ip_version: 6 });
        await subnet(side, 'b', '10.2.0.0/24', 'net', 'segment 2', { gateway_ip: null, enable_dhcp: false });
      },
      { 'segment 1': one, 'segment 2': two },
    );
    await step(
      'a second one with pools of its own',
      side => subnet(side, 'c', '10.3.0.0/24', 'net', 'segment 1', { allocation_pools: [{ start: '10.3.0.10', end: '10.3.0.19' }] }),
      { 'segment 1': { ...one, total: 265, reserved: 4 }, 'segment 2': two },
    );
    await step('a gateway is taken away', side => change(side, 'c', 'subnet', { gateway_ip: null }), {
      'segment 1': { ...one, total: 264, reserved: 3 },
      'segment 2': two,
    });
    await step('DHCP is switched off', side => change(side, 'a', 'subnet', { enable_dhcp: false }), {
      'segment 1': { ...one, total: 264, reserved: 2 },
      'segment 2': two,
    });
    const wider = [
      { start: '10.3.0.10', end: '10.3.0.29' },
      { start: '10.3.0.40', end: '10.3.0.44' },
    ];
    await step('pools grow', side => change(side, 'c', 'subnet', { allocation_pools: wider }), {
      'segment 1': { ...one, total: 279, reserved: 2 },
      'segment 2': two,
    });
    await step('one of two subnets goes', side => remove(side, 'c', 'subnet'), {
      'segment 1': { ...one, reserved: 1 },
      'segment 2': two,
    });
    await step('the last one goes', side => remove(side, 'b', 'subnet'), { 'segment 1': { ...one, reserved: 1 } });
  });

  test('addresses of ports are reserved, but for those of instances and of DHCP', async () => {
    const now = (reserved: number): Expected => ({ 'segment 1': { total: 254, reserved, hosts: here } });
    const fixed = (side: Side, ...last: readonly number[]): Body[] =>
      last.map(n => ({ subnet_id: id(side, 'a'), ip_address: `10.1.0.${n}` }));
    const port = (side: Side, name: string, more: Body): Promise<Made> =>
      make(side, name, 'port', { network_id: id(side, 'net'), ...more });
    await step(
      'a port of nobody',
      async side => {
        await port(side, 'instance', { fixed_ips: fixed(side, 10), device_owner: 'compute:nova', device_id: randomUUID() });
        await port(side, 'dhcp', { fixed_ips: fixed(side, 11), device_owner: 'network:dhcp', device_id: 'dhcp' });
        await port(side, 'plain', { fixed_ips: fixed(side, 12) });
      },
      now(2),
    );
    await step('it gets two more', side => change(side, 'plain', 'port', { fixed_ips: fixed(side, 12, 13, 14) }), now(4));
    await step('and one less', side => change(side, 'plain', 'port', { fixed_ips: fixed(side, 12, 14) }), now(3));
    await step('an instance takes it', side => change(side, 'plain', 'port', { device_owner: 'compute:nova', device_id: 'x' }), now(1));
    await step('an instance leaves its port', side => change(side, 'instance', 'port', { device_owner: '', device_id: '' }), now(2));
    await step('a port goes', side => remove(side, 'instance', 'port'), now(1));
    await step(
      'ports that did not count go, and one that counts comes with another address family',
      async side => {
        await remove(side, 'dhcp', 'port');
        await remove(side, 'plain', 'port');
        await port(side, 'both', { fixed_ips: [...fixed(side, 20), { subnet_id: id(side, 'six') }] });
      },
      now(2),
    );
    await step('and goes', side => remove(side, 'both', 'port'), now(1));
  });

  test('a host that is connected to a segment joins its aggregate; a subnet is put on a segment; a network goes', async () => {
    const first = { total: 254, reserved: 1, hosts: here };
    await step(
      'a subnet that was there before is put on its segment',
      async side => {
        await network(side, 'other', 'p3', 'segment 3');
        await subnet(side, 'd', '10.4.0.0/24', 'other', null);
        await change(side, 'd', 'subnet', { segment_id: id(side, 'segment 3') });
      },
      { 'segment 1': first, 'segment 3': third },
    );
    await step('a host comes', side => report(side, 'node-two', ['p3']), {
      'segment 1': first,
      'segment 3': { ...third, hosts: ['node-1', 'node-two'] },
    });
    await step('it is connected to more', side => report(side, 'node-two', ['p1', 'p3']), {
      'segment 1': { ...first, hosts: ['node-1', 'node-two'] },
      'segment 3': { ...third, hosts: ['node-1', 'node-two'] },
    });
    await step('a network goes', side => remove(side, 'other', 'network'), { 'segment 1': { ...first, hosts: ['node-1', 'node-two'] } });
  });

  test('what Neutron leaves as it was: pools that are emptied, hosts that leave, ports that were there before their segment', async () => {
    const own = { weft };
    const first = { total: 254, reserved: 1, hosts: ['node-1', 'node-two'] };
    const two = { total: 254, reserved: 1, hosts: here };
    await step(
      'a subnet',
      side => subnet(side, 'e', '10.5.0.0/24', 'net', 'segment 2', { gateway_ip: null }),
      { 'segment 1': first, 'segment 2': two },
      own,
    );
    await step('it has no pools any more', side => change(side, 'e', 'subnet', { allocation_pools: [] }), { 'segment 1': first }, own);
    const pools = [{ start: '10.5.0.50', end: '10.5.0.59' }];
    await step(
      'and has some again',
      side => change(side, 'e', 'subnet', { allocation_pools: pools }),
      { 'segment 1': first, 'segment 2': { ...two, total: 10 } },
      own,
    );
    await step('it goes', side => remove(side, 'e', 'subnet'), { 'segment 1': first }, own);
    await step('a host leaves', side => report(side, 'node-two', ['p2']), { 'segment 1': { ...first, hosts: here } }, own);
    await step(
      'a port that was there before its subnet was put on a segment',
      async side => {
        await network(side, 'late', 'p3', 'segment 4');
        await subnet(side, 'f', '10.6.0.0/24', 'late', null);
        await make(side, 'early', 'port', { network_id: id(side, 'late') });
        await change(side, 'f', 'subnet', { segment_id: id(side, 'segment 4') });
      },
      { 'segment 1': { ...first, hosts: here }, 'segment 4': { ...third, reserved: 3 } },
      own,
    );
  });

  test('a host without a compute keeps nobody from hearing of the others, and what another has changed is not lost', async () => {
    const segment = id(weft, 'segment 1');
    const unknown = async (): Promise<unknown> =>
      (await h.server.store.get('segment_inventories', { segment_id: segment }))?.['unknown_hosts'];
    await report(weft, 'network-node', ['p1']);
    await report(weft, 'node-two', ['p1']);
    await until('all that can be told is told', async () => isDeepStrictEqual(await unknown(), ['network-node']), patience);
    const seen = async () => (await watch.seen(new Map([[segment, 'it']])))['it'];
    assert.deepEqual((await seen())?.aggregates[0]?.hosts, ['node-1', 'node-two']);
    const path = `resource_providers/${segment}/inventories`;
    const { inventories, resource_provider_generation } = await watch.placement('GET', path);
    await watch.placement('PUT', 'resource_classes/CUSTOM_MINE');
    const other = { ...(inventories as Body), CUSTOM_MINE: { total: 7 } };
    await watch.placement('PUT', path, { resource_provider_generation, inventories: other });
    const port = await make(weft, 'later', 'port', { network_id: id(weft, 'net'), fixed_ips: [{ subnet_id: id(weft, 'a') }] });
    await until(
      `the address of ${port.id} is reserved`,
      async () => (await seen())?.inventories['IPV4_ADDRESS']?.['reserved'] === 2,
      patience,
    );
    assert.equal((await seen())?.inventories['CUSTOM_MINE']?.['total'], 7);
  });

  test('an inventory that is in use is told of again until it can go; no secret was logged', async () => {
    const segment = id(weft, 'segment 4');
    const consumer = randomUUID();
    const allocation = { allocations: { [segment]: { resources: { IPV4_ADDRESS: 1 } } }, project_id: 'p', user_id: 'u' };
    await watch.placement('PUT', `allocations/${consumer}`, { ...allocation, consumer_generation: null });
    await remove(weft, 'early', 'port');
    await remove(weft, 'late', 'network');
    await until('it is refused', async () => lines.some(l => l.includes('not told all of the addresses') && l.includes(segment)), patience);
    await watch.placement('DELETE', `allocations/${consumer}`);
    const gone = async (): Promise<boolean> =>
      watch.seen(new Map([[segment, 'it']])).then(
        ({ it }) => it === undefined,
        () => false,
      );
    await until('it goes', gone, 120_000);
    const rows = async (): Promise<number> => h.server.store.count('segment_inventories', { eq: ['segment_id', segment] });
    await until('nothing is left of it', async () => (await rows()) === 0, patience);
    for (const secret of ['admin-password', accountOf('neutron').password]) assert.ok(!lines.some(line => line.includes(secret)), secret);
  });
});
