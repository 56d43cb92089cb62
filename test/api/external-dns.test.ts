// Names in an external DNS, by signed updates of a real name server: what is published, moved, withdrawn, refused, and caught up with.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../src/adapters/clock/system-clock.ts';
import { rfc2136Dns } from '../../src/adapters/dns-rfc2136/rfc2136-dns.ts';
import type { Made } from './client.ts';
import { knot, type NameServer, startNameServer } from './dns-server.ts';
import { again, type Body, type Harness, start, until } from './harness.ts';

const zones = [
  'pub.example.',
  'other.example.',
  '0.0.10.in-addr.arpa.',
  '113.0.203.in-addr.arpa.',
  '0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.',
];

for (const algorithm of ['hmac-sha256', 'hmac-sha512'] as const) {
  describe(`external DNS, ${algorithm}`, { skip: existsSync(knot) ? false : `needs ${knot}` }, () => {
    let dns: NameServer;
    let h: Harness;
    let network: Made;
    /** The same state, with a name server or without. */
    let restart: (driver: 'rfc2136' | '') => Promise<void>;

    before(async () => {
      dns = await startNameServer(zones, algorithm);
      const key = { keyName: 'weft', keyAlgorithm: algorithm, keySecret: dns.secret };
      const reverse = { ipv4: 24, ipv6: 64 };
      const externalDns = {
        driver: 'rfc2136',
        host: '127.0.0.1',
        port: dns.port,
        ...key,
        ttl: 60,
        zones: ['pub.example.', 'other.example.'],
        reverse,
      } as const;
      const config = { dnsDomain: 'cloud.example.', externalDns, quotas: { port: -1, network: -1 } };
      h = await start(config);
      restart = async driver => {
        h = await again(h, { ...config, externalDns: { ...externalDns, driver } });
      };
      network = await h.member.make('networks', 'network', { dns_domain: 'pub.example.' });
      const subnet = { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24', dns_publish_fixed_ip: true };
      await h.member.make('subnets', 'subnet', subnet);
      const v6 = { ip_version: 6, cidr: '2001:db8::/64', dns_publish_fixed_ip: true };
      await h.member.make('subnets', 'subnet', { network_id: network.id, ...v6 });
    });
    after(async () => {
      await h[Symbol.asyncDispose]();
      await dns[Symbol.asyncDispose]();
    });

    const port = (dns_name: string, more: Body = {}, who = h.member): Promise<Made> =>
      who.make('ports', 'port', { network_id: network.id, dns_name, ...more });
    const address = (p: Body, v6 = false): string =>
      String((p.fixed_ips as { ip_address: string }[]).find(f => f.ip_address.includes(':') === v6)?.ip_address);
    const answers = (name: string, type: 'A' | 'AAAA' | 'PTR', wanted: readonly string[]) =>
      until(`${name} ${type} is ${wanted}`, async () => (await dns.ask(name, type)).join() === [...wanted].sort().join());
    const back = (ip: string): string => `${ip.split('.').toReversed().join('.')}.in-addr.arpa`;

    test('a port is found by its name and its addresses, wherever it goes, until it is gone', async () => {
      const made = await port('web');
      await answers('web.pub.example', 'A', [address(made)]);
      await answers('web.pub.example', 'AAAA', [address(made, true)]);
      await answers(back(address(made)), 'PTR', ['web.pub.example']);
      await h.member.request('PUT', `ports/${made.id}`, { port: { dns_name: 'www' } });
      await answers('www.pub.example', 'A', [address(made)]);
      await answers('web.pub.example', 'A', []);
      await answers(back(address(made)), 'PTR', ['www.pub.example']);
      await h.member.request('PUT', `ports/${made.id}`, { port: { dns_domain: 'other.example.' } });
      await answers('www.other.example', 'A', [address(made)]);
      await answers('www.pub.example', 'A', []);
      const { body } = await h.member.request('PUT', `ports/${made.id}`, { port: { fixed_ips: [{ ip_address: '10.0.0.77' }] } });
      await answers('www.other.example', 'A', ['10.0.0.77']);
      assert.equal(address(body.port as Body), '10.0.0.77');
      await h.member.request('DELETE', `ports/${made.id}`);
      await answers('www.other.example', 'A', []);
      await answers('77.0.0.10.in-addr.arpa', 'PTR', []);
    });

    test('ports of one project share a name; one of another project does not get it', async () => {
      const [one, two] = [await port('shared'), await port('shared')];
      await answers('shared.pub.example', 'A', [address(one), address(two)]);
      const theirs = await h.other.make('networks', 'network', { dns_domain: 'pub.example.' });
      const subnet = { network_id: theirs.id, ip_version: 4, cidr: '10.0.0.0/24', dns_publish_fixed_ip: true };
      await h.other.make('subnets', 'subnet', subnet);
      await h.other.make('ports', 'port', { network_id: theirs.id, dns_name: 'shared', fixed_ips: [{ ip_address: '10.0.0.200' }] });
      const fine = await h.other.make('ports', 'port', {
        network_id: theirs.id,
        dns_name: 'fine',
        fixed_ips: [{ ip_address: '10.0.0.201' }],
      });
      await answers('fine.pub.example', 'A', [address(fine)]);
      await answers('shared.pub.example', 'A', [address(one), address(two)]);
      await h.member.request('DELETE', `ports/${one.id}`);
      await answers('shared.pub.example', 'A', [address(two)]);
    });

    test('what was there before Weft stays, and zones that are not listed are left alone', async () => {
      const made = await port('taken');
      const outside = await port('web', { dns_domain: 'nowhere.example.' });
      const after = await port('after');
      await answers('after.pub.example', 'A', [address(after)]);
      assert.deepEqual(await dns.ask('taken.pub.example', 'A'), ['192.0.2.99']);
      for (const { id } of [made, outside]) assert.equal((await h.member.request('DELETE', `ports/${id}`)).status, 204);
      const last = await port('last');
      await answers('last.pub.example', 'A', [address(last)]);
      assert.deepEqual(await dns.ask('taken.pub.example', 'A'), ['192.0.2.99']);
      assert.ok(h.logged.some(line => line.includes('YXRRSET')));
      assert.ok(!h.logged.some(line => line.includes(dns.secret)));
    });

    test('a floating IP has its own name, or that of its port', async () => {
      const external = await h.admin.make('networks', 'network', { 'router:external': true });
      await h.admin.make('subnets', 'subnet', { network_id: external.id, ip_version: 4, cidr: '203.0.113.0/24' });
      const named = { floating_network_id: external.id, dns_name: 'front', dns_domain: 'pub.example.' };
      const fip = await h.member.make('floatingips', 'floatingip', named);
      await answers('front.pub.example', 'A', [String(fip.floating_ip_address)]);
      await answers(back(String(fip.floating_ip_address)), 'PTR', ['front.pub.example']);
      const inner = await h.member.make('networks', 'network', { dns_domain: 'pub.example.' });
      const subnet = await h.member.make('subnets', 'subnet', { network_id: inner.id, ip_version: 4, cidr: '10.9.0.0/24' });
      const router = await h.member.make('routers', 'router', { external_gateway_info: { network_id: external.id } });
      await h.member.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
      const vm = await h.member.make('ports', 'port', { network_id: inner.id, dns_name: 'vm' });
      const plain = await h.member.make('floatingips', 'floatingip', { floating_network_id: external.id, port_id: vm.id });
      await answers('vm.pub.example', 'A', [String(plain.floating_ip_address)]);
      await h.member.request('PUT', `floatingips/${plain.id}`, { floatingip: { port_id: null } });
      await answers('vm.pub.example', 'A', []);
      await h.member.request('DELETE', `floatingips/${fip.id}`);
      await answers('front.pub.example', 'A', []);
    });

    test('a subnet or network that changes its mind changes what is published', async () => {
      const net = await h.member.make('networks', 'network', {});
      const subnet = await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.8.0.0/24' });
      const made = await h.member.make('ports', 'port', { network_id: net.id, dns_name: 'late' });
      await h.member.request('PUT', `networks/${net.id}`, { network: { dns_domain: 'pub.example.' } });
      await h.member.request('PUT', `subnets/${subnet.id}`, { subnet: { dns_publish_fixed_ip: true } });
      await answers('late.pub.example', 'A', [address(made)]);
      await h.member.request('PUT', `networks/${net.id}`, { network: { dns_domain: '' } });
      await answers('late.pub.example', 'A', []);
    });

    test('placeholders in a domain stand for whoever gave the name', async () => {
      const net = await h.member.make('networks', 'network', { dns_domain: '<user_name>.<project_id>.pub.example.' });
      assert.equal(net.dns_domain, '<user_name>.<project_id>.pub.example.');
      const published = { dns_publish_fixed_ip: true };
      await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/24', ...published });
      const made = await h.member.make('ports', 'port', { network_id: net.id, dns_name: 'own' });
      const fqdn = (p: Body): unknown => (p.dns_assignment as Body[])[0]?.fqdn;
      const mine = `own.member.${net.project_id}.pub.example`;
      await answers(mine, 'A', [address(made)]);
      assert.deepEqual([fqdn(made), made.dns_domain], [`${mine}.`, '']);
      assert.deepEqual((await h.member.list(`ports?id=${made.id}`)).map(fqdn), [`${mine}.`]);
      const put = async (who: typeof h.member, change: Body) =>
        (await who.request('PUT', `ports/${made.id}`, { port: change })).body.port as Body;
      assert.equal(fqdn(await put(h.admin, { name: 'x', dns_name: 'own' })), `${mine}.`, 'who changes no name stands for nothing');
      const renamed = await put(h.admin, { dns_name: 'theirs' });
      const theirs = fqdn(renamed) as string;
      assert.match(theirs, /^theirs\.admin\.a{32}\.pub\.example\.$/);
      await answers(theirs, 'A', [address(made)]);
      await answers(mine, 'A', []);
      await put(h.member, { dns_domain: 'pub.example.' });
      await answers('theirs.pub.example', 'A', [address(made)]);
      await answers(theirs, 'A', []);
    });

    test('a name whose domain asks for what is no label is published nowhere, and is one of the cloud', async () => {
      const dotted = h.as(`member@${'e'.repeat(32)}`);
      const net = await dotted.make('networks', 'network', { dns_domain: '<user_name>.pub.example.' });
      await dotted.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/24', dns_publish_fixed_ip: true });
      const lost = await dotted.make('ports', 'port', { network_id: net.id, dns_name: 'lost' });
      assert.equal((lost.dns_assignment as Body[])[0]?.fqdn, 'lost.cloud.example.');
      const found = await dotted.make('ports', 'port', { network_id: net.id, dns_name: 'found', dns_domain: '<project_id>.pub.example.' });
      await answers(`found.${'e'.repeat(32)}.pub.example`, 'A', [address(found)]);
      assert.ok(h.logged.some(line => line.includes('no label') && line.includes(String(lost.id))));
    });

    test('dns_assignment has the domain under which a name is published', async () => {
      const inside = await h.member.make('networks', 'network', { dns_domain: 'pub.example.' });
      await h.member.make('subnets', 'subnet', { network_id: inside.id, ip_version: 4, cidr: '10.0.0.0/24' });
      const named = await h.member.make('ports', 'port', { network_id: inside.id, dns_name: 'hidden' });
      assert.equal((named.dns_assignment as Body[])[0]?.fqdn, 'hidden.cloud.example.');
      assert.equal(((await port('seen')).dns_assignment as Body[])[0]?.fqdn, 'seen.pub.example.');
      const [unnamed] = (await port('')).dns_assignment as Body[];
      assert.equal(unnamed?.fqdn, `${unnamed?.hostname}.cloud.example.`);
    });

    test('a port has no name at an address under a provisional prefix', async () => {
      const net = await h.member.make('networks', 'network', { dns_domain: 'pub.example.' });
      const pd = { subnetpool_id: 'prefix_delegation', ip_version: 6, ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
      const waiting = await h.member.make('subnets', 'subnet', { network_id: net.id, ...pd, dns_publish_fixed_ip: true });
      await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/24', dns_publish_fixed_ip: true });
      const made = await h.member.make('ports', 'port', { network_id: net.id, dns_name: 'waits' });
      await answers('waits.pub.example', 'A', [address(made)]);
      assert.deepEqual(await dns.ask('waits.pub.example', 'AAAA'), []);
      await h.rpc('q-l3-plugin', 'process_prefix_update', { subnets: { [waiting.id]: '2001:db8:0:7::/64' } }, '1.6');
      const now = (await h.member.request('GET', `ports/${made.id}`)).body.port as Body;
      await answers('waits.pub.example', 'AAAA', [address(now, true)]);
    });

    test('a floating IP has placeholders of its own, and those of its port', async () => {
      const external = await h.admin.make('networks', 'network', { 'router:external': true });
      await h.admin.make('subnets', 'subnet', { network_id: external.id, ip_version: 4, cidr: '203.0.113.0/24' });
      const named = { floating_network_id: external.id, dns_name: 'www', dns_domain: '<user_id>.pub.example.' };
      const fip = await h.member.make('floatingips', 'floatingip', named);
      assert.equal(fip.dns_domain, '<user_id>.pub.example.');
      await answers('www.member.pub.example', 'A', [String(fip.floating_ip_address)]);
      const inner = await h.member.make('networks', 'network', { dns_domain: '<user_id>.pub.example.' });
      const subnet = await h.member.make('subnets', 'subnet', { network_id: inner.id, ip_version: 4, cidr: '10.9.0.0/24' });
      const router = await h.member.make('routers', 'router', { external_gateway_info: { network_id: external.id } });
      await h.member.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
      const vm = await h.member.make('ports', 'port', { network_id: inner.id, dns_name: 'vm' });
      const plain = await h.admin.make('floatingips', 'floatingip', {
        floating_network_id: external.id,
        port_id: vm.id,
        project_id: vm.project_id,
      });
      await answers('vm.member.pub.example', 'A', [String(plain.floating_ip_address)]);
    });

    test('while the server is away nothing is lost and nobody waits', async () => {
      const before = await port('before-outage');
      await answers('before-outage.pub.example', 'A', [address(before)]);
      await dns.stop();
      const during = await port('during-outage');
      assert.equal((await h.member.request('DELETE', `ports/${before.id}`)).status, 204);
      await new Promise(resolve => setTimeout(resolve, 300));
      await dns.start();
      await answers('during-outage.pub.example', 'A', [address(during)]);
      await answers('before-outage.pub.example', 'A', []);
    });

    const rowsOf = (object_id: string) => h.server.store.select({ table: 'external_dns_names', where: { eq: ['object_id', object_id] } });

    test('a server without a name server keeps nothing for one; when there is one again, it is told all that it missed', async () => {
      const [gone, stays] = [await port('gone'), await port('stays')];
      for (const [name, made] of [
        ['gone', gone],
        ['stays', stays],
      ] as const)
        await answers(`${name}.pub.example`, 'A', [address(made)]);
      await restart('');
      await h.member.request('DELETE', `ports/${gone.id}`);
      const meanwhile = await port('meanwhile');
      const kept = async (): Promise<number> => {
        const { length } = await h.server.store.outbox('whoever comes now', 100);
        // Else what it was shown is kept for it.
        await h.server.store.forget('whoever comes now');
        return length;
      };
      await until('nothing is kept', async () => (await kept()) === 0);
      await restart('rfc2136');
      await answers('meanwhile.pub.example', 'A', [address(meanwhile)]);
      await answers('gone.pub.example', 'A', []);
      await answers('stays.pub.example', 'A', [address(stays)]);
    });

    test('a name that was there before Weft stays, too, where the first try met no server', async () => {
      // What is still to be told would be tried first, and again and again.
      await until('all is told', async () => (await h.server.store.outbox('external-dns', 1)).length === 0);
      await dns.stop();
      const made = await port('taken');
      await until('it was tried', async () => (await rowsOf(made.id)).length > 0);
      const own = await port('own');
      await dns.start();
      await answers('own.pub.example', 'A', [address(own)]);
      assert.deepEqual(await dns.ask('taken.pub.example', 'A'), ['192.0.2.99']);
      assert.deepEqual(await rowsOf(made.id), []);
      assert.equal((await h.member.request('DELETE', `ports/${made.id}`)).status, 204);
    });

    test('what got through although its answer was lost is known as ours at the next try', async () => {
      const made = await port('lost');
      await answers('lost.pub.example', 'A', [address(made)]);
      await until('both are acknowledged', async () => (await rowsOf(made.id)).filter(row => row.done === true).length === 2);
      const ops = [{ op: 'update', table: 'external_dns_names', where: { eq: ['object_id', made.id] }, set: { done: false } }] as const;
      await h.server.store.commit({ guards: [], ops, outbox: [] });
      // One of two is found alone only where the other is gone, which a crash between them leaves.
      const gone = [{ op: 'delete', table: 'external_dns_names', where: { eq: ['address', address(made, true)] } }] as const;
      await h.server.store.commit({ guards: [], ops: gone, outbox: [] });
      const key = { name: 'weft', algorithm, secret: Buffer.from(dns.secret, 'base64') };
      const record = { name: 'lost.pub.example.', type: 'AAAA', data: address(made, true) } as const;
      const direct = rfc2136Dns({ host: '127.0.0.1', port: dns.port, key, ttl: 60 }, systemClock);
      await direct.change({ zone: 'pub.example.', remove: [record] });
      await h.member.request('PUT', `ports/${made.id}`, { port: { description: 'looked at again' } });
      await until('both are acknowledged again', async () => (await rowsOf(made.id)).filter(row => row.done === true).length === 2);
      await answers('lost.pub.example', 'A', [address(made)]);
      await answers('lost.pub.example', 'AAAA', [address(made, true)]);
    });
  });
}
