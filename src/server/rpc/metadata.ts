// Which ports an address belongs to: what metadata agents ask.
import { type Endpoint, RpcFailure } from '../../contracts/bus.ts';
import type { Predicate } from '../../contracts/store.ts';
import type { Services } from '../context.ts';
import { type Args, record, texts } from './arguments.ts';
import { type Dict, portDicts } from './dicts.ts';

const columns = ['id', 'network_id', 'mac_address', 'device_id', 'device_owner', 'project_id'] as const;

async function ports(services: Services, args: Args): Promise<Dict[]> {
  const filters = record(args.filters, 'filters');
  const where: Predicate[] = [];
  for (const [name, values] of Object.entries(filters)) {
    if (name === 'fixed_ips') where.push(byAddress(record(values, 'fixed_ips')));
    else if ((columns as readonly string[]).includes(name) && Array.isArray(values))
      where.push({ in: [name, texts(filters as Args, name)] });
    else throw new RpcFailure('InvalidInput', `Invalid input for operation: ports cannot be filtered by ${name}.`);
  }
  // A question without conditions would be answered with every port of the cloud.
  if (where.length === 0) throw new RpcFailure('InvalidInput', 'Invalid input for operation: a filter is required.');
  return portDicts(services, await services.store.select({ table: 'ports', where: { and: where } }));
}

function byAddress(fixed: Record<string, unknown>): Predicate {
  const where: Predicate[] = [];
  for (const column of ['ip_address', 'subnet_id'] as const) {
    if (Array.isArray(fixed[column])) where.push({ in: [column, texts(fixed as Args, column)] });
  }
  if (where.length === 0) throw new RpcFailure('InvalidInput', 'Invalid input for operation: fixed_ips needs ip_address or subnet_id.');
  return { exists: { table: 'ip_allocations', on: [['port_id', 'id']], where: { and: where }, first: true } };
}

export function metadata(services: Services): Endpoint {
  return { version: '1.0', methods: { get_ports: args => ports(services, args) } };
}
