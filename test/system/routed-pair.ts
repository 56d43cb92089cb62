// What the tests under traffic start from: an instance on each of two hosts, each on a dual-stack network of its own, and one router
// between them and the public side, where the first has a floating IP.
import type { Instance, Made, WeftWorld } from './weft-world.ts';

export interface RoutedPair {
  readonly net1: Made;
  readonly net2: Made;
  readonly router: Made;
  readonly a: Instance;
  readonly b: Instance;
  /** Leads to `a`. */
  readonly floating: string;
}

export async function routedPair(world: WeftWorld): Promise<RoutedPair> {
  const { member } = world;
  const { networks } = await member.get<{ networks: Made[] }>('/networks?router:external=true');
  const external = networks[0]?.id;
  const router = await world.create(member, 'router', { name: 'router1', external_gateway_info: { network_id: external } });
  const network = async (n: number): Promise<Made> => {
    const made = await world.create(member, 'network', { name: `net${n}` });
    const v4 = { network_id: made.id, ip_version: 4, cidr: `10.${n}.0.0/24` };
    const v6 = { network_id: made.id, ip_version: 6, cidr: `2001:db8:${n}::/64`, ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
    for (const attributes of [v4, v6]) {
      const { id } = await world.create(member, 'subnet', attributes);
      await member.put(`/routers/${router.id}/add_router_interface`, { subnet_id: id });
    }
    return made;
  };
  const [net1, net2] = [await network(1), await network(2)];
  await openDefaultGroup(world);
  const [a, b] = await Promise.all([
    world.instance({ name: 'a', network: net1.id, host: 'h1' }),
    world.instance({ name: 'b', network: net2.id, host: 'h2' }),
  ]);
  const fip = await world.create(member, 'floatingip', { floating_network_id: external, port_id: a.port });
  const floating = String(fip['floating_ip_address']);
  await world.until('a and b reach each other', async () => (await world.pings(a, b.v4)) && (await world.pings(b, a.v6)), 30_000);
  await world.until('the floating IP answers', async () => (await world.public('ping', '-n', '-c1', '-W1', floating)).code === 0);
  return { net1, net2, router, a, b, floating };
}

/** Everybody may ping, and reach the ports of the tests. */
async function openDefaultGroup(world: WeftWorld): Promise<void> {
  const { security_groups } = await world.member.get<{ security_groups: Made[] }>('/security-groups?name=default');
  const ingress = { security_group_id: security_groups[0]?.id, direction: 'ingress', ethertype: 'IPv4' };
  await world.create(world.member, 'security-group-rule', { ...ingress, protocol: 'icmp' });
  for (const protocol of ['udp', 'tcp'])
    await world.create(world.member, 'security-group-rule', { ...ingress, protocol, port_range_min: 5000, port_range_max: 5999 });
}
