// Weft's agents on a real neutron-server (Zed), over a real RabbitMQ, told by the files that Neutron's agents have: two hosts, and everything
// between a port and its packets, also while agents, the broker and the server go and come.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Made } from '../api/client.ts';
import { noSandbox } from '../system/need.ts';
import { describePackets, startPackets } from '../system/traffic.ts';
import { noNeutronServer } from './neutron-server.ts';
import { noRabbit } from './rabbit.ts';
import { AgentsWorld, type Instance, kinds, metadataSecret, novaPort } from './weft-agents-world.ts';

const skip = noNeutronServer || noRabbit || noSandbox();
const webPort = 8080;

/** Stands in for Nova's metadata API: answers who it is that asks, once the signature is right. */
const nova = `
const { createHmac } = require('node:crypto');
const [port, secret] = process.argv.slice(1);
require('node:http').createServer((request, response) => {
  const { 'x-instance-id': id = '', 'x-instance-id-signature': signature, 'x-tenant-id': tenant, 'x-forwarded-for': from } = request.headers;
  const right = createHmac('sha256', secret).update(id).digest('hex') === signature;
  response.statusCode = right ? 200 : 403;
  response.end(right ? JSON.stringify({ id, tenant, from, path: request.url }) : 'Invalid proxy request signature.');
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
`;
const web = `
require('node:http').createServer((_, response) => response.end('here')).listen(${webPort}, '0.0.0.0', () => console.log('ready'));
`;

describe("Weft's agents on a neutron-server", { skip, timeout: 580_000 }, () => {
  let w: AgentsWorld;
  let network: Made;
  let router: Made;
  let one: Instance;
  let two: Instance;
  let floating: string;

  before(async () => {
    w = await AgentsWorld.open();
    w.startAll();
    for (const { name } of w.hosts) w.job(w.host(name).sandbox.enter([process.execPath, '-e', nova, String(novaPort), metadataSecret]));
  });
  after(() => w?.[Symbol.asyncDispose]());

  const api = () => w.neutron.api;
  const listed = async (): Promise<string[]> =>
    (await api().listOnce('agents?alive=true')).map(one => `${one['host']} ${one['agent_type']}`).sort();
  const pings = async (from: Instance, address: string): Promise<boolean> =>
    (await w.inside(from, 'ping', '-n', '-c1', '-W1', address)).code === 0;
  const reaches = (address: string) => w.fromOutside('curl', '-s', '-m', '2', `http://${address}:${webPort}/`);

  test('all are alive in the list of the server', async () => {
    const want = w.hosts.flatMap(({ name }) =>
      ['DHCP agent', 'L3 agent', 'Linux bridge agent', 'Metadata agent'].map(kind => `${name} ${kind}`),
    );
    await w.until('eight agents', async () => (await listed()).length === 8);
    assert.deepEqual(await listed(), want.sort());
    for (const kind of kinds) assert.doesNotMatch(w.log('h1', kind), / ERROR /);
  });

  test('an instance on each host has its address by DHCP, is ACTIVE, and reaches the other through the tunnel', async () => {
    network = await api().make('networks', 'network', { name: 'inside' });
    const subnet = await api().make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.10.0.0/24' });
    const provider = { 'provider:network_type': 'flat', 'provider:physical_network': 'public' };
    const outer = await api().make('networks', 'network', { name: 'outside', 'router:external': true, ...provider });
    const pool = [{ start: '172.24.4.100', end: '172.24.4.200' }];
    const addresses = { cidr: '172.24.4.0/24', gateway_ip: '172.24.4.1', allocation_pools: pool };
    await api().make('subnets', 'subnet', { network_id: outer.id, ip_version: 4, enable_dhcp: false, ...addresses });
    router = await api().make('routers', 'router', { name: 'r', external_gateway_info: { network_id: outer.id } });
    assert.equal((await api().request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id })).status, 200);
    [one, two] = await Promise.all([w.instance('h1', network.id), w.instance('h2', network.id)]);
    await w.until('one reaches two', () => pings(one, two.address));
    assert.match(
      await w.onHost('h1', 'bridge', 'fdb', 'show'),
      new RegExp(`${two.port['mac_address']} dev vxlan-\\d+ dst 198\\.18\\.0\\.2`),
    );
    w.place(two)([process.execPath, '-e', web]);
    const fetched = async (): Promise<boolean> =>
      (await w.inside(one, 'curl', '-s', '-m2', `http://${two.address}:${webPort}/`)).stdout === 'here';
    await w.until('one is answered by two over TCP', fetched);
  });

  test('through the router: outwards, inwards by a floating IP, and not before a rule permits it', async () => {
    await w.until('outwards', () => pings(one, '172.24.4.1'));
    const [outer] = await api().listOnce('networks?router:external=true');
    const fip = await api().make('floatingips', 'floatingip', { floating_network_id: outer!.id, port_id: two.port.id });
    floating = String(fip['floating_ip_address']);
    await w.until('the floating IP is ACTIVE', async () => (await api().listOnce(`floatingips?id=${fip.id}`))[0]?.['status'] === 'ACTIVE');
    // Others of its group reach it, and that it translates is seen by what it answers to: nobody else may yet.
    assert.notEqual((await reaches(floating)).code, 0);
    const [group] = two.port['security_groups'] as string[];
    const rule = { security_group_id: group, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', remote_ip_prefix: '172.24.4.0/24' };
    const ports = { port_range_min: webPort, port_range_max: webPort };
    const made = await api().make('security-group-rules', 'security_group_rule', { ...rule, ...ports });
    await w.until('the rule has its effect', async () => (await reaches(floating)).stdout === 'here');
    assert.equal((await api().request('DELETE', `security-group-rules/${made.id}`)).status, 204);
    await w.until('the rule is gone', async () => (await reaches(floating)).code !== 0);
    assert.ok(await pings(one, two.address), 'who is in the group still gets through');
    await api().make('security-group-rules', 'security_group_rule', { ...rule, ...ports });
    const udp = { protocol: 'udp', port_range_min: 9001, port_range_max: 9001 };
    await api().make('security-group-rules', 'security_group_rule', { ...rule, ...udp });
    await w.until('and again', async () => (await reaches(floating)).stdout === 'here');
  });

  test('metadata comes from Nova, signed for the instance that asks', async () => {
    for (const vm of [one, two]) {
      const asked = async (): Promise<string> => (await w.inside(vm, 'curl', '-s', '-m5', 'http://169.254.169.254/openstack')).stdout;
      await w.until('an answer', async () => (await asked()).startsWith('{'));
      const { id, from, path } = JSON.parse(await asked()) as Record<string, string>;
      assert.deepEqual([id, from, path], [vm.port['device_id'], vm.address, '/openstack']);
    }
  });

  test('agents end at once with 0 and leave what they made; with traffic through them restarted, nothing is lost', async () => {
    const between = await startPackets({ name: 'between hosts', from: w.place(one), to: w.place(two), address: two.address, port: 9000 });
    const inwards = await startPackets({ name: 'inwards', from: w.outside, to: w.place(two), address: floating, port: 9001 });
    for (const { name } of w.hosts)
      for (const kind of kinds) {
        const before = w.syncs(name, kind);
        const began = performance.now();
        assert.equal(await w.end(name, kind), 0, `${kind} on ${name}`);
        assert.ok(performance.now() - began < 10_000, `${kind} on ${name} took long to end`);
        w.start(name, kind);
        await w.until(`${kind} on ${name} is in sync again`, () => w.syncs(name, kind) > before);
      }
    for (const flow of [between, inwards]) {
      const packets = await flow.end();
      assert.deepEqual([packets.missing.length, packets.sent > 100], [0, true], describePackets(packets));
    }
  });

  test('without the broker packets flow and DHCP answers; once it is back, all is caught up', async () => {
    const three = await w.instance('h1', network.id);
    const between = await startPackets({
      name: 'without a broker',
      from: w.place(one),
      to: w.place(two),
      address: two.address,
      port: 9000,
    });
    await w.rabbit.kill();
    for (const { name } of w.hosts)
      for (const kind of kinds)
        await w.until(`${kind} on ${name} misses its broker`, () => /connection to the message broker lost/.test(w.log(name, kind)));
    const release = ['-4', '-r', '-lf', '/run/weft/dhclient4.leases', '-pf', '/run/weft/dhclient4.pid', 'eth0'];
    assert.equal((await w.inside(three, 'dhclient', ...release)).code, 0);
    await w.until('its address is given back', async () => (await three.vm.addresses()).length === 0);
    await three.vm.boot({ dhcp4: true, dhcp6: 'no', fixed: [] });
    await w.until('it has it again', async () => (await three.vm.addresses()).some(cidr => cidr.startsWith(`${three.address}/`)));
    await w.rabbit.up();
    const seen = new Date().toISOString();
    const fresh = async (): Promise<number> =>
      (await api().listOnce('agents')).filter(agent => `${String(agent['heartbeat_timestamp']).replace(' ', 'T')}Z` > seen).length;
    await w.until('all have reported again', async () => (await fresh()) === 8);
    const four = await w.instance('h2', network.id);
    await w.until('a new instance is reached', () => pings(one, four.address));
    const packets = await between.end();
    assert.deepEqual([packets.missing.length, packets.sent > 100], [0, true], describePackets(packets));
  });

  test('without the server packets flow; once it is back, agents are alive and work', async () => {
    await w.neutron.down();
    const between = await startPackets({
      name: 'without a server',
      from: w.place(one),
      to: w.place(two),
      address: two.address,
      port: 9000,
    });
    await w.neutron.up();
    await w.until('eight agents', async () => (await listed()).length === 8);
    const packets = await between.end();
    assert.deepEqual([packets.missing.length, packets.sent > 100], [0, true], describePackets(packets));
    const five = await w.instance('h1', network.id);
    await w.until('a new instance is reached', () => pings(two, five.address));
  });

  test('no password is in the logs', () => {
    for (const { name } of w.hosts)
      for (const kind of kinds) {
        assert.match(w.log(name, kind), /connected to the message broker/);
        for (const secret of ['p@ss:w%rd', 'p%40ss%3Aw%25rd', metadataSecret])
          assert.ok(!w.log(name, kind).includes(secret), `${kind} on ${name}`);
      }
  });
});
