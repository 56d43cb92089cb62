// Networks for tests: dual stack, with every way in which IPv6 hands out addresses.
import { type DhcpNetwork, readNetwork } from './wire.ts';

type Dict = Readonly<Record<string, unknown>>;

export const NET = '586b73ec-b003-4153-9115-f31d2a75f445';
export const SUB4 = '531ca130-a68e-4594-ac0f-8f414c07d24d';
export const SUB6 = '67066313-c75c-4977-8da8-d375542b7ee5';
export const VM1 = 'fc6d9ce1-f469-4735-9d79-dcc98c4c26c6';
export const VM2 = 'da24463e-a49b-4a07-a8c0-4b8cd3f22f46';
export const ROUTER_PORT = '0b0b9b69-e2cc-42d5-96f1-5dfc5aad6694';
export const DHCP_PORT = '3b35bfa2-c825-4b16-a56e-63ef7bc0eb2e';
export const DEVICE_ID = `dhcp8230875d-f69e-58db-84bc-7330176d788c-${NET}`;

export function subnet4(more: Dict = {}): Dict {
  return {
    id: SUB4,
    network_id: NET,
    ip_version: 4,
    cidr: '10.50.0.0/24',
    gateway_ip: '10.50.0.1',
    enable_dhcp: true,
    dns_nameservers: ['8.8.8.8'],
    host_routes: [],
    ipv6_ra_mode: null,
    ipv6_address_mode: null,
    segment_id: null,
    ...more,
  };
}

export function subnet6(mode: string | null, more: Dict = {}): Dict {
  return {
    id: SUB6,
    network_id: NET,
    ip_version: 6,
    cidr: '2001:db8:50::/64',
    gateway_ip: '2001:db8:50::1',
    enable_dhcp: true,
    dns_nameservers: [],
    host_routes: [],
    ipv6_ra_mode: mode,
    ipv6_address_mode: mode,
    segment_id: null,
    ...more,
  };
}

export function vm(id: string, mac: string, addresses: readonly string[], more: Dict = {}): Dict {
  return {
    id,
    name: '',
    network_id: NET,
    mac_address: mac,
    device_id: '0a0a0a0a-0000-0000-0000-000000000001',
    device_owner: 'compute:nova',
    fixed_ips: addresses.map(ip_address => ({ subnet_id: ip_address.includes(':') ? SUB6 : SUB4, ip_address })),
    extra_dhcp_opts: [],
    dns_assignment: addresses.map(ip_address => {
      const hostname = `host-${ip_address.replaceAll(/[.:]/g, '-')}`;
      return { ip_address, hostname, fqdn: `${hostname}.openstacklocal.` };
    }),
    revision_number: 1,
    ...more,
  };
}

export const vm1 = (more: Dict = {}): Dict => vm(VM1, 'fa:16:3e:56:49:45', ['10.50.0.227', '2001:db8:50::e3'], more);
export const vm2 = (more: Dict = {}): Dict =>
  vm(VM2, 'fa:16:3e:1c:e4:0d', ['10.50.0.92', '2001:db8:50::5c'], { device_id: '0a0a0a0a-0000-0000-0000-000000000002', ...more });

export function routerPort(): Dict {
  return vm(ROUTER_PORT, 'fa:16:3e:2c:57:35', ['10.50.0.1', '2001:db8:50::1'], { device_owner: 'network:router_interface' });
}

export function dhcpPort(addresses: readonly string[] = ['10.50.0.2', '2001:db8:50::2']): Dict {
  return vm(DHCP_PORT, 'fa:16:3e:d4:07:11', addresses, { device_owner: 'network:dhcp', device_id: DEVICE_ID });
}

export function networkDict(subnets: readonly Dict[], ports: readonly Dict[], more: Dict = {}): Dict {
  return { id: NET, project_id: 'p1', admin_state_up: true, mtu: 1450, subnets, non_local_subnets: [], ports, ...more };
}

export function network(subnets: readonly Dict[], ports: readonly Dict[], more: Dict = {}): DhcpNetwork {
  const read = readNetwork(networkDict(subnets, ports, more));
  if (!read) throw new Error('the sample is no network');
  return read.value;
}
