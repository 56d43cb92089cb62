// One project's part of the demonstration: a network for both families with a router, a security group, and two instances.
import type { InstanceView } from '../control.ts';
import { Failure } from '../verb.ts';
import type { Made, Stage, Tenant } from './stage.ts';

/** The same in every project: that is the point. */
export const addresses = { web: '10.0.0.10', client: '10.0.0.11' } as const;
const ranges = { v4: '10.0.0.0/24', v6: 'fd00:10::/64' } as const;

export interface Side {
  readonly web: InstanceView;
  readonly client: InstanceView;
}

interface Scene {
  readonly stage: Stage;
  readonly tenant: Tenant;
  /** Begins every name. */
  readonly prefix: string;
}

interface Network {
  readonly network: Made;
  readonly v4: Made;
  readonly v6: Made;
}

export async function buildSide(scene: Scene, hosts: { readonly web: string; readonly client: string }): Promise<Side> {
  const network = await buildNetwork(scene);
  await buildRouter(scene, network);
  const group = await buildGroup(scene);
  const web = await buildInstance(scene, { network, group, role: 'web', host: hosts.web });
  return { web, client: await buildInstance(scene, { network, group, role: 'client', host: hosts.client }) };
}

function say({ stage, tenant }: Scene, words: string): void {
  stage.command(`openstack --os-cloud ${tenant === 'weft' ? 'weft' : 'weft-other'} ${words}`);
}

async function buildNetwork(scene: Scene): Promise<Network> {
  const { stage, tenant, prefix } = scene;
  say(scene, `network create ${prefix}-net`);
  const network = await stage.create(tenant, 'networks', { name: `${prefix}-net` });
  stage.result(`MTU ${network['mtu']}, ${network.id}`);
  const subnet = (family: 4 | 6, cidr: string, more: object): Promise<Made> =>
    stage.create(tenant, 'subnets', { name: `${prefix}-v${family}`, network_id: network.id, ip_version: family, cidr, ...more });
  say(scene, `subnet create ${prefix}-v4 --network ${prefix}-net --subnet-range ${ranges.v4}`);
  const v4 = await subnet(4, ranges.v4, {});
  const modes = '--ipv6-ra-mode slaac --ipv6-address-mode slaac';
  say(scene, `subnet create ${prefix}-v6 --network ${prefix}-net --ip-version 6 --subnet-range ${ranges.v6} ${modes}`);
  const v6 = await subnet(6, ranges.v6, { ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' });
  return { network, v4, v6 };
}

async function buildRouter(scene: Scene, { v4, v6 }: Network): Promise<void> {
  const { stage, tenant, prefix } = scene;
  say(scene, `router create ${prefix}-router --external-gateway public`);
  const gateway = { network_id: await publicNetwork(stage) };
  const router = await stage.create(tenant, 'routers', { name: `${prefix}-router`, external_gateway_info: gateway });
  for (const subnet of [v4, v6]) {
    say(scene, `router add subnet ${prefix}-router ${subnet['name']}`);
    const body = { subnet_id: subnet.id };
    await stage.put(tenant, `/routers/${router.id}/add_router_interface`, body);
    stage.later(`interface of ${prefix}-router`, () => stage.put(tenant, `/routers/${router.id}/remove_router_interface`, body));
  }
}

export async function publicNetwork(stage: Stage): Promise<string> {
  const { networks } = await stage.get<{ networks: Made[] }>('weft', '/networks?router:external=true');
  const [found] = networks;
  if (!found) throw new Failure('there is no external network');
  return found.id;
}

async function buildGroup(scene: Scene): Promise<Made> {
  const { stage, tenant, prefix } = scene;
  say(scene, `security group create ${prefix}-sg`);
  const group = await stage.create(tenant, 'security-groups', { name: `${prefix}-sg` });
  const allow = async (words: string, rule: object): Promise<void> => {
    say(scene, `security group rule create ${prefix}-sg ${words}`);
    await stage.create(tenant, 'security-group-rules', { security_group_id: group.id, direction: 'ingress', ...rule });
  };
  await allow('--protocol icmp', { ethertype: 'IPv4', protocol: 'icmp' });
  await allow('--ethertype IPv6 --protocol ipv6-icmp', { ethertype: 'IPv6', protocol: 'ipv6-icmp' });
  await allow('--protocol tcp --dst-port 80', { ethertype: 'IPv4', protocol: 'tcp', port_range_min: 80, port_range_max: 80 });
  return group;
}

async function buildInstance(
  scene: Scene,
  { network: { network, v4, v6 }, group, role, host }: { network: Network; group: Made; role: 'web' | 'client'; host: string },
): Promise<InstanceView> {
  const { stage, tenant, prefix } = scene;
  const name = `${prefix}-${role}`;
  const fixed = `--fixed-ip subnet=${prefix}-v4,ip-address=${addresses[role]} --fixed-ip subnet=${prefix}-v6`;
  say(scene, `port create ${name} --network ${prefix}-net ${fixed} --security-group ${prefix}-sg`);
  const fixed_ips = [{ subnet_id: v4.id, ip_address: addresses[role] }, { subnet_id: v6.id }];
  const port = await stage.create(tenant, 'ports', { name, network_id: network.id, fixed_ips, security_groups: [group.id] });
  stage.command(`weft instance create ${name} --port ${port.id} --host ${host}`);
  const made = await stage.instance(name, port.id, host);
  stage.result(`on ${made.host} with ${made.addresses.join(' and ')}`);
  return made;
}
