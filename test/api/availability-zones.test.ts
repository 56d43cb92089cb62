// Availability zones: what agents say of themselves, hints that must exist, and who is chosen to serve.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { Made } from './client.ts';
import { type Body, type Harness, start } from './harness.ts';

describe('availability zones', () => {
  let h: Harness;

  before(async () => {
    h = await start({ dhcpAgentsPerNetwork: 2, quotas: { router: -1, network: -1 } });
    for (const [host, zone] of [
      ['a1', 'east'],
      ['a2', 'east'],
      ['b1', 'west'],
    ] as const) {
      await beat('DHCP agent', 'neutron-dhcp-agent', host, zone);
      await beat('L3 agent', 'neutron-l3-agent', host, zone);
    }
    await beat('L3 agent', 'neutron-l3-agent', 'c1', 'north');
    await beat('Linux bridge agent', 'neutron-linuxbridge-agent', 'a1', 'nobody asks');
  });
  after(() => h[Symbol.asyncDispose]());

  const beat = (agent_type: string, binary: string, host: string, availability_zone: string) =>
    h.rpc(
      'q-reports-plugin',
      'report_state',
      {
        agent_state: { agent_state: { agent_type, binary, topic: 'x', host, availability_zone, configurations: {}, uuid: randomUUID() } },
        time: new Date().toISOString().slice(0, 19),
      },
      '1.2',
    );
  const zones = async (query = ''): Promise<string[]> =>
    (await h.member.list(`availability_zones${query}`)).map(z => `${z.resource} ${z.name} ${z.state}`);
  const withSubnet = async (hints: string[]): Promise<Made> => {
    const made = await h.member.make('networks', 'network', { availability_zone_hints: hints });
    await h.member.make('subnets', 'subnet', { network_id: made.id, ip_version: 4, cidr: '10.0.0.0/24' });
    return (await h.member.list(`networks?id=${made.id}`))[0] as Made;
  };
  const withInterface = async (hints: string[]): Promise<Made> => {
    const network = await h.member.make('networks', 'network', {});
    const subnet = await h.member.make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' });
    const router = await h.member.make('routers', 'router', { availability_zone_hints: hints });
    await h.member.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
    return (await h.member.list(`routers?id=${router.id}`))[0] as Made;
  };

  test('are those of DHCP and L3 agents, filtered by name, resource and state', async () => {
    const all = [
      'network east available',
      'router east available',
      'router north available',
      'network west available',
      'router west available',
    ];
    assert.deepEqual(await zones(), all);
    assert.deepEqual(await zones('?resource=network&name=west'), ['network west available']);
    assert.deepEqual(await zones('?state=unavailable'), []);
    assert.deepEqual((await h.member.refused('GET', 'availability_zones?zone=x')).slice(0, 2), [400, 'HTTPBadRequest']);
    assert.equal((await h.nobody.refused('GET', 'availability_zones'))[0], 200);
    assert.deepEqual(await h.nobody.list('availability_zones'), []);
  });

  test('a zone is unavailable when all of its agents are switched off', async () => {
    const [agent] = await h.admin.list('agents?host=c1');
    assert.equal(agent?.availability_zone, 'north');
    await h.admin.request('PUT', `agents/${agent?.id}`, { agent: { admin_state_up: false } });
    assert.deepEqual(await zones('?name=north'), ['router north unavailable']);
    await h.admin.request('PUT', `agents/${agent?.id}`, { agent: { admin_state_up: true } });
    assert.deepEqual(await zones('?name=north'), ['router north available']);
  });

  test('hints must name zones of agents of the kind', async () => {
    const ask = (hints: unknown, what = 'network') => h.member.refused('POST', `${what}s`, { [what]: { availability_zone_hints: hints } });
    const missing = [404, 'AvailabilityZoneNotFound', 'AvailabilityZone north could not be found.'];
    assert.deepEqual(await ask(['east', 'north']), missing);
    assert.deepEqual((await ask(['nowhere'], 'router')).slice(0, 2), [404, 'AvailabilityZoneNotFound']);
    const twice = "Invalid input for availability_zone_hints. Reason: Duplicate items in the list: 'east'.";
    assert.deepEqual(await ask(['east', 'east']), [400, 'HTTPBadRequest', twice]);
    const long = [400, 'InvalidInput', 'Invalid input for operation: Too many availability_zone_hints specified.'];
    assert.deepEqual(await ask(['a'.repeat(250), 'b'.repeat(10)]), long);
    const made = await h.member.make('networks', 'network', { availability_zone_hints: ['west'] });
    assert.deepEqual([made.availability_zone_hints, made.availability_zones], [['west'], []]);
    const change = await h.member.refused('PUT', `networks/${made.id}`, { network: { availability_zone_hints: [] } });
    assert.equal(change[2], 'Cannot update read-only attribute availability_zone_hints');
  });

  test('networks are served from the zones they ask for, spread over them', async () => {
    assert.deepEqual((await withSubnet(['west'])).availability_zones, ['west']);
    assert.deepEqual((await withSubnet(['east', 'west'])).availability_zones, ['east', 'west']);
    const east = await withSubnet(['east']);
    const agents = (await h.admin.request('GET', `networks/${east.id}/dhcp-agents`)).body.agents as Body[];
    assert.deepEqual(agents.map(a => a.host).sort(), ['a1', 'a2']);
  });

  test('routers are hosted in a zone that they ask for', async () => {
    for (const zone of ['east', 'west', 'north']) assert.deepEqual((await withInterface([zone])).availability_zones, [zone]);
    const router = await withInterface(['north']);
    const [dict] = (await h.rpc('q-l3-plugin', 'sync_routers', { host: 'c1', router_ids: [router.id] }, '1.10')) as Body[];
    assert.deepEqual([dict?.availability_zone_hints, dict?.availability_zones], [['north'], ['north']]);
  });

  test('default_availability_zones are the hints of whoever gives none', async () => {
    await using other = await start({ defaultAvailabilityZones: ['west'] });
    const report = (host: string, availability_zone: string) =>
      other.rpc(
        'q-reports-plugin',
        'report_state',
        {
          agent_state: { agent_state: { agent_type: 'DHCP agent', binary: 'x', topic: 'x', host, availability_zone, configurations: {} } },
          time: new Date().toISOString().slice(0, 19),
        },
        '1.2',
      );
    await report('a1', 'east');
    await report('b1', 'west');
    for (let i = 0; i < 3; i++) {
      const network = await other.member.make('networks', 'network', {});
      await other.member.make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' });
      assert.deepEqual((await other.member.list(`networks?id=${network.id}`))[0]?.availability_zones, ['west']);
    }
  });
});
