// Every way in which a network gives IPv6 addresses, on both hosts: the DHCP agent is on one of them only, so half of it crosses the
// tunnel. And what comes with the address: routes, resolver, names.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { noSandbox } from './need.ts';
import { type Instance, WeftWorld } from './weft-world.ts';

const modes = ['slaac', 'dhcpv6-stateless', 'dhcpv6-stateful'] as const;

describe('IPv6 address modes between hosts', { skip: noSandbox() }, () => {
  let world: WeftWorld;

  before(async () => {
    world = await WeftWorld.open({ hosts: 2 });
    const { security_groups } = await world.member.get<{ security_groups: { id: string }[] }>('/security-groups?name=default');
    const security_group_id = security_groups[0]?.id;
    for (const [ethertype, protocol] of [
      ['IPv4', 'icmp'],
      ['IPv6', 'ipv6-icmp'],
    ]) {
      await world.create(world.member, 'security-group-rule', { security_group_id, direction: 'ingress', ethertype, protocol });
    }
  });
  after(() => world[Symbol.asyncDispose]());

  for (const [i, mode] of modes.entries()) {
    test(`${mode}: an address, a default route and the resolver on every host`, async () => {
      const network = await world.create(world.member, 'network', { name: mode });
      const router = await world.create(world.member, 'router', { name: mode });
      const prefix = `fd00:${i + 1}`;
      const four = await world.create(world.member, 'subnet', { network_id: network.id, ip_version: 4, cidr: `10.${i + 1}.0.0/24` });
      const six = await world.create(world.member, 'subnet', {
        network_id: network.id,
        ip_version: 6,
        cidr: `${prefix}::/64`,
        ipv6_ra_mode: mode,
        ipv6_address_mode: mode,
        dns_nameservers: [`${prefix}::53`],
      });
      for (const { id } of [four, six]) await world.member.put(`/routers/${router.id}/add_router_interface`, { subnet_id: id });
      const vms = await Promise.all(['h1', 'h2'].map(host => world.instance({ name: `v${i}${host}`, network: network.id, host })));
      const [a, b] = vms as [Instance, Instance];
      for (const vm of vms) {
        assert.ok(vm.v6.startsWith(prefix), vm.v6);
        await world.until(`${vm.name} has a default route`, async () =>
          /default via fe80:/.test(await world.inside(vm, 'ip', '-6', 'route')),
        );
        if (mode !== 'slaac') {
          await world.until(`${vm.name} knows the resolver`, async () =>
            (await world.inside(vm, 'cat', '/etc/resolv.conf')).includes(`${prefix}::53`),
          );
        }
      }
      assert.ok(await world.pings(a, b.v6), 'across hosts');
      assert.ok(await world.pings(a, b.v4), 'IPv4 beside it');
      for (const vm of vms) await world.deleteInstance(vm);
    });
  }
});
