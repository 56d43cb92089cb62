// Options by which the Open vSwitch agent says what its host can guarantee; the server hands that on to Placement.
import type { Inventory, ResourceReport } from '../../../agent/context.ts';
import { ConfigError } from '../ini.ts';
import { option, section, type Type } from '../option.ts';
import { list, mapped, string } from '../values.ts';
import type { AgentSettings } from './settings.ts';

type Rates = Readonly<Record<string, Readonly<Record<string, number | null>>>>;

/** As the files have it: an empty hypervisor is this host. */
export interface ResourceSettings {
  readonly bandwidths: Rates;
  readonly packets: Rates;
  readonly packetsByDirection: Rates;
  readonly hypervisors: Readonly<Record<string, string>>;
  readonly defaultHypervisor: string;
  readonly inventory: Inventory;
  readonly packetInventory: Inventory;
}

const inventory: Inventory = { allocation_ratio: 1, min_unit: 1, step_size: 1, reserved: 0 };

export const noResources: ResourceSettings = {
  bandwidths: {},
  packets: {},
  packetsByDirection: {},
  hypervisors: {},
  defaultHypervisor: '',
  inventory,
  packetInventory: inventory,
};

function rate(text: string): number | null {
  if (text === '') return null;
  if (!/^\d{1,12}$/.test(text)) throw new ConfigError(`a number that is not negative is wanted, and ${JSON.stringify(text)} is none`);
  return Number(text);
}

/** `NAME:RATE…`; without any rate the name alone will do. */
const rates = (...kinds: readonly string[]): Type<Rates> =>
  mapped(list, `list of name:${kinds.join(':')}`, items => {
    const found: Record<string, Record<string, number | null>> = {};
    for (const item of items) {
      const [name = '', ...values] = item.includes(':') ? item.split(':') : [item, ...kinds.map(() => '')];
      if (values.length !== kinds.length) throw new ConfigError(`a name and ${kinds.length} numbers, with colons, are wanted: ${item}`);
      if (Object.hasOwn(found, name)) throw new ConfigError(`there are two values for ${JSON.stringify(name)}`);
      found[name] = Object.fromEntries(kinds.map((kind, i) => [kind, rate(values[i] ?? '')]));
    }
    return found;
  });

function pairsOf(items: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const item of items.filter(i => i !== '')) {
    const [name = '', value = '', ...more] = item.split(':').map(word => word.trim());
    if (name === '' || value === '' || more.length > 0)
      throw new ConfigError(`a name and a value with a colon between are wanted: ${item}`);
    if (Object.hasOwn(found, name)) throw new ConfigError(`there are two values for ${name}`);
    found[name] = value;
  }
  return found;
}

const pairs: Type<Readonly<Record<string, string>>> = mapped(list, 'list of name:value', pairsOf);

const wholes = ['min_unit', 'max_unit', 'reserved', 'step_size'];

const inventoryType: Type<Inventory> = mapped(list, 'list of name:value', items =>
  Object.fromEntries(
    Object.entries(pairsOf(items)).map(([name, text]) => {
      const fits = name === 'allocation_ratio' ? /^\d+(?:\.\d*)?$/ : wholes.includes(name) ? /^\d+$/ : undefined;
      if (!fits) throw new ConfigError(`${name} is none of allocation_ratio, ${wholes.join(', ')}`);
      if (!fits.test(text)) throw new ConfigError(`${name}: a number that is not negative is wanted, and ${JSON.stringify(text)} is none`);
      return [name, Number(text)];
    }),
  ),
);

const part =
  <P extends keyof ResourceSettings>(name: P) =>
  (settings: AgentSettings, value: ResourceSettings[P]): AgentSettings => {
    const { openvswitch } = settings;
    return { ...settings, openvswitch: { ...openvswitch, resources: { ...openvswitch.resources, [name]: value } } };
  };

const DEFAULTS = 'allocation_ratio:1.0,min_unit:1,step_size:1,reserved:0';

export const resourceOptions = section<AgentSettings>('ovs', [
  option(
    'resource_provider_bandwidths',
    rates('egress', 'ingress'),
    'kbit/s that bridges of `bridge_mappings` can guarantee, `BRIDGE:EGRESS:INGRESS`, as instances see it',
    part('bandwidths'),
    { default: '' },
  ),
  option('resource_provider_hypervisors', pairs, 'hypervisors of bridges, where they are others', part('hypervisors'), { default: '' }),
  option(
    'resource_provider_packet_processing_without_direction',
    rates('any'),
    'thousands of packets a second that can be guaranteed, `HYPERVISOR:RATE`; without a name this host',
    part('packets'),
    { default: '' },
  ),
  option(
    'resource_provider_packet_processing_with_direction',
    rates('egress', 'ingress'),
    'the same by direction, in place of it: `HYPERVISOR:EGRESS:INGRESS`',
    part('packetsByDirection'),
    { default: '' },
  ),
  option(
    'resource_provider_default_hypervisor',
    string,
    'the hypervisor of all other bridges (default: the name of this machine)',
    part('defaultHypervisor'),
  ),
  option('resource_provider_inventory_defaults', inventoryType, 'of the inventories of bandwidths', part('inventory'), {
    default: DEFAULTS,
  }),
  option('resource_provider_packet_processing_inventory_defaults', inventoryType, 'of those of packet rates', part('packetInventory'), {
    default: DEFAULTS,
  }),
]);

/** `host`: what this machine is called as a host of agents. */
export function refuseResources(given: ResourceSettings, bridges: readonly string[], host: string): void {
  const { bandwidths, packets, packetsByDirection } = given;
  const stray = Object.keys(bandwidths).find(name => !bridges.includes(name));
  if (stray !== undefined) throw new ConfigError(`[ovs] resource_provider_bandwidths: ${stray} is no bridge of bridge_mappings`);
  if (Object.keys(packets).length > 0 && Object.keys(packetsByDirection).length > 0)
    throw new ConfigError('[ovs] resource_provider_packet_processing_: either with_direction or without_direction, and not both');
  if ([packets, packetsByDirection].some(found => found[''] !== undefined && found[host] !== undefined))
    throw new ConfigError(`[ovs] resource_provider_packet_processing_: there are two values for this host, ${host}`);
}

/** `machine`: the name of this machine; `host`: what its agents call it. */
export function resourceReport(
  settings: ResourceSettings,
  bridges: readonly string[],
  names: { machine: string; host: string },
): ResourceReport {
  const { bandwidths, packets, packetsByDirection, hypervisors, defaultHypervisor, inventory, packetInventory } = settings;
  const otherwise = defaultHypervisor || names.machine;
  return {
    resource_provider_bandwidths: bandwidths,
    resource_provider_inventory_defaults: inventory,
    resource_provider_packet_processing_without_direction: ofThisHost(packets, names.host),
    resource_provider_packet_processing_with_direction: ofThisHost(packetsByDirection, names.host),
    resource_provider_packet_processing_inventory_defaults: packetInventory,
    resource_provider_hypervisors: Object.fromEntries(bridges.map(bridge => [bridge, hypervisors[bridge] ?? otherwise])),
  };
}

function ofThisHost(found: Rates, host: string): Rates {
  const { '': nameless, ...named } = found;
  if (!nameless) return found;
  return { ...named, [host]: nameless };
}
