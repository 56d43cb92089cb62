// Subnets whose prefix comes from outside: what they are until an L3 agent has one, and what becomes of them and their ports then.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { RemoteError } from '../../src/contracts/bus.ts';
import type { FixedIp } from '../../src/model/port.ts';
import { changeAddresses } from '../../src/server/commands/addresses.ts';
import { delegatePrefix } from '../../src/server/commands/prefix-delegation.ts';
import { Draft } from '../../src/server/draft.ts';
import type { Made } from './client.ts';
import { type Body, beat, type Harness, start, until } from './harness.ts';

const pd = { subnetpool_id: 'prefix_delegation', ip_version: 6, ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
const prefix = '2001:db8:7:1::/64';

describe('prefixes from outside', () => {
  let h: Harness;

  before(async () => {
    h = await start({ quotas: { port: -1, network: -1, subnet: -1, router: -1 } });
    await beat(h, 'h1');
  });
  after(() => h[Symbol.asyncDispose]());

  const network = (): Promise<Made> => h.member.make('networks', 'network', {});
  const subnet = (on: Made, more: Body = {}): Promise<Made> => h.member.make('subnets', 'subnet', { network_id: on.id, ...pd, ...more });
  const port = (on: Made, more: Body = {}): Promise<Made> => h.member.make('ports', 'port', { network_id: on.id, ...more });
  const shown = async (what: 'subnet' | 'port' | 'router', id: unknown): Promise<Body> =>
    (await h.member.request('GET', `${what}s/${id}`)).body[what] as Body;
  const addresses = async (id: unknown): Promise<unknown[]> => ((await shown('port', id)).fixed_ips as Body[]).map(f => f.ip_address);
  const update = (subnets: Body): Promise<unknown> => h.rpc('q-l3-plugin', 'process_prefix_update', { subnets }, '1.6');
  const refusal = async (subnets: Body): Promise<unknown> =>
    update(subnets).then(
      () => undefined,
      (error: unknown) => (error instanceof RemoteError ? error.excType : error),
    );
  const attach = async (router: Made, on: Made): Promise<string> => {
    const { status, body } = await h.member.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: on.id });
    assert.equal(status, 200, JSON.stringify(body));
    return String((body as Body).port_id);
  };
  /** What is behind the prefix of an address that was made of a MAC. */
  const ownPart = (address: unknown): string => String(address).replace(/^.*(?=f816:3eff:)/, '');

  test('a subnet waits under a provisional prefix; more than one of a network may, and nothing else of IPv6', async () => {
    const net = await network();
    const one = await subnet(net);
    assert.deepEqual(
      [one.cidr, one.gateway_ip, one.subnetpool_id, one.allocation_pools],
      ['::/64', '::', 'prefix_delegation', [{ start: '::1', end: '::ffff:ffff:ffff:ffff' }]],
    );
    await subnet(net);
    await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/24' });
    const fixed = { network_id: net.id, ip_version: 6, cidr: 'fd00:77::/64' };
    assert.deepEqual((await h.member.refused('POST', 'subnets', { subnet: fixed })).slice(0, 2), [400, 'NetworkSubnetPoolAffinityError']);
    const made = await port(net);
    const mine = (made.fixed_ips as Body[]).filter(f => f.subnet_id !== undefined && String(f.ip_address).startsWith('::'));
    assert.equal(mine.length, 2);
    const subnetsOf = ({ fixed_ips }: Body): Body[] => (fixed_ips as Body[]).map(({ subnet_id }) => ({ subnet_id }));
    const { status, body } = await h.member.request('PUT', `ports/${made.id}`, { port: { fixed_ips: subnetsOf(made) } });
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(new Set((body.port as Body).fixed_ips as Body[]), new Set(made.fixed_ips as Body[]));
    assert.equal((await h.member.request('DELETE', `subnets/${one.id}`)).status, 204);
  });

  test('with the prefix all addresses follow, and the agents of its routers are told', async () => {
    const net = await network();
    const waiting = await subnet(net);
    const second = await subnet(net);
    const [router, other] = [await h.member.make('routers', 'router', {}), await h.member.make('routers', 'router', {})];
    const inside = await attach(router, waiting);
    const beside = await attach(router, second);
    assert.notEqual(beside, inside, 'a port for each subnet');
    const far = await attach(other, waiting);
    const vm = await port(net);
    const [before] = (await addresses(vm.id)).filter(a => String(a).startsWith('::'));
    const was = { router: await shown('router', router.id), subnet: await shown('subnet', waiting.id), port: await shown('port', vm.id) };
    const answer = (await update({ [waiting.id]: prefix })) as Body[];
    assert.deepEqual(
      answer.map(s => [s.id, s.cidr]),
      [[waiting.id, prefix]],
    );
    const now = await shown('subnet', waiting.id);
    assert.deepEqual(
      [now.cidr, now.gateway_ip, now.allocation_pools],
      [prefix, '2001:db8:7:1::1', [{ start: '2001:db8:7:1::2', end: '2001:db8:7:1:ffff:ffff:ffff:ffff' }]],
    );
    const interfaces = [...(await addresses(inside)), ...(await addresses(far))].map(String);
    assert.equal(interfaces.length, 2);
    assert.equal(interfaces.filter(ip => ip === '2001:db8:7:1::1').length, 1);
    for (const ip of interfaces) assert.match(ip, /^2001:db8:7:1:/);
    assert.deepEqual((await addresses(vm.id)).toSorted(), [`2001:db8:7:1:${ownPart(before)}`, before].toSorted());
    assert.match(String((await addresses(beside))[0]), /^::/);
    for (const [what, id] of [
      ['router', router.id],
      ['subnet', waiting.id],
      ['port', vm.id],
    ] as const)
      assert.equal((await shown(what, id)).revision_number, Number(was[what].revision_number) + 1, what);
    await update({ [waiting.id]: prefix });
    assert.equal((await shown('subnet', waiting.id)).revision_number, Number(was.subnet.revision_number) + 1, 'the same is no change');
  });

  test('where a distributed router is translated it has an address of its own, under each prefix', async () => {
    const external = await h.admin.make('networks', 'network', { 'router:external': true });
    await h.admin.make('subnets', 'subnet', { network_id: external.id, ip_version: 6, cidr: '2001:db8:ffff::/64' });
    const project_id = h.member.project;
    const gateway = { external_gateway_info: { network_id: external.id } };
    const router = await h.admin.make('routers', 'router', { project_id, distributed: true, ...gateway });
    const net = await network();
    const waiting = await subnet(net);
    await attach(router, waiting);
    for (const next of ['2001:db8:8:1::/64', '::/64', '2001:db8:8:2::/64']) {
      await update({ [waiting.id]: next });
      const found = await h.admin.list(`ports?network_id=${net.id}&device_id=${router.id}`);
      const at = new Map(found.map(p => [p.device_owner, (p.fixed_ips as Body[]).map(f => String(f.ip_address))]));
      const inside = next.replace('::/64', ':');
      assert.deepEqual(at.get('network:router_interface_distributed'), [`${next.replace('/64', '')}1`]);
      const [own, ...more] = at.get('network:router_centralized_snat') ?? [];
      assert.ok(own?.startsWith(inside) && own !== `${inside}:1` && more.length === 0, own);
    }
  });

  test('it is found by its pool, and joins no other', async () => {
    const net = await network();
    const waiting = await subnet(net);
    const found = await h.member.list(`subnets?subnetpool_id=prefix_delegation&network_id=${net.id}`);
    assert.deepEqual(
      found.map(s => s.id),
      [waiting.id],
    );
    const pool = await h.member.make('subnetpools', 'subnetpool', { name: 'six', prefixes: ['fd00:6::/48'] });
    const onboard = (network_id: string) => h.member.request('PUT', `subnetpools/${pool.id}/onboard_network_subnets`, { network_id });
    const refused = await onboard(net.id);
    assert.deepEqual([refused.status, (refused.body.NeutronError as Body).type], [400, 'IllegalSubnetPoolUpdate']);
    assert.equal((await shown('subnet', waiting.id)).subnetpool_id, 'prefix_delegation');
    const plain = await network();
    await h.member.make('subnets', 'subnet', { network_id: plain.id, ip_version: 6, cidr: 'fd00:66::/64' });
    assert.equal((await onboard(plain.id)).status, 200);
  });

  test('L3 agents and L2 agents hear of it', async () => {
    const heard: Body[] = [];
    const listen = (topic: string, method: string) =>
      h.bus.serve({
        topic,
        server: 'h1',
        endpoints: [{ version: '1.1', methods: { [method]: args => void heard.push({ method, ...(args as Body) }) } }],
      });
    await listen('l3_agent', 'routers_updated');
    await listen('q-agent-notifier-port-update', 'port_update');
    const net = await network();
    const waiting = await subnet(net);
    const router = await h.member.make('routers', 'router', {});
    await attach(router, waiting);
    const vm = await h.admin.make('ports', 'port', { network_id: net.id, 'binding:host_id': 'h1' });
    await until('the agent knows the router', async () => heard.some(m => JSON.stringify(m).includes(router.id)));
    heard.length = 0;
    await update({ [waiting.id]: '2001:db8:7:2::/64' });
    await until('the L3 agent hears', async () => heard.some(m => m.method === 'routers_updated' && JSON.stringify(m).includes(router.id)));
    await until('the L2 agent hears', async () => heard.some(m => m.method === 'port_update' && (m.port as Body).id === vm.id));
    const [dict] = (await h.rpc('q-l3-plugin', 'sync_routers', { host: 'h1', router_ids: [router.id] }, '1.6')) as unknown as Body[];
    const [inner] = dict!._interfaces as Body[];
    assert.deepEqual(
      (inner?.subnets as Body[]).map(s => [s.cidr, s.subnetpool_id]),
      [['2001:db8:7:2::/64', 'prefix_delegation']],
    );
  });

  test('it can be taken back, and given anew', async () => {
    const net = await network();
    const waiting = await subnet(net);
    const vm = await port(net);
    for (const next of ['2001:db8:7:3::/64', '::/64', 'fd00:3::/64']) {
      await update({ [waiting.id]: next });
      const base = next.replace('::/64', ':').replace(/^:$/, '::');
      assert.match(String((await addresses(vm.id))[0]), new RegExp(`^${base}[0-9a-f:]+$`));
      assert.equal((await shown('subnet', waiting.id)).cidr, next);
    }
  });

  test('what is refused, and changes nothing', async () => {
    const net = await network();
    const [one, two] = [await subnet(net), await subnet(net)];
    const plain = await network();
    const fixed = await h.member.make('subnets', 'subnet', { network_id: plain.id, ip_version: 6, cidr: '2001:db8:9::/64' });
    assert.equal(await refusal({ [fixed.id]: prefix }), 'InvalidInput', 'no prefix from outside');
    assert.equal(await refusal({ 'ffffffff-0000-0000-0000-000000000000': prefix }), 'InvalidInput');
    for (const wrong of ['2001:db8::/48', '10.0.0.0/24', 'fe80::/64', 'ff02::/64', 'x', ''])
      assert.equal(await refusal({ [one.id]: wrong }), 'InvalidInput', wrong);
    assert.equal(await refusal({ [one.id]: 5 }), 'InvalidInput');
    await update({ [one.id]: '2001:db8:9:1::/64' });
    assert.equal(await refusal({ [two.id]: '2001:db8:9:1::/64' }), 'InvalidInput', 'overlaps on the network');
    const router = await h.member.make('routers', 'router', {});
    await attach(router, two);
    await attach(router, fixed);
    assert.equal(await refusal({ [two.id]: '2001:db8:9::/64', [one.id]: '2001:db8:9:2::/64' }), 'BadRequest', 'overlaps on a router');
    assert.deepEqual([(await shown('subnet', two.id)).cidr, (await shown('subnet', one.id)).cidr], ['::/64', '2001:db8:9:2::/64']);
    assert.equal((await shown('subnet', fixed.id)).cidr, '2001:db8:9::/64');
  });

  /** Whether what was decided can be committed although others have done something meanwhile. */
  const holds = async (decide: (draft: Draft) => Promise<unknown>, meanwhile: () => Promise<unknown>): Promise<boolean> => {
    const { services, store } = h.server;
    const draft = new Draft({ now: '2026-01-01T00:00:00Z', newId: services.newId });
    await decide(draft);
    await meanwhile();
    return (await store.commit(draft.writeSet(() => undefined))).done;
  };
  const nothing = async (): Promise<void> => undefined;

  test('whoever decides by the other prefix, or by other ports, decides again', async () => {
    const { services } = h.server;
    const scene = async () => {
      const net = await network();
      const waiting = await subnet(net);
      return { net, waiting, second: await subnet(net), holder: await port(net) };
    };
    const delegated =
      (id: string, to = prefix) =>
      (draft: Draft) =>
        delegatePrefix(services, draft, id, to);
    const readdressed = ({ net, holder }: Awaited<ReturnType<typeof scene>>) => {
      const now = holder.fixed_ips as FixedIp[];
      const wish = { port_id: holder.id, network_id: net.id, mac: 'fa:16:3e:bb:00:01', owner: '', host: '', requested: [], now };
      return (draft: Draft) => changeAddresses(services, draft, wish);
    };
    const first = await scene();
    assert.equal(await holds(delegated(first.waiting.id), nothing), true);
    assert.equal(await holds(readdressed({ ...first, holder: await port(first.net) }), nothing), true);
    const { net, waiting, second } = await scene();
    assert.equal(await holds(delegated(waiting.id), () => port(net)), false, 'a port that came');
    const bare = await network();
    const [one, two] = [await subnet(bare), await subnet(bare)];
    assert.equal(await holds(delegated(one.id), () => update({ [two.id]: prefix })), false, 'the prefix went to another subnet');
    const moved = readdressed({ net, waiting, second, holder: await port(net) });
    assert.equal(await holds(moved, () => update({ [waiting.id]: '2001:db8:7:9::/64' })), false, 'addresses of the old prefix');
  });

  test('ports that come, move and go meanwhile end under the prefix', async () => {
    for (let round = 0; round < 6; round++) {
      const net = await network();
      const waiting = await subnet(net);
      const [moving, going] = [await port(net), await port(net)];
      const next = `2001:db8:${100 + round}::/64`;
      await Promise.all([
        update({ [waiting.id]: next }),
        ...Array.from({ length: 4 }, () => port(net)),
        h.admin.request('PUT', `ports/${moving.id}`, { port: { mac_address: `fa:16:3e:aa:00:0${round}` } }),
        h.member.request('DELETE', `ports/${going.id}`),
      ]);
      const found = await h.member.list(`ports?network_id=${net.id}`);
      assert.equal(found.length, 5);
      for (const { fixed_ips } of found)
        for (const { ip_address } of fixed_ips as Body[]) assert.match(String(ip_address), new RegExp(`^${next.replace('::/64', ':')}`));
    }
  });
});
