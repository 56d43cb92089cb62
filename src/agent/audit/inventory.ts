// What there is on a host, by the names that Neutron's agents and ours give: links, namespaces, daemons. Nothing is changed.
import type { Host } from '../../contracts/host/host.ts';
import type { Link } from '../../contracts/host/links.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import { isRouterDevice, routerOf } from '../desired/l3/names.ts';
import { isBridgeName, isTapName, isVxlanName } from '../desired/linuxbridge-names.ts';
import { dnsmasqFiles } from '../render/dnsmasq.ts';

export interface Inventory {
  /** Names of taps, with the bridge that each is in; `ours`: an end of a veth pair that an agent made. */
  readonly taps: readonly { readonly name: string; readonly bridge: string | undefined; readonly ours: boolean }[];
  /** `plugged`: something is in it that is no uplink; `addressed`: it has addresses, or a physical device, that are the machine's own. */
  readonly bridges: readonly { readonly name: string; readonly plugged: boolean; readonly addressed: boolean }[];
  readonly tunnels: readonly { readonly name: string; readonly vni: number; readonly bridge: string | undefined }[];
  readonly dhcp: readonly DhcpThere[];
  readonly routers: readonly RouterThere[];
  /** How many agents run there, by the type that the API knows them by; whose host they are is not to be seen. */
  readonly running: Readonly<Record<string, number>>;
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

export interface Folders {
  /** `dhcp_confs` */
  readonly dhcp: string;
}

const dhcpPrefix = 'qdhcp-';
const isId = (text: string): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);

export async function takeInventory(host: Host, folders: Folders, running: Inventory['running']): Promise<Inventory> {
  const links = await host.links.list(hostNetns);
  const namespaces = await host.links.namespaces();
  return {
    taps: links.filter(l => isTapName(l.name)).map(l => ({ name: l.name, bridge: l.master, ours: l.kind === 'veth' })),
    bridges: links.filter(l => isBridgeName(l.name)).map(l => bridgeThere(l, links)),
    tunnels: links.filter(l => isVxlanName(l.name)).map(l => ({ name: l.name, vni: l.vxlan?.id ?? 0, bridge: l.master })),
    dhcp: await dhcpThere(host, folders.dhcp, namespaces),
    routers: await routersThere(host, namespaces),
    running,
  };
}

function bridgeThere(bridge: Link, links: readonly Link[]): Inventory['bridges'][number] {
  const members = links.filter(l => l.master === bridge.name);
  // Nobody but the agent knows which other kinds of devices, such as bonds, are physical for it: they count as plugged in.
  const plugged = members.some(l => !['', 'vxlan', 'vlan'].includes(l.kind));
  return { name: bridge.name, plugged, addressed: addressesOf(bridge).length > 0 || members.some(l => l.kind === '') };
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
