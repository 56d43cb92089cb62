// Two servers, many clients: what may be given once is given once, limits are exact, and nothing that was answered is lost.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Answer, Api, Body, Made } from './client.ts';
import { type Cluster, startCluster } from './cluster.ts';

const unlimited = { network: -1, subnet: -1, port: -1, router: -1, floatingip: -1, security_group: -1, security_group_rule: -1 };

const created = (answers: readonly Answer[]): Answer[] => answers.filter(a => a.status === 201 || a.status === 200);
const counts = (answers: readonly Answer[]): Record<string, number> => {
  const out: Record<string, number> = {};
  for (const { status, body } of answers) {
    const type = (body?.NeutronError as Body | undefined)?.type;
    const key = type === undefined ? String(status) : `${status} ${type}`;
    out[key] = (out[key] ?? 0) + 1;
  }
  return out;
};

async function network(api: Api, cidr?: string): Promise<{ net: Made; subnet?: Made }> {
  const net = await api.make('networks', 'network', {});
  return cidr === undefined ? { net } : { net, subnet: await api.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr }) };
}

const addressesOf = (ports: readonly Body[]): string[] =>
  ports.flatMap(p => (p.fixed_ips as { ip_address: string }[]).map(f => f.ip_address));

describe('two servers on one database', () => {
  let cluster: Cluster;
  let member: Api;

  before(async () => {
    cluster = await startCluster(2, { quotas: unlimited });
    member = cluster.as('member');
    await member.list('security-groups');
  });
  after(() => cluster[Symbol.asyncDispose]());

  const all = (who: string, count: number, ask: (api: Api, i: number) => Promise<Answer>): Promise<Answer[]> =>
    Promise.all(cluster.spread(who, count).map(ask));

  test('200 ports at once: no address and no MAC twice', async () => {
    const { net } = await network(member, '10.0.0.0/24');
    const answers = await all('member', 200, api => api.request('POST', 'ports', { port: { network_id: net.id } }));
    assert.deepEqual(counts(answers), { 201: 200 });
    const ports = await member.list(`ports?network_id=${net.id}`);
    assert.equal(new Set(addressesOf(ports)).size, 200);
    assert.equal(new Set(ports.map(p => p.mac_address)).size, 200);
  });

  test('a /29 is given out to its last address, and not twice', async () => {
    const { net } = await network(member, '10.0.0.0/29');
    const ask = (api: Api): Promise<Answer> => api.request('POST', 'ports', { port: { network_id: net.id } });
    assert.deepEqual(counts(await all('member', 30, ask)), { 201: 5, '409 IpAddressGenerationFailure': 25 });
    const ports = await member.list(`ports?network_id=${net.id}`);
    assert.deepEqual(addressesOf(ports).sort(), ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
    for (const port of ports.slice(0, 2)) assert.equal((await member.request('DELETE', `ports/${port.id}`)).status, 204);
    assert.deepEqual(counts(await all('member', 10, ask)), { 201: 2, '409 IpAddressGenerationFailure': 8 });
  });

  test('a /25, more than is tried at random, is given out to its last address too', async () => {
    const { net } = await network(member, '10.0.0.0/25');
    const ask = (api: Api): Promise<Answer> => api.request('POST', 'ports', { port: { network_id: net.id } });
    assert.deepEqual(counts(await all('member', 125, ask)), { 201: 125 });
    assert.deepEqual(counts(await all('member', 4, ask)), { '409 IpAddressGenerationFailure': 4 });
    assert.equal(new Set(addressesOf(await member.list(`ports?network_id=${net.id}`))).size, 125);
  });

  test('the same address and the same MAC asked for by name: one has it', async () => {
    const { net } = await network(member, '10.0.0.0/24');
    const fixed_ips = [{ ip_address: '10.0.0.9' }];
    const addresses = await all('member', 12, api => api.request('POST', 'ports', { port: { network_id: net.id, fixed_ips } }));
    assert.deepEqual(counts(addresses), { 201: 1, '409 IpAddressAlreadyAllocated': 11 });
    const mac_address = 'fa:16:3e:00:00:09';
    const macs = await all('member', 12, api => api.request('POST', 'ports', { port: { network_id: net.id, mac_address } }));
    assert.deepEqual(counts(macs), { 201: 1, '409 MacAddressInUse': 11 });
  });

  test('200 creates against a quota of 100 end at 100, and what is given back counts; no two networks have one segment', async () => {
    const project = '1'.repeat(32);
    await cluster.as('admin').request('PUT', `quotas/${project}`, { quota: { network: 100 } });
    const ask = (api: Api): Promise<Answer> => api.request('POST', 'networks', { network: {} });
    assert.deepEqual(counts(await all(`member@${project}`, 200, ask)), { 201: 100, '409 OverQuota': 100 });
    const owner = cluster.as(`member@${project}`);
    const made = await owner.list('networks');
    assert.equal(made.length, 100);
    const seen = await cluster.as('admin').list(`networks?project_id=${project}`);
    assert.equal(new Set(seen.map(n => n['provider:segmentation_id'])).size, 100);
    await Promise.all(made.slice(0, 5).map(n => owner.request('DELETE', `networks/${n.id}`)));
    assert.deepEqual(counts(await all(`member@${project}`, 20, ask)), { 201: 5, '409 OverQuota': 15 });
  });

  test('overlapping subnets at once: one', async () => {
    for (let round = 0; round < 4; round++) {
      const { net } = await network(member);
      const cidrs = ['10.0.0.0/16', '10.0.1.0/24', '10.0.0.0/20', '10.0.1.128/25'];
      const answers = await all('member', 8, (api, i) =>
        api.request('POST', 'subnets', { subnet: { network_id: net.id, ip_version: 4, cidr: cidrs[i % cidrs.length] } }),
      );
      const subnets = await member.list(`subnets?network_id=${net.id}`);
      const overlapping = subnets.filter(a => subnets.some(b => a !== b && cidrs.includes(String(b.cidr)) && overlap(a, b)));
      assert.deepEqual(overlapping, []);
      assert.equal(created(answers).length, subnets.length);
      assert.ok(subnets.length >= 1);
    }
  });

  test('a project has one default group, however many first requests it makes', async () => {
    const project = '2'.repeat(32);
    await all(`member@${project}`, 16, (api, i) =>
      i % 2 ? api.request('GET', 'security-groups') : api.request('POST', 'networks', { network: {} }),
    );
    const groups = await cluster.as(`member@${project}`).list('security-groups');
    assert.deepEqual(
      groups.map(g => g.name),
      ['default'],
    );
    assert.equal((groups[0]?.security_group_rules as Body[]).length, 4);
  });

  test('two interfaces of one router on overlapping subnets: one', async () => {
    for (let round = 0; round < 4; round++) {
      const router = await member.make('routers', 'router', {});
      const subnets = await Promise.all(['10.0.0.0/24', '10.0.0.0/25', '10.0.0.64/26', '10.0.0.0/16'].map(cidr => network(member, cidr)));
      const answers = await all('member', 4, (api, i) =>
        api.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnets[i]?.subnet?.id }),
      );
      assert.deepEqual(counts(answers), { 200: 1, '400 BadRequest': 3 });
      assert.equal((await member.list(`ports?device_id=${router.id}`)).length, 1);
    }
  });

  test('a network that goes while ports come: never a port without a network', async () => {
    for (let round = 0; round < 6; round++) {
      const { net } = await network(member, '10.0.0.0/24');
      const answers = await all('member', 9, (api, i) =>
        i === 4 ? api.request('DELETE', `networks/${net.id}`) : api.request('POST', 'ports', { port: { network_id: net.id } }),
      );
      const ports = await member.list(`ports?network_id=${net.id}`);
      const isThere = (await member.request('GET', `networks/${net.id}`)).status === 200;
      assert.equal(isThere, answers[4]?.status !== 204, String(answers[4]?.status));
      assert.equal(ports.length, created(answers.filter((_, i) => i !== 4)).length);
      if (!isThere) assert.equal(ports.length, 0);
    }
  });

  test('a subnet that goes while ports come: never an address without a subnet', async () => {
    for (let round = 0; round < 20; round++) {
      const { net, subnet } = await network(member, '10.0.0.0/24');
      const at = round % 10;
      const answers = await all('member', 10, (api, i) =>
        i === at ? api.request('DELETE', `subnets/${subnet?.id}`) : api.request('POST', 'ports', { port: { network_id: net.id } }),
      );
      const gone = answers[at]?.status === 204;
      const answered = created(answers).map(a => a.body.port as Body);
      assert.equal((await member.list(`subnets?network_id=${net.id}`)).length, gone ? 0 : 1);
      assert.equal(answered.length, 9);
      assert.equal(addressesOf(answered).length, gone ? 0 : 9);
      assert.deepEqual(addressesOf(await member.list(`ports?network_id=${net.id}`)).sort(), addressesOf(answered).sort());
    }
  });

  test('an automatic subnet that comes while ports come: every port gets its address', async () => {
    for (let round = 0; round < 10; round++) {
      const { net } = await network(member);
      const at = round % 8;
      const subnet = { network_id: net.id, ip_version: 6, cidr: '2001:db8::/64', ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
      const answers = await all('member', 8, (api, i) =>
        i === at ? api.request('POST', 'subnets', { subnet }) : api.request('POST', 'ports', { port: { network_id: net.id } }),
      );
      assert.deepEqual(counts(answers), { 201: 8 });
      const ports = await member.list(`ports?network_id=${net.id}`);
      assert.equal(new Set(addressesOf(ports)).size, 7);
    }
  });

  test('a group that goes while rules name it: never a rule about a group that is gone', async () => {
    const holder = await member.make('security-groups', 'security_group', { name: 'holder' });
    for (let round = 0; round < 12; round++) {
      const remote = await member.make('security-groups', 'security_group', { name: 'remote' });
      const at = round % 5;
      await all('member', 5, (api, i) => {
        const rule = { security_group_id: holder.id, direction: 'ingress', remote_group_id: remote.id, protocol: String(20 + i) };
        return i === at
          ? api.request('DELETE', `security-groups/${remote.id}`)
          : api.request('POST', 'security-group-rules', { security_group_rule: rule });
      });
      assert.deepEqual(await member.list(`security-group-rules?remote_group_id=${remote.id}`), []);
    }
  });

  test('a gateway address that moves while a router takes it: the router has what the subnet says', async () => {
    for (let round = 0; round < 10; round++) {
      const { subnet } = await network(member, '10.0.0.0/24');
      const router = await member.make('routers', 'router', {});
      const pools = { allocation_pools: [{ start: '10.0.0.10', end: '10.0.0.20' }] };
      await member.request('PUT', `subnets/${subnet?.id}`, { subnet: pools });
      await all('member', 2, (api, i) =>
        i === round % 2
          ? api.request('PUT', `subnets/${subnet?.id}`, { subnet: { gateway_ip: '10.0.0.254' } })
          : api.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet?.id }),
      );
      const now = (await member.request('GET', `subnets/${subnet?.id}`)).body.subnet as Body;
      assert.deepEqual(addressesOf(await member.list(`ports?device_id=${router.id}`)), [now.gateway_ip]);
    }
  });

  test('a group that goes while ports take it: never a port with a group that is gone', async () => {
    for (let round = 0; round < 6; round++) {
      const { net } = await network(member);
      const group = await member.make('security-groups', 'security_group', { name: 'g' });
      const answers = await all('member', 7, (api, i) =>
        i === 3
          ? api.request('DELETE', `security-groups/${group.id}`)
          : api.request('POST', 'ports', { port: { network_id: net.id, security_groups: [group.id] } }),
      );
      const gone = answers[3]?.status === 204;
      const holders = await member.list(`ports?network_id=${net.id}`);
      assert.equal((await member.request('GET', `security-groups/${group.id}`)).status, gone ? 404 : 200);
      assert.equal(holders.length, gone ? 0 : created(answers).length);
    }
  });

  test('equal rules at once: one', async () => {
    const group = await member.make('security-groups', 'security_group', { name: 'g' });
    const rule = { security_group_id: group.id, direction: 'ingress', protocol: 'tcp', port_range_min: 22, port_range_max: 22 };
    const answers = await all('member', 12, api => api.request('POST', 'security-group-rules', { security_group_rule: rule }));
    assert.deepEqual(counts(answers), { 201: 1, '409 SecurityGroupRuleExists': 11 });
  });

  test('changes of one object at once: each counts, and its revision tells how many', async () => {
    const { net } = await network(member);
    const answers = await all('member', 20, (api, i) => api.request('PUT', `networks/${net.id}/tags/t${i}`));
    assert.deepEqual(counts(answers), { 201: 20 });
    const { network: now } = (await member.request('GET', `networks/${net.id}`)).body as { network: Body };
    assert.equal((now.tags as string[]).length, 20);
    assert.equal(now.revision_number, Number(net.revision_number) + 20);
    const headers = { 'if-match': `revision_number=${now.revision_number}` };
    const matched = await all('member', 10, (api, i) => api.request('PUT', `networks/${net.id}`, { network: { name: `n${i}` } }, headers));
    assert.deepEqual(counts(matched), { 200: 1, '412 RevisionNumberConstraintFailed': 9 });
  });

  describe('floating IPs', () => {
    let external: Made;
    let router: Made;
    let inner: { net: Made; subnet?: Made };

    before(async () => {
      const admin = cluster.as('admin');
      external = await admin.make('networks', 'network', { 'router:external': true });
      await admin.make('subnets', 'subnet', { network_id: external.id, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false });
      inner = await network(member, '10.0.0.0/24');
      router = await member.make('routers', 'router', { external_gateway_info: { network_id: external.id } });
    });
    const attach = (api: Api, verb: 'add' | 'remove'): Promise<Answer> =>
      api.request('PUT', `routers/${router.id}/${verb}_router_interface`, { subnet_id: inner.subnet?.id });
    const floating = (): Promise<Made> => member.make('floatingips', 'floatingip', { floating_network_id: external.id });

    test('one fixed address is behind one of them', async () => {
      await attach(member, 'add');
      const port = await member.make('ports', 'port', { network_id: inner.net.id });
      const fips = await Promise.all([floating(), floating(), floating(), floating()]);
      const answers = await all('member', 8, (api, i) =>
        api.request('PUT', `floatingips/${fips[i % 4]?.id}`, { floatingip: { port_id: port.id } }),
      );
      const bound = (await member.list('floatingips')).filter(f => f.port_id === port.id);
      assert.equal(bound.length, 1, JSON.stringify(counts(answers)));
      assert.equal(bound[0]?.router_id, router.id);
      await Promise.all(fips.map(f => member.request('DELETE', `floatingips/${f.id}`)));
    });

    test('the interface that an association goes through stays, and so does the gateway', async () => {
      for (let round = 0; round < 24; round++) {
        await attach(member, 'add');
        const port = await member.make('ports', 'port', { network_id: inner.net.id });
        const fip = await floating();
        const undo = (api: Api): Promise<Answer> =>
          round % 2 ? attach(api, 'remove') : api.request('PUT', `routers/${router.id}`, { router: { external_gateway_info: null } });
        const [associated, taken] = (await all('member', 2, (api, i) =>
          i ? undo(api) : api.request('PUT', `floatingips/${fip.id}`, { floatingip: { port_id: port.id } }),
        )) as [Answer, Answer];
        assert.ok([associated.status, taken.status].filter(s => s === 200).length === 1, `${associated.status} ${taken.status}`);
        await member.request('DELETE', `floatingips/${fip.id}`);
        await member.request('PUT', `routers/${router.id}`, { router: { external_gateway_info: { network_id: external.id } } });
      }
    });

    test('a port that goes takes no association with it', async () => {
      await attach(member, 'add');
      for (let round = 0; round < 6; round++) {
        const port = await member.make('ports', 'port', { network_id: inner.net.id });
        const fip = await floating();
        await all('member', 2, (api, i) =>
          i ? api.request('DELETE', `ports/${port.id}`) : api.request('PUT', `floatingips/${fip.id}`, { floatingip: { port_id: port.id } }),
        );
        assert.equal((await member.request('GET', `ports/${port.id}`)).status, 404);
        const { floatingip } = (await member.request('GET', `floatingips/${fip.id}`)).body as { floatingip: Body };
        assert.deepEqual([floatingip.port_id, floatingip.fixed_ip_address, floatingip.router_id], [null, null, null]);
        await member.request('DELETE', `floatingips/${fip.id}`);
      }
    });
  });

  test('kill -9 in the middle of a stream: what was answered is there, and nothing is there by half', async () => {
    const { net } = await network(member, '10.9.0.0/16');
    const victim = await cluster.join();
    const api = victim.as('member');
    const answered: string[] = [];
    const stream = async (): Promise<void> => {
      for (;;) {
        const answer = await api.request('POST', 'ports', { port: { network_id: net.id } }).catch(() => undefined);
        if (!answer) return;
        assert.equal(answer.status, 201);
        answered.push(String((answer.body.port as Made).id));
      }
    };
    const streams = Array.from({ length: 8 }, stream);
    while (answered.length < 40) await new Promise(resolve => setTimeout(resolve, 5));
    await victim.kill();
    await Promise.all(streams);
    const again = (await cluster.join()).as('member');
    const ports = await again.list(`ports?network_id=${net.id}`);
    const ids = new Set(ports.map(p => p.id));
    assert.deepEqual(
      answered.filter(id => !ids.has(id)),
      [],
    );
    assert.equal(new Set(addressesOf(ports)).size, ports.length);
    for (const port of ports) assert.equal((port.security_groups as string[]).length, 1);
  });
});

function overlap(a: Body, b: Body): boolean {
  const range = (cidr: string): readonly [number, number] => {
    const [address = '', length = '32'] = cidr.split('/');
    const first = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    return [first, first + 2 ** (32 - Number(length)) - 1];
  };
  const [x, y] = [range(String(a.cidr)), range(String(b.cidr))];
  return x[0] <= y[1] && y[0] <= x[1];
}
