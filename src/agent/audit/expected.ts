// What a host ought to have, as the API says it: what its agents serve, and the ports that are bound to it.

export type Get = (path: string) => Promise<Readonly<Record<string, unknown>>>;

export interface ExpectedPort {
  readonly id: string;
  readonly network_id: string;
  readonly device_id: string;
  readonly device_owner: string;
  readonly status: string;
  readonly admin_state_up: boolean;
  readonly vif_type: string;
  readonly addresses: readonly string[];
}

export interface Expected {
  readonly host: string;
  /** Kinds of agents that the API knows on the host, and whether they live. */
  readonly agents: Readonly<Record<string, boolean>>;
  /** Bound to the host. */
  readonly ports: readonly ExpectedPort[];
  /** Segmentation ids of the networks of those ports that are VXLAN. */
  readonly vnis: readonly number[];
  /** Networks that the DHCP agent serves, with the ports that are to get an address. */
  readonly dhcp: readonly ExpectedDhcp[];
  readonly routers: readonly ExpectedRouter[];
  /** Highly available and distributed ones, of any host: what they have where is not told by their ports, so it is left alone. */
  readonly spread: SpreadRouters;
  /** Of agents of other hosts, where one of them may run on this machine: what they have here is left alone, too. */
  readonly others: readonly ExpectedPort[];
}

export interface SpreadRouters {
  readonly ids: readonly string[];
  /** Of those that the L3 agent serves: bound to one host, and wired on others, too. */
  readonly ports: readonly ExpectedPort[];
}

export interface ExpectedDhcp {
  readonly network: string;
  /** Of IPv4, for ports to ask for. */
  readonly addresses: readonly string[];
  /** That may be known or not. */
  readonly besides: readonly string[];
}

export interface ExpectedRouter {
  readonly id: string;
  readonly ports: readonly ExpectedPort[];
  readonly floating: readonly string[];
}

type Row = Readonly<Record<string, unknown>>;

/** `running`: how many agents of each type run on the machine. Undefined: the API knows no agent on that host. */
export async function expectedOn(host: string, get: Get, running: Readonly<Record<string, number>>): Promise<Expected | undefined> {
  const agents = await list(get, `/agents?host=${encodeURIComponent(host)}`, 'agents');
  if (agents.length === 0) return undefined;
  const ports = (await list(get, `/ports?binding:host_id=${encodeURIComponent(host)}`, 'ports')).map(portOf);
  const dhcpAgent = agents.find(a => a['agent_type'] === 'DHCP agent');
  const l3Agent = agents.find(a => a['agent_type'] === 'L3 agent');
  const routers = l3Agent ? await list(get, `/agents/${l3Agent['id']}/l3-routers`, 'routers') : [];
  const spread = l3Agent ? await spreadOf(get, routers) : { ids: [], ports: [] };
  const known = Object.fromEntries(agents.map(a => [String(a['agent_type']), a['alive'] === true]));
  const guests = Object.entries(running).some(([type, count]) => count > (known[type] === undefined ? 0 : 1));
  const others = guests ? await othersOf(get, host) : [];
  return {
    host,
    agents: known,
    ports,
    vnis: await vnisOf(get, [...new Set([...ports, ...spread.ports, ...others].map(p => p.network_id))]),
    dhcp: dhcpAgent ? await servedBy(get, String(dhcpAgent['id'])) : [],
    routers: await routersOf(get, routers),
    spread,
    others,
  };
}

/** Ports of DHCP and L3 agents that are bound elsewhere: any of them may be of the one that runs here by another host's name. */
async function othersOf(get: Get, host: string): Promise<ExpectedPort[]> {
  const owners = ['network:dhcp', 'network:router_interface', 'network:router_gateway'].map(owner => `device_owner=${owner}`);
  const ports = await list(get, `/ports?${owners.join('&')}`, 'ports');
  return ports.filter(port => port['binding:host_id'] !== host).map(portOf);
}

/** Ids of ports of instances that are on their way to the host: plugged there before they are bound there. */
export async function comingTo(host: string, get: Get): Promise<string[]> {
  const ports = await list(get, '/ports?fields=id&fields=binding:profile', 'ports');
  return ports.filter(p => (p['binding:profile'] as Row | null | undefined)?.['migrating_to'] === host).map(p => String(p['id']));
}

/** A server may answer by pages without being asked to; what stands on the next one is wanted, too. */
async function list(get: Get, path: string, name: string): Promise<Row[]> {
  const all: Row[] = [];
  for (let marker: unknown; ; ) {
    const page: Readonly<Record<string, unknown>> = await get(
      marker === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}marker=${marker}`,
    );
    const rows = Array.isArray(page[name]) ? (page[name] as Row[]) : [];
    all.push(...rows);
    const links = page[`${name}_links`];
    if (rows.length === 0 || !Array.isArray(links) || !links.some(link => (link as Row)['rel'] === 'next')) return all;
    marker = rows.at(-1)?.['id'];
  }
}

function portOf(row: Row): ExpectedPort {
  const text = (name: string): string => String(row[name] ?? '');
  const fixed = (Array.isArray(row['fixed_ips']) ? row['fixed_ips'] : []) as { ip_address?: string }[];
  return {
    ...{ id: text('id'), network_id: text('network_id'), device_id: text('device_id'), device_owner: text('device_owner') },
    ...{ status: text('status'), admin_state_up: row['admin_state_up'] === true, vif_type: text('binding:vif_type') },
    addresses: fixed.flatMap(f => f.ip_address ?? []),
  };
}

/** Ids go into a URL some at a time. */
const atOnce = 100;

async function vnisOf(get: Get, networks: readonly string[]): Promise<number[]> {
  const vnis: number[] = [];
  for (let from = 0; from < networks.length; from += atOnce) {
    const ids = networks.slice(from, from + atOnce).map(id => `id=${id}`);
    for (const network of await list(get, `/networks?${ids.join('&')}`, 'networks')) {
      const segments = (Array.isArray(network['segments']) ? network['segments'] : [network]) as Row[];
      for (const s of segments) if (s['provider:network_type'] === 'vxlan') vnis.push(Number(s['provider:segmentation_id']));
    }
  }
  return vnis;
}

const isDhcps = (port: Row): boolean => port['device_owner'] === 'network:dhcp';

async function servedBy(get: Get, agent: string): Promise<ExpectedDhcp[]> {
  const served: ExpectedDhcp[] = [];
  for (const { id, admin_state_up } of await list(get, `/agents/${agent}/dhcp-networks`, 'networks')) {
    const subnets = await list(get, `/subnets?network_id=${id}&enable_dhcp=true`, 'subnets');
    if (admin_state_up !== true || subnets.length === 0) continue;
    const known = new Set(subnets.filter(s => s['ip_version'] === 4).map(s => s['id']));
    const ports = await list(get, `/ports?network_id=${id}`, 'ports');
    const addresses = (p: Row) => (Array.isArray(p['fixed_ips']) ? p['fixed_ips'] : []) as { subnet_id: string; ip_address: string }[];
    const served4 = (of: readonly Row[]) =>
      of
        .flatMap(addresses)
        .filter(f => known.has(f.subnet_id))
        .map(f => f.ip_address);
    // Those of DHCP agents are told to nobody, and may be known all the same.
    const [own, others] = [ports.filter(isDhcps), ports.filter(p => !isDhcps(p))];
    served.push({ network: String(id), addresses: served4(others), besides: served4(own) });
  }
  return served;
}

const isSpread = (router: Row): boolean => router['ha'] === true || router['distributed'] === true;

async function spreadOf(get: Get, served: readonly Row[]): Promise<SpreadRouters> {
  const all = await list(get, '/routers?fields=id&fields=ha&fields=distributed', 'routers');
  const ports = await Promise.all(served.filter(isSpread).map(({ id }) => list(get, `/ports?device_id=${id}`, 'ports')));
  return { ids: [...all, ...served].filter(isSpread).map(r => String(r['id'])), ports: ports.flat().map(portOf) };
}

async function routersOf(get: Get, routers: readonly Row[]): Promise<ExpectedRouter[]> {
  const plain = routers.filter(r => !isSpread(r) && r['admin_state_up'] === true);
  return Promise.all(
    plain.map(async ({ id }) => {
      const ports = (await list(get, `/ports?device_id=${id}`, 'ports')).map(portOf);
      const floating = await list(get, `/floatingips?router_id=${id}`, 'floatingips');
      const active = floating.filter(f => f['status'] === 'ACTIVE' && f['port_id'] !== null);
      return { id: String(id), ports, floating: active.map(f => String(f['floating_ip_address'])) };
    }),
  );
}
