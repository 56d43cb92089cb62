// Names of ports and floating IPs: what is taken, what is shown, and what DHCP agents hear.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Made } from './client.ts';
import { type Body, beat, type Harness, start, until } from './harness.ts';

describe('names in the DNS', () => {
  let h: Harness;
  let network: Made;
  const heard: Body[] = [];

  before(async () => {
    h = await start({ dnsDomain: 'cloud.example' });
    await beat(h, 'h1');
    network = await h.member.make('networks', 'network', { dns_domain: 'Tenant.Example.' });
    await h.member.make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' });
    await h.bus.serve({
      topic: 'dhcp_agent',
      server: 'h1',
      endpoints: [{ version: '1.0', methods: { port_update_end: args => void heard.push((args.payload as Body).port as Body) } }],
    });
  });
  after(() => h[Symbol.asyncDispose]());

  const port = (attributes: Body = {}): Promise<Made> => h.member.make('ports', 'port', { network_id: network.id, ...attributes });
  const refused = (what: string, attributes: Body) => h.member.refused('POST', `${what}s`, { [what]: attributes });

  test('every address of a port has one, of its own or made of the address', async () => {
    const plain = await port({ fixed_ips: [{ ip_address: '10.0.0.9' }] });
    assert.deepEqual([plain.dns_name, plain.dns_domain], ['', '']);
    const made = { ip_address: '10.0.0.9', hostname: 'host-10-0-0-9', fqdn: 'host-10-0-0-9.cloud.example.' };
    assert.deepEqual(plain.dns_assignment, [made]);
    const named = await port({ dns_name: 'WEB', dns_domain: 'own.example.' });
    assert.deepEqual([named.dns_name, named.dns_domain], ['web', 'own.example.']);
    const [first] = named.dns_assignment as Body[];
    assert.deepEqual([first?.hostname, first?.fqdn], ['web', 'web.cloud.example.']);
    const full = await port({ dns_name: 'db.cloud.example.' });
    assert.equal((full.dns_assignment as Body[])[0]?.fqdn, 'db.cloud.example.');
  });

  test('a change of it reaches the DHCP agents', async () => {
    const { id } = await port({ dns_name: 'before' });
    assert.equal((await h.member.request('PUT', `ports/${id}`, { port: { dns_name: 'after' } })).status, 200);
    const told = await until('the agent hears of it', async () => heard.find(p => p.id === id));
    assert.deepEqual([told.dns_name, (told.dns_assignment as Body[])[0]?.hostname], ['after', 'after']);
  });

  test('networks have a domain, subnets may publish', async () => {
    assert.equal(network.dns_domain, 'tenant.example.');
    const { body } = await h.member.request('PUT', `networks/${network.id}`, { network: { dns_domain: '' } });
    assert.equal((body.network as Body).dns_domain, '');
    const subnet = { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/24', dns_publish_fixed_ip: true };
    const made = await h.member.make('subnets', 'subnet', subnet);
    assert.equal(made.dns_publish_fixed_ip, true);
    const [other] = await h.member.list(`subnets?cidr=10.0.0.0/24`);
    assert.equal(other?.dns_publish_fixed_ip, false);
  });

  test('domains may have placeholders; inside the cloud they mean nothing', async () => {
    const dns_domain = '<project_id>.<project_name>.<user_id>.<user_name>.example.';
    const net = await h.member.make('networks', 'network', { dns_domain });
    assert.equal(net.dns_domain, dns_domain);
    await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/24', dns_publish_fixed_ip: true });
    const made = await h.member.make('ports', 'port', { network_id: net.id, dns_name: 'web', dns_domain });
    assert.deepEqual([made.dns_domain, (made.dns_assignment as Body[])[0]?.fqdn], [dns_domain, 'web.cloud.example.']);
    assert.ok(!('dns_named_by' in made));
    const theirs = await h.member.request('PUT', `ports/${made.id}`, { port: { dns_named_by: { user_id: 'x' } } });
    assert.equal(theirs.status, 400);
  });

  test('what is refused', async () => {
    const bad = async (dns_name: unknown): Promise<string> => (await refused('port', { network_id: network.id, dns_name }))[2];
    assert.match(await bad('a_b'), /^Invalid input for dns_name\. Reason: 'a_b' not a valid PQDN or FQDN\./);
    assert.match(await bad('web.other.example.'), /The dns_name passed is a FQDN/);
    assert.match(await bad('evil\nname'), /^Invalid input for dns_name/);
    assert.equal(await bad(5), 'Invalid input for operation: Input value 5 must be string type.');
    assert.match((await refused('network', { dns_domain: 'nodot' }))[2], /'nodot' is not a FQDN\./);
    for (const label of ['<project>', '<project_id', 'a<project_id>', '<<user_id>>', '<PROJECT>'])
      assert.match((await refused('network', { dns_domain: `${label}.example.` }))[2], /can only be alphanumeric or a hyphen/);
    assert.match(await bad('<project_id>'), /can only be alphanumeric or a hyphen/);
    const fip = { floating_network_id: network.id };
    assert.equal(
      (await refused('floatingip', { ...fip, dns_name: 'x' }))[2],
      'Bad floatingip request: dns_name cannot be specified without a dns_domain.',
    );
    assert.match((await refused('floatingip', { ...fip, dns_domain: 'x.' }))[2], /dns_domain cannot be specified without a dns_name/);
    assert.match((await refused('floatingip', { ...fip, dns_name: 'x.y.', dns_domain: 'x.' }))[2], /should be a relative domain name/);
  });

  test('a floating IP keeps its name', async () => {
    const external = await h.admin.make('networks', 'network', { 'router:external': true });
    await h.admin.make('subnets', 'subnet', { network_id: external.id, ip_version: 4, cidr: '203.0.113.0/24' });
    const made = await h.member.make('floatingips', 'floatingip', {
      floating_network_id: external.id,
      dns_name: 'www',
      dns_domain: 'example.',
    });
    assert.deepEqual([made.dns_name, made.dns_domain], ['www', 'example.']);
    const [status, , message] = await h.member.refused('PUT', `floatingips/${made.id}`, { floatingip: { dns_name: 'x' } });
    assert.deepEqual([status, message], [400, 'Cannot update read-only attribute dns_name']);
  });

  test('under the domain that nobody has chosen ports have no names', async () => {
    await using other = await start();
    const net = await other.member.make('networks', 'network', {});
    const made = await other.member.make('ports', 'port', { network_id: net.id, dns_name: 'web', dns_domain: 'x.' });
    assert.deepEqual([made.dns_name, made.dns_domain], ['', '']);
  });
});
