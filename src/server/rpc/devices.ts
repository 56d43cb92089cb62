// What L2 agents ask about devices, and report of them.
import { type Endpoint, type Json, RpcFailure } from '../../contracts/bus.ts';
import type { Predicate, Row } from '../../contracts/store.ts';
import { parseIp } from '../../domain/net/ip.ts';
import { byIds, grouped } from '../commands/load.ts';
import { profileOf } from '../commands/port-profile.ts';
import { deviceOf, type PortParts, partsOf } from '../commands/port-rows.ts';
import type { Services } from '../context.ts';
import { type Message, tunnelUpdate } from '../relay/messages.ts';
import { commitDecision } from '../retry.ts';
import { type Args, text, texts } from './arguments.ts';
import { bindAgain } from './bind-again.ts';
import { type Dict, networkDicts } from './dicts.ts';
import { complete, markPorts } from './status.ts';

/** A device is a port's id, or `tap` and the first 11 characters of it, or a MAC address. */
async function portsOf(services: Services, devices: readonly string[]): Promise<Map<string, Row>> {
  const conditions = devices.map(condition);
  if (conditions.length === 0) return new Map();
  const rows = await services.store.select({ table: 'ports', where: { or: conditions } });
  const out = new Map<string, Row>();
  for (const device of devices) {
    const found = rows.filter(r => matches(device, r));
    if (found.length === 1) out.set(device, found[0] as Row);
  }
  return out;
}

const isMac = (device: string): boolean => device.length === 17 && device[2] === ':';
const prefix = (device: string): string => (device.startsWith('tap') ? device.slice(3) : device);

function condition(device: string): Predicate {
  if (isMac(device)) return { eq: ['mac_address', device.toLowerCase()] };
  const id = prefix(device);
  return id.length >= 36 ? { eq: ['id', id] } : { startsWith: ['id', id.length >= 8 ? id : `?${id}`] };
}

function matches(device: string, row: Row): boolean {
  return isMac(device) ? row.mac_address === device.toLowerCase() : String(row.id).startsWith(prefix(device));
}

async function details(services: Services, devices: readonly string[], host: string): Promise<Dict[]> {
  const ports = await portsOf(services, devices);
  const rows = [...ports.values()];
  const ids = rows.map(r => String(r.id));
  const found = await partsOf(services, ids);
  const parts = (await bindAgain(services, rows, found, host)) ? await partsOf(services, ids) : found;
  const networks = await byIds(
    services,
    'networks',
    rows.map(r => r.network_id),
  );
  const levels = await grouped(
    services,
    'port_binding_levels',
    'port_id',
    rows.map(r => r.id),
    { order: [['level', 'desc']] },
  );
  const segments = await byIds(
    services,
    'segments',
    [...levels.values()].flat().map(l => l.segment_id),
  );
  const wiring = new Map<string, string>();
  const answers = devices.map(device => {
    const row = ports.get(device);
    if (!row) return { device };
    const binding = parts.bindings.get(String(row.id));
    const level = levels.get(String(row.id))?.find(l => l.host === binding?.host);
    const segment = segments.get(String(level?.segment_id));
    const here = binding?.host === host;
    if (!here && String(row.device_owner).startsWith('compute:')) return { device, no_active_binding: true };
    if (!segment) return { device };
    // Only where the port is bound does asking mean that it is being wired.
    if (here) wiring.set(String(row.id), row.admin_state_up === true ? 'BUILD' : 'DOWN');
    return deviceDetails(device, row, parts, networks.get(String(row.network_id)), segment);
  });
  await markPorts(services, host, wiring);
  return answers;
}

function deviceDetails(device: string, row: Row, parts: PortParts, network: Row | undefined, segment: Row): Dict {
  return {
    device,
    network_id: row.network_id,
    port_id: row.id,
    mac_address: row.mac_address,
    admin_state_up: row.admin_state_up === true && network?.admin_state_up === true,
    network_type: segment.network_type,
    segmentation_id: segment.segmentation_id,
    physical_network: segment.physical_network,
    mtu: network?.mtu ?? null,
    fixed_ips: parts.fixedIps.get(String(row.id)) ?? [],
    device_owner: row.device_owner,
    allowed_address_pairs: row.allowed_address_pairs,
    port_security_enabled: row.port_security_enabled,
    qos_policy_id: row.qos_policy_id,
    qos_network_policy_id: network?.qos_policy_id ?? null,
    profile: profileOf(row, parts.bindings.get(String(row.id))),
    propagate_uplink_status: row.propagate_uplink_status,
  };
}

/** Ports of these devices that are bound to the host; the others by device. */
async function bound(services: Services, devices: readonly string[], host: string): Promise<Map<string, Row>> {
  const ports = await portsOf(services, devices);
  const parts = await partsOf(
    services,
    [...ports.values()].map(r => String(r.id)),
  );
  return new Map([...ports].filter(([, row]) => parts.bindings.get(String(row.id))?.host === host));
}

/** Instances' ports that are bound to another host, or to none. */
async function elsewhere(services: Services, devices: readonly string[], here: ReadonlyMap<string, Row>): Promise<Row[]> {
  const others = devices.filter(device => !here.has(device));
  return [...(await portsOf(services, others)).values()].filter(row => String(row.device_owner).startsWith('compute:'));
}

/** An instance is on its way to this host, and its port is plugged there before it is bound there: Nova waits to hear so. */
async function tellElsewhere(services: Services, ports: readonly Row[], host: string): Promise<void> {
  if (ports.length === 0) return;
  await commitDecision(services, {
    decide: async draft => {
      for (const row of ports)
        draft.announce({ kind: 'port_plugged', id: String(row.id), event: 'updated', revision: 0, facts: { host, after: deviceOf(row) } });
    },
  });
}

/** `refresh_tunnels` or `agent_restarted`: the agent has lost its tables, and wants those of all its networks. */
async function up(services: Services, devices: readonly string[], args: Args): Promise<void> {
  const host = text(args, 'host');
  const ports = await bound(services, devices, host);
  await complete(
    services,
    [...ports.values()].map(r => String(r.id)),
    'L2',
    host,
  );
  await tellElsewhere(services, await elsewhere(services, devices, ports), host);
  if (args.refresh_tunnels === true || args.agent_restarted === true) {
    await commitDecision(services, {
      decide: async draft => draft.announce({ kind: 'l2pop_refresh', id: host, event: 'updated', revision: 0, facts: {} }),
    });
  }
}

async function down(services: Services, devices: readonly string[], host: string): Promise<{ device: string; exists: boolean }[]> {
  const all = await portsOf(services, devices);
  const ports = await bound(services, devices, host);
  await markPorts(services, host, new Map([...ports.values()].map(r => [String(r.id), 'DOWN'])));
  return devices.map(device => ({ device, exists: all.has(device) }));
}

async function updateList(services: Services, args: Args): Promise<Dict> {
  const host = text(args, 'host');
  const devices_up = texts(args, 'devices_up');
  await up(services, devices_up, args);
  return {
    devices_up,
    failed_devices_up: [],
    devices_down: await down(services, texts(args, 'devices_down'), host),
    failed_devices_down: [],
  };
}

async function networkDetails(services: Services, id: string): Promise<Dict | null> {
  const row = await services.store.get('networks', { id });
  return row ? ((await networkDicts(services, [row]))[0] as Dict) : null;
}

/** The tunnel ends of all L2 agents of the type; these are told of the caller's. */
async function tunnelSync(services: Services, tell: (message: Message) => Promise<void>, args: Args): Promise<Dict> {
  const { tunnel_ip: ip, tunnel_type: type } = args;
  const wrong = (what: string): RpcFailure => new RpcFailure('InvalidInput', `Invalid input for operation: ${what}`);
  if (typeof ip !== 'string' || !parseIp(ip)) throw wrong('Tunnel IP value needed by the ML2 plugin.');
  if (typeof type !== 'string') throw wrong('Network type value needed by the ML2 plugin.');
  // Who asked before hears of it now; who asks later finds it in the table, where the caller's report has it.
  await tell(tunnelUpdate(ip, type));
  const agents = await services.store.select({ table: 'agents' });
  const ends = agents.map(a => ({ host: a.host, configurations: a.configurations as Record<string, Json> }));
  const tunnels = ends
    .filter(
      a =>
        typeof a.configurations.tunneling_ip === 'string' &&
        Array.isArray(a.configurations.tunnel_types) &&
        a.configurations.tunnel_types.includes(type),
    )
    .map(a => ({ ip_address: a.configurations.tunneling_ip, udp_port: 4789, host: a.host }));
  return { tunnels };
}

export function devices(services: Services, tell: (message: Message) => Promise<void>): Endpoint {
  return {
    version: '1.9',
    methods: {
      get_device_details: async args => (await details(services, [text(args, 'device')], text(args, 'host')))[0],
      get_devices_details_list: args => details(services, texts(args, 'devices'), text(args, 'host')),
      get_devices_details_list_and_failed_devices: async args => ({
        devices: await details(services, texts(args, 'devices'), text(args, 'host')),
        failed_devices: [],
      }),
      get_network_details: args => networkDetails(services, text(args, 'network')),
      update_device_up: async args => {
        await up(services, [text(args, 'device')], args);
        return null;
      },
      update_device_down: async args => (await down(services, [text(args, 'device')], text(args, 'host')))[0],
      update_device_list: args => updateList(services, args),
      tunnel_sync: args => tunnelSync(services, tell, args),
    },
  };
}

export { portsOf };
