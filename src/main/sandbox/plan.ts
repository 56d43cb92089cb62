// The network around contained hosts, as values: names, addresses, and the ip(8) batches that build it.
//
//   underlay sandbox   br-ul 198.18.0.254/24            br-public 172.24.4.1/24, 2001:db8:18:4::1/64
//                        │                                │
//   host h1            eth0 198.18.0.1/24 (VXLAN ends)  eth1, no address (physical network "public")
//   host h2            eth0 198.18.0.2/24               eth1

/** The physical network that is there out of the box. */
export const publicNetwork = {
  physicalNetwork: 'public',
  device: 'eth1',
  v4: { cidr: '172.24.4.0/24', gateway: '172.24.4.1', prefix: 24 },
  v6: { cidr: '2001:db8:18:4::/64', gateway: '2001:db8:18:4::1', prefix: 64 },
} as const;

/** 50 bytes of VXLAN and room to spare above the 1500 that tenants' networks are computed from. */
export const underlayMtu = 1600;
const publicMtu = 1500;
export const maxHosts = 64;

export interface PlannedHost {
  readonly name: string;
  /** The address of its VXLAN ends. */
  readonly localIp: string;
}

export function planHosts(count: number): PlannedHost[] {
  if (!Number.isInteger(count) || count < 1 || count > maxHosts)
    throw new RangeError(`the number of hosts is 1 to ${maxHosts}, not ${count}`);
  return Array.from({ length: count }, (_, i) => ({ name: `h${i + 1}`, localIp: `198.18.0.${i + 1}` }));
}

/** Run in the underlay's network; `pids` are the hosts' first processes, by which ip(8) finds their network namespaces. */
export function underlayBatch(pids: readonly number[]): string {
  const { v4, v6 } = publicNetwork;
  const wires = pids.flatMap((pid, i) => [
    `link add ul${i + 1} mtu ${underlayMtu} type veth peer name eth0 mtu ${underlayMtu} netns ${pid}`,
    `link add pub${i + 1} mtu ${publicMtu} type veth peer name eth1 mtu ${publicMtu} netns ${pid}`,
    `link set ul${i + 1} master br-ul up`,
    `link set pub${i + 1} master br-public up`,
  ]);
  return lines([
    'link set lo up',
    // Without a querier, snooping would forget who listens to the VXLAN group.
    `link add br-ul mtu ${underlayMtu} type bridge mcast_snooping 0`,
    `link add br-public mtu ${publicMtu} type bridge mcast_snooping 0`,
    'address add 198.18.0.254/24 dev br-ul',
    `address add ${v4.gateway}/${v4.prefix} dev br-public`,
    `address add ${v6.gateway}/${v6.prefix} dev br-public nodad`,
    'link set br-ul up',
    'link set br-public up',
    ...wires,
  ]);
}

/** A new namespace takes over whether the machine forwards. Here that would lead from the public network to the tunnels' ends. */
const noForwarding = ['net.ipv4.ip_forward=0', 'net.ipv6.conf.all.forwarding=0'];

/** The underlay is a switch, not a firewall. Keys that the kernel does not have are passed over. */
export const underlaySysctls = [...noForwarding, 'net.bridge.bridge-nf-call-iptables=0', 'net.bridge.bridge-nf-call-ip6tables=0'];

/** Where Open vSwitch has the wires, the address is its bridge's. */
export function hostBatch({ localIp }: PlannedHost, ownsAddress = true): string {
  const address = ownsAddress ? [`address add ${localIp}/24 dev eth0`] : [];
  return lines(['link set lo up', ...address, 'link set eth0 up', 'link set eth1 up']);
}

/** The host itself speaks no IPv6 on its wires: it would only answer to what is meant for the routers behind it. */
export const hostSysctls = [...noForwarding, 'net.ipv6.conf.eth0.disable_ipv6=1', 'net.ipv6.conf.eth1.disable_ipv6=1'];

const lines = (all: readonly string[]): string => `${all.join('\n')}\n`;
