// What an instance asks of the Networking API: its port, and how the port's network gives addresses.
import { type ApiClient, ApiError } from '../../client/api.ts';
import { collection } from '../../client/collection.ts';
import type { Create, Shown, Update } from '../../client/types.ts';
import { port } from '../../model/port.ts';
import { subnet } from '../../model/subnet.ts';
import { ControlError } from '../control-server.ts';
import type { Addressing } from './vm.ts';

export type Port = Shown<typeof port>;
export type Subnet = Pick<Shown<typeof subnet>, 'id' | 'cidr' | 'ip_version' | 'enable_dhcp' | 'gateway_ip' | 'ipv6_address_mode'>;

type Kind = 'network' | 'port' | 'security_group';
interface Named {
  readonly id: string;
  readonly project_id: string;
}

/** One object by id or by name; a ControlError when there is none, or more than one of that name. */
export async function findOne<T extends Named>(api: ApiClient, kind: Kind, word: string, project?: string): Promise<T> {
  const collection = kind === 'security_group' ? 'security-groups' : `${kind}s`;
  const key = kind === 'security_group' ? 'security_groups' : `${kind}s`;
  const owner = project === undefined ? '' : `&project_id=${encodeURIComponent(project)}`;
  for (const field of ['id', 'name']) {
    const found = (await api.get<Record<string, T[]>>(`/${collection}?${field}=${encodeURIComponent(word)}${owner}`))[key] ?? [];
    if (found.length > 1) throw new ControlError(409, `more than one ${kind} is called ${word}; give its id`);
    if (found[0]) return found[0];
  }
  throw new ControlError(404, `no ${kind} ${word}`);
}

export async function getPort(api: ApiClient, id: string): Promise<Port | undefined> {
  try {
    return await collection(api, port).show(id);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

export function createPort(api: ApiClient, attributes: Create<typeof port>): Promise<Port> {
  return collection(api, port).create(attributes);
}

export function updatePort(api: ApiClient, id: string, attributes: Update<typeof port>): Promise<Port> {
  return collection(api, port).update(id, attributes);
}

export function subnetsOf(api: ApiClient, { network_id }: Pick<Port, 'network_id'>): Promise<Subnet[]> {
  return collection(api, subnet).list({ filters: { network_id } });
}

/** What the subnets of the port's own addresses say. */
export function addressingOf(port: Pick<Port, 'fixed_ips'>, subnets: readonly Subnet[]): Addressing {
  const mine = port.fixed_ips.flatMap(ip => {
    const subnet = subnets.find(s => s.id === ip.subnet_id);
    return subnet ? [{ address: ip.ip_address, subnet }] : [];
  });
  const modes = mine.filter(({ subnet }) => subnet.enable_dhcp).map(({ subnet }) => subnet.ipv6_address_mode);
  return {
    dhcp4: mine.some(({ subnet }) => subnet.ip_version === 4 && subnet.enable_dhcp),
    dhcp6: modes.includes('dhcpv6-stateful') ? 'address' : modes.includes('dhcpv6-stateless') ? 'other' : 'no',
    fixed: mine
      .filter(({ subnet }) => !subnet.enable_dhcp && subnet.ipv6_address_mode === null)
      .map(({ address, subnet }) => ({ cidr: `${address}/${subnet.cidr?.split('/')[1]}`, gateway: subnet.gateway_ip })),
  };
}

/** The addresses that an instance will have by itself once all is well. */
export function expectedAddresses(port: Pick<Port, 'fixed_ips'>, subnets: readonly Subnet[]): string[] {
  const known = new Set(subnets.map(subnet => subnet.id));
  return port.fixed_ips.filter(ip => known.has(ip.subnet_id)).map(ip => ip.ip_address);
}
