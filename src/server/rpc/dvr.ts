// What Open vSwitch agents ask about distributed routers: the MAC of each host, and what is on a host in a subnet.
import type { Endpoint } from '../../contracts/bus.ts';
import { isRouterInterface, isServedByDistributedRouters } from '../../domain/ipam/owners.ts';
import { byIds } from '../commands/load.ts';
import { partsOf } from '../commands/port-rows.ts';
import type { Services } from '../context.ts';
import { commitDecision } from '../retry.ts';
import { type Args, record, text } from './arguments.ts';
import { type Dict, portDicts, subnetDict } from './dicts.ts';

/** `dvr_base_mac`: the first three bytes say whose the address is. */
const base = 'fa:16:3f';

/** As these agents know it on the wire. */
const onWire = (mac: unknown): string => String(mac).replaceAll(':', '-').toUpperCase();

async function macOf(services: Services, host: string): Promise<Dict> {
  await commitDecision(services, {
    decide: async draft => {
      if (await services.store.get('dvr_mac_addresses', { host })) return;
      const byte = (): string =>
        Math.floor(services.random() * 256)
          .toString(16)
          .padStart(2, '0');
      draft.insert('dvr_mac_addresses', { host, mac_address: `${base}:${byte()}:${byte()}:${byte()}` }, { tag: 'dvr_mac' });
      draft.announce({ kind: 'dvr_mac', id: host, event: 'created', revision: 0, facts: {} });
    },
  });
  const row = await services.store.get('dvr_mac_addresses', { host });
  return { host, mac_address: onWire(row?.mac_address) };
}

export async function dvrMacs(services: Services): Promise<Dict[]> {
  const rows = await services.store.select({ table: 'dvr_mac_addresses', order: [['host', 'asc']] });
  return rows.map(r => ({ host: r.host, mac_address: onWire(r.mac_address) }));
}

async function portsOnHost(services: Services, args: Args): Promise<Dict[]> {
  const taken = await services.store.select({ table: 'ip_allocations', where: { eq: ['subnet_id', text(args, 'subnet')] } });
  const ports = await byIds(
    services,
    'ports',
    taken.map(t => t.port_id),
  );
  const { bindings } = await partsOf(services, [...ports.keys()]);
  const here = [...ports.values()].filter(
    p => isServedByDistributedRouters(String(p.device_owner)) && bindings.get(String(p.id))?.host === text(args, 'host'),
  );
  return (await portDicts(services, here)).map(({ fixed_ips: _ips, ...dict }) => dict);
}

/** The subnet, and the MAC of the router that has its gateway address, or the one that is named; empty where nothing is. */
async function subnetFor(services: Services, args: Args): Promise<Dict> {
  const row = await services.store.get('subnets', { id: text(args, 'subnet') });
  if (!row) return {};
  const [named] = Array.isArray(args.fixed_ips) ? args.fixed_ips.map(f => record(f, 'fixed_ips')) : [];
  const where = {
    and: [{ eq: ['subnet_id', String(row.id)] }, { eq: ['ip_address', String(named?.ip_address ?? row.gateway_ip)] }],
  } as const;
  const [held] = await services.store.select({ table: 'ip_allocations', where });
  const port = held && (await services.store.get('ports', { id: String(held.port_id) }));
  if (!port || !isRouterInterface(String(port.device_owner))) return {};
  return { ...subnetDict(row), gateway_mac: port.mac_address };
}

export function dvr(services: Services): Endpoint {
  return {
    version: '1.1',
    methods: {
      get_dvr_mac_address_by_host: args => macOf(services, text(args, 'host')),
      get_dvr_mac_address_list: () => dvrMacs(services),
      get_ports_on_host_by_subnet: args => portsOnHost(services, args),
      get_subnet_for_dvr: args => subnetFor(services, args),
    },
  };
}
