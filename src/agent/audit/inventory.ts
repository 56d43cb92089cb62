// What there is on a host, by the names that Neutron's agents and ours give: links, namespaces, daemons. Nothing is changed.
import type { Host } from '../../contracts/host/host.ts';
import type { Link } from '../../contracts/host/links.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import { isRouterDevice, routerOf } from '../desired/l3/names.ts';
import { isBridgeName, isTapName, isVxlanName, vlanName } from '../desired/linuxbridge-names.ts';
import { sha1Hex } from '../linuxbridge/sha1.ts';
import { dnsmasqFiles } from '../render/dnsmasq.ts';

export interface Inventory {
  /** Names of taps, with the bridge that each is in; `ours`: an end of a veth pair that an agent made. */
  readonly taps: readonly { readonly name: string; readonly bridge: string | undefined; readonly ours: boolean }[];
  readonly bridges: readonly BridgeThere[];
  readonly tunnels: readonly { readonly name: string; readonly vni: number; readonly bridge: string | undefined }[];
  readonly dhcp: readonly DhcpThere[];
  readonly routers: readonly RouterThere[];
  /** How many agents run there, by the type that the API knows them by; whose host they are is not to be seen. */
  readonly running: Readonly<Record<string, number>>;
}

export interface BridgeThere {
  readonly name: string;
  /** Something is in it that is no uplink. */
  readonly plugged: boolean;
  /** It has addresses, or a device, that are or may be the machine's own. */
  readonly addressed: boolean;
  /** In it, of devices that the agent makes such of. */
  readonly vlans: readonly string[];
}

export interface DhcpThere {
  readonly network: string;
  readonly hasNamespace: boolean;
  readonly serves: boolean;
  /** Those that dnsmasq would give to their ports. */
  readonly addresses: readonly string[];
}

export interface RouterThere {
  readonly router: string;
  /** Device → addresses without their prefix, link-local ones left out. */
  readonly devices: Readonly<Record<string, readonly string[]>>;
}

/** What the agents' configuration says of the host. */
export interface Settings {
  /** `dhcp_confs` */
  readonly dhcp: string;
  /** Devices of `physical_interface_mappings`. */
  readonly physical: readonly string[];
}

const dhcpPrefix = 'qdhcp-';
const isId = (text: string): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);

export async function takeInventory(host: Host, { dhcp, physical }: Settings, running: Inventory['running']): Promise<Inventory> {
  const links = await host.links.list(hostNetns);
  const namespaces = await host.links.namespaces();
  return {
    taps: links.filter(l => isTapName(l.name)).map(l => ({ name: l.name, bridge: l.master, ours: l.kind === 'veth' })),
    bridges: links.filter(l => isBridgeName(l.name)).map(l => bridgeThere(l, links, physical)),
    tunnels: links.filter(l => isVxlanName(l.name)).map(l => ({ name: l.name, vni: l.vxlan?.id ?? 0, bridge: l.master })),
    dhcp: await dhcpThere(host, dhcp, namespaces),
    routers: await routersThere(host, namespaces),
    running,
  };
}

function bridgeThere(bridge: Link, links: readonly Link[], physical: readonly string[]): BridgeThere {
  const members = links.filter(l => l.master === bridge.name);
  // Nobody but the agent knows which other kinds of devices, such as bonds, are physical for it: they count as plugged in.
  const plugged = members.some(l => !['', 'vxlan', 'vlan'].includes(l.kind));
  const vlans = members.filter(l => l.kind === 'vlan' && isVlanOf(physical, l.name));
  const foreign = members.some(l => l.kind === '' || (l.kind === 'vlan' && !vlans.includes(l)));
  return { name: bridge.name, plugged, addressed: addressesOf(bridge).length > 0 || foreign, vlans: vlans.map(l => l.name) };
}

/** By its name, as agents give it; a VLAN that is mapped itself is the machine's. */
function isVlanOf(physical: readonly string[], name: string): boolean {
  const id = Number(/\.(\d{1,4})$/.exec(name)?.[1]);
  return !physical.includes(name) && physical.some(device => vlanName(device, id, sha1Hex) === name);
}

async function dhcpThere(host: Host, folder: string, namespaces: readonly string[]): Promise<DhcpThere[]> {
  const spaces = new Set(namespaces.filter(ns => ns.startsWith(dhcpPrefix)).map(ns => ns.slice(dhcpPrefix.length)));
  const served = (await host.files.list(folder)).filter(isId);
  const all = [...new Set([...spaces, ...served])].filter(isId).sort();
  return Promise.all(
    all.map(async network => {
      const paths = dnsmasqFiles(`${folder}/${network}`);
      const serves = (await host.processes.alive(paths.pid, network)) !== undefined;
      const text = (await host.files.read(paths.host)) ?? '';
      return { network, hasNamespace: spaces.has(network), serves, addresses: serves ? addressesIn(text) : [] };
    }),
  );
}

/** Lines such as `fa:16:3e:0:0:1,host-10-0-0-3.x.,10.0.0.3,set:…`; IPv6 addresses stand in brackets. */
function addressesIn(text: string): string[] {
  return text
    .split('\n')
    .flatMap(line => [...line.matchAll(/,\[?([0-9a-f:]*:[0-9a-f:]+|\d+\.\d+\.\d+\.\d+)\]?(?=,|$)/g)].map(m => m[1] ?? ''));
}

async function routersThere(host: Host, namespaces: readonly string[]): Promise<RouterThere[]> {
  const there: RouterThere[] = [];
  for (const ns of namespaces) {
    const router = routerOf(ns);
    if (router === undefined) continue;
    const links = await host.links.list(ns).catch(() => []);
    const devices = links.filter(l => isRouterDevice(l.name)).map(l => [l.name, addressesOf(l)] as const);
    there.push({ router, devices: Object.fromEntries(devices) });
  }
  return there;
}

const addressesOf = ({ addresses }: Link): string[] => addresses.filter(a => a.scope !== 'link').map(a => a.cidr.split('/')[0] ?? '');
