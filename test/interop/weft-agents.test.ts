// Weft's agents on a real neutron-server (Zed), over a real RabbitMQ, told by the files that Neutron's agents have: two hosts, and everything
// between a port and its packets.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { noSandbox } from '../system/need.ts';
import { noNeutronServer } from './neutron-server.ts';
import { noRabbit } from './rabbit.ts';
import { aliveAgents, deleteAll, fetched, floatingTo, type Layout, layOut, permit, pings, web, webPort } from './weft-agents-networks.ts';
import { AgentsWorld, kinds, metadataSecret, novaPort } from './weft-agents-world.ts';

const skip = noNeutronServer || noRabbit || noSandbox();

/** Stands in for Nova's metadata API: answers who it is that asks, once the signature is right. */
const nova = `
const { createHmac } = require('node:crypto');
const [port, secret] = process.argv.slice(1);
require('node:http').createServer((request, response) => {
  const { 'x-instance-id': id = '', 'x-instance-id-signature': signature, 'x-forwarded-for': from } = request.headers;
  const right = createHmac('sha256', secret).update(id).digest('hex') === signature;
  response.statusCode = right ? 200 : 403;
  response.end(right ? JSON.stringify({ id, from, path: request.url }) : 'Invalid proxy request signature.');
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
`;

describe("Weft's agents on a neutron-server", { skip, timeout: 580_000 }, () => {
  let w: AgentsWorld;
  let all: Layout;
  let floating: string;

  before(async () => {
    w = await AgentsWorld.open();
    w.startAll();
    for (const { name } of w.hosts) w.job(w.host(name).sandbox.enter([process.execPath, '-e', nova, String(novaPort), metadataSecret]));
  });
  after(() => w?.[Symbol.asyncDispose]());

  const api = () => w.neutron.api;
  const reached = (): Promise<boolean> => fetched(w, floating).then(text => text === 'here');
  const deleted = async (path: string): Promise<void> => assert.equal((await api().request('DELETE', path)).status, 204);

  test('all are alive in the list of the server', async () => {
    const types = ['DHCP agent', 'L3 agent', 'Linux bridge agent', 'Metadata agent'];
    const want = w.hosts.flatMap(({ name }) => types.map(type => `${name} ${type}`));
    await w.until('eight agents', async () => (await aliveAgents(w)).length === 8);
    assert.deepEqual(await aliveAgents(w), want.sort());
    for (const kind of kinds) assert.doesNotMatch(w.log('h1', kind), / ERROR /);
  });

  test('an instance on each host has its address by DHCP, is ACTIVE, and reaches the other through the tunnel', async () => {
    all = await layOut(w);
    const { one, two } = all;
    await w.until('one reaches two', () => pings(w, one, two.address));
    assert.match(
      await w.onHost('h1', 'bridge', 'fdb', 'show'),
      new RegExp(`${two.port['mac_address']} dev vxlan-\\d+ dst 198\\.18\\.0\\.2`),
    );
    for (const vm of [one, two]) w.place(vm)(web);
    const answered = async (): Promise<boolean> =>
      (await w.inside(one, 'curl', '-s', '-m2', `http://${two.address}:${webPort}/`)).stdout === 'here';
    await w.until('one is answered by two over TCP', answered);
  });

  test('through the router: outwards, inwards by a floating IP, and not before a rule permits it', async () => {
    const { one, two, outer } = all;
    await w.until('outwards', () => pings(w, one, '172.24.4.1'));
    floating = await floatingTo(w, outer, two);
    assert.equal(await reached(), false);
    const rule = await permit(w, two, 'tcp', webPort);
    await w.until('the rule has its effect', reached);
    await deleted(`security-group-rules/${rule}`);
    await w.until('the rule is gone', async () => !(await reached()));
    assert.ok(await pings(w, one, two.address), 'who is in the group still gets through');
    await permit(w, two, 'tcp', webPort);
    await w.until('and again', reached);
  });

  test('metadata comes from Nova, signed for the instance that asks', async () => {
    for (const vm of [all.one, all.two]) {
      const asked = async (): Promise<string> => (await w.inside(vm, 'curl', '-s', '-m5', 'http://169.254.169.254/openstack')).stdout;
      await w.until('an answer', async () => (await asked()).startsWith('{'));
      const { id, from, path } = JSON.parse(await asked()) as Record<string, string>;
      assert.deepEqual([id, from, path], [vm.port['device_id'], vm.address, '/openstack']);
    }
  });

  test('a forwarded port, a conntrack helper: heard of as they are made and deleted', async () => {
    const { one, outer, router } = all;
    const fip = await api().make('floatingips', 'floatingip', { floating_network_id: outer.id });
    const inside = { internal_ip_address: one.address, internal_port_id: one.port.id, internal_port: webPort };
    const path = `floatingips/${fip.id}/port_forwardings`;
    const forwarding = await api().make(path, 'port_forwarding', { ...inside, external_port: 2222, protocol: 'tcp' });
    const forwarded = async (): Promise<boolean> => (await fetched(w, String(fip['floating_ip_address']), 2222)) === 'here';
    await w.until('it leads inside', forwarded);
    const saved = ['ip', 'netns', 'exec', `qrouter-${router.id}`, 'iptables', '-t', 'raw', '-S'];
    const helpers = async (): Promise<boolean> =>
      (await Promise.all(w.hosts.map(({ name }) => w.onHost(name, ...saved).catch(() => '')))).join('').includes('--helper tftp');
    assert.equal(await helpers(), false);
    const wanted = { protocol: 'udp', port: 69, helper: 'tftp' };
    const helper = await api().make(`routers/${router.id}/conntrack_helpers`, 'conntrack_helper', wanted);
    await w.until('the helper is there', helpers);
    await deleted(`routers/${router.id}/conntrack_helpers/${helper.id}`);
    await w.until('the helper is gone', async () => !(await helpers()));
    await deleted(`${path}/${forwarding.id}`);
    await w.until('it leads nowhere', async () => !(await forwarded()));
    assert.ok(await reached(), 'the other floating IP still does');
  });

  test('highly available and distributed routers are left alone, and harm no other', async () => {
    const made = [
      await api().make('routers', 'router', { name: 'ha', ha: true }),
      await api().make('routers', 'router', { name: 'distributed', distributed: true }),
    ];
    const subnets = ['10.20.0.0/24', '10.30.0.0/24'];
    for (const [i, { id }] of made.entries()) {
      const other = await api().make('networks', 'network', {});
      const subnet = await api().make('subnets', 'subnet', { network_id: other.id, ip_version: 4, cidr: subnets[i], enable_dhcp: false });
      assert.equal((await api().request('PUT', `routers/${id}/add_router_interface`, { subnet_id: subnet.id })).status, 200);
    }
    const told = () => w.hosts.some(({ name }) => /HA routers are not supported by this agent: left untouched/.test(w.log(name, 'l3')));
    await w.until('the agent says so', told);
    for (const { name } of w.hosts)
      for (const { id } of made) assert.doesNotMatch(await w.onHost(name, 'ip', 'netns', 'list'), new RegExp(id));
    assert.ok(await reached());
    assert.equal((await aliveAgents(w)).length, 8);
  });

  test('what is deleted leaves nothing on the hosts', async () => {
    await deleteAll(w);
    for (const vm of w.instances) await vm[Symbol.asyncDispose]();
    const left = async (host: string): Promise<string> => {
      const links = (await w.onHost(host, 'ip', '-o', 'link')).split('\n').filter(line => /(tap|brq|vxlan-)/.test(line));
      const files = await w.onHost(host, 'find', '/run/neutron', '-path', '/run/neutron/dhcp/*');
      return [...links, await w.onHost(host, 'ip', 'netns', 'list'), files].join('').trim();
    };
    for (const { name } of w.hosts) await w.until(`nothing is left on ${name}`, async () => (await left(name)) === '');
  });

  test('the server had no trouble with what these agents ask', () => {
    const log = readFileSync(w.neutron.logFile, 'utf8');
    assert.match(log, /neutron/);
    const troubles = log.match(
      /(?:Exception during message handling|Endpoint does not support RPC version|There was a problem handling).*/g,
    );
    // While a network is deleted its DHCP agents hear of each subnet that goes and look after their ports: the server then says that the next one is
    // locked, as it does to its own agents.
    assert.deepEqual(
      (troubles ?? []).filter(line => !line.includes('SubnetInUse')),
      [],
    );
  });
});
