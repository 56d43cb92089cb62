// What Placement is to know of the bandwidth and the packets that a host has, from what its agent says of itself. Pure.

/** Agents that say so, by their type: whose UUIDs theirs are derived from, how their interfaces are plugged, and where they say which network is on which. */
interface Reporting {
  readonly namespace: string;
  readonly vnicTypes: readonly string[];
  readonly mappings: 'bridge_mappings' | 'device_mappings';
}

const kinds: Readonly<Record<string, Reporting>> = {
  'Open vSwitch agent': {
    namespace: '87ee7d5c-73bb-11e8-9008-c4d987b2a692',
    vnicTypes: ['normal', 'direct', 'smart-nic', 'vdpa'],
    mappings: 'bridge_mappings',
  },
  'NIC Switch agent': {
    namespace: '87f1895c-73bb-11e8-9008-c4d987b2a692',
    vnicTypes: ['direct', 'macvtap', 'direct-physical', 'accelerator-direct'],
    mappings: 'device_mappings',
  },
};

type Configurations = Readonly<Record<string, unknown>>;
type Rates = Readonly<Record<string, Readonly<Record<string, number | null>>>>;
export type Inventories = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface Provider {
  readonly uuid: string;
  readonly name: string;
  readonly parent: string;
  readonly traits: readonly string[];
  /** Undefined: it is not said. */
  readonly inventories?: Inventories;
}

/** The hypervisors that an agent's devices belong to, by device; those may be more than have a bandwidth. */
export function hypervisorsOf({ host, configurations }: Pick<ReportingAgent, 'host' | 'configurations'>): ReadonlyMap<string, string> {
  const named = Object.entries((configurations['resource_provider_hypervisors'] ?? {}) as Readonly<Record<string, string>>);
  const devices = Object.keys(ratesOf(configurations, 'resource_provider_bandwidths'));
  return new Map([...devices.map(device => [device, host] as const), ...named]);
}

export const reportsResources = (agent_type: string, configurations: Configurations): boolean =>
  Object.hasOwn(kinds, agent_type) && configurations['resource_provider_bandwidths'] !== undefined;

/** A part of the configurations that a change of which Placement has to hear. */
export function resourcesIn(configurations: Configurations): string {
  const parts = Object.entries(configurations).filter(([name]) => name.startsWith('resource_provider_') || name.endsWith('_mappings'));
  return JSON.stringify(parts.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The physical networks that a host is connected to, as its agent says. */
export function physicalNetworksIn(configurations: Configurations): string[] {
  const mappings = Object.entries(configurations).filter(
    ([name, value]) => name.endsWith('_mappings') && typeof value === 'object' && value !== null,
  );
  return [...new Set(mappings.flatMap(([, value]) => Object.keys(value as object)))].sort();
}

const ratesOf = (configurations: Configurations, name: string): Rates => (configurations[name] ?? {}) as Rates;

/** As os-traits writes names. */
const trait = (name: string): string => `CUSTOM_${name.toUpperCase().replace(/[^0-9A-Z_]+/g, '_')}`;

const bandwidth = { egress: 'NET_BW_EGR_KILOBIT_PER_SEC', ingress: 'NET_BW_IGR_KILOBIT_PER_SEC' };
const packets = {
  egress: 'NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC',
  ingress: 'NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC',
  any: 'NET_PACKET_RATE_KILOPACKET_PER_SEC',
};

/** A rate of 0, or none, is not said. */
function inventories(
  rates: Rates[string] | undefined,
  classes: Readonly<Record<string, string>>,
  defaults: unknown,
): { inventories?: Inventories } {
  const said = Object.entries(classes).flatMap(([direction, name]) => {
    const total = rates?.[direction];
    return total ? [[name, { ...(defaults as Record<string, number> | undefined), total }] as const] : [];
  });
  return said.length === 0 ? {} : { inventories: Object.fromEntries(said) };
}

export interface ReportingAgent {
  readonly agent_type: string;
  readonly host: string;
  readonly configurations: Configurations;
}

export type Uuid5 = (namespace: string, name: string) => string;

/**
 * Providers in the order in which they are to be made: of the agent below each hypervisor, of each device below its agent. Undefined where a
 * device is on no physical network. `roots` are the hypervisors' own providers, by name.
 */
export function providersOf(agent: ReportingAgent, roots: ReadonlyMap<string, string>, uuid5: Uuid5): readonly Provider[] | undefined {
  const kind = kinds[agent.agent_type];
  if (!kind) return [];
  const { configurations } = agent;
  const vnics = kind.vnicTypes.map(type => trait(`VNIC_TYPE_${type}`));
  const rates = packetRates(configurations);
  const out: Provider[] = [];
  const devices = hypervisorsOf(agent);
  for (const name of new Set(devices.values())) {
    const own = inventories(rates[name], packets, configurations['resource_provider_packet_processing_inventory_defaults']);
    out.push({
      uuid: uuid5(kind.namespace, name),
      name: `${name}:${agent.agent_type}`,
      parent: roots.get(name) ?? '',
      traits: vnics,
      ...own,
    });
  }
  for (const [device, bandwidths] of Object.entries(ratesOf(configurations, 'resource_provider_bandwidths'))) {
    const hypervisor = devices.get(device) ?? agent.host;
    const physnet = physnetOf(configurations[kind.mappings], device);
    if (physnet === undefined) return undefined;
    out.push({
      uuid: uuid5(kind.namespace, `${hypervisor}:${device}`),
      name: `${hypervisor}:${agent.agent_type}:${device}`,
      parent: uuid5(kind.namespace, hypervisor),
      traits: [trait(`PHYSNET_${physnet}`), ...vnics],
      ...inventories(bandwidths, bandwidth, configurations['resource_provider_inventory_defaults']),
    });
  }
  return out;
}

/** Whether all of these providers are the agent's, or its devices'. */
export function answersFor(agent: ReportingAgent, providers: readonly string[], uuid5: Uuid5): boolean {
  const own = new Set(providersOf(agent, new Map(), uuid5)?.map(p => p.uuid));
  return reportsResources(agent.agent_type, agent.configurations) && providers.every(uuid => own.has(uuid));
}

/** Of a binding's profile: the provider of each group of the port's request. */
export function allocationIn(profile: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const { allocation } = profile;
  const isObject = typeof allocation === 'object' && allocation !== null && !Array.isArray(allocation);
  return isObject
    ? (Object.fromEntries(Object.entries(allocation).filter(([, uuid]) => typeof uuid === 'string')) as Record<string, string>)
    : {};
}

/** In either direction together, where the agent says so. */
function packetRates(configurations: Configurations): Rates {
  const together = ratesOf(configurations, 'resource_provider_packet_processing_without_direction');
  return Object.keys(together).length > 0 ? together : ratesOf(configurations, 'resource_provider_packet_processing_with_direction');
}

/** Of `{physnet: bridge}` or `{physnet: [device, …]}`. */
function physnetOf(mappings: unknown, device: string): string | undefined {
  const all = Object.entries((mappings ?? {}) as Readonly<Record<string, string | readonly string[]>>);
  return all.findLast(([, on]) => (typeof on === 'string' ? on === device : on.includes(device)))?.[0];
}
