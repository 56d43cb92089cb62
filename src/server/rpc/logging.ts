// What agents that log packets ask: which ports each log is about, and by which rules their packets pass.
import { type Endpoint, RpcFailure } from '../../contracts/bus.ts';
import type { Predicate, Row } from '../../contracts/store.ts';
import { log } from '../../model/log.ts';
import { addressesOf } from '../commands/address-groups.ts';
import { grouped } from '../commands/load.ts';
import { candidates, type LoggedPort, loggedPorts } from '../commands/log-scope.ts';
import type { Services } from '../context.ts';
import { type Args, record, text } from './arguments.ts';
import type { Dict } from './dicts.ts';
import { ruleDict } from './security-groups.ts';

const securityGroup = 'security_group';

/** Older agents do not say what kind of log they mean. */
function requireKnownType({ resource_type }: Args): void {
  if (resource_type !== undefined && resource_type !== null && resource_type !== securityGroup)
    throw new RpcFailure('NotImplementedError', `no logs of ${String(resource_type)}`);
}

const enabled: Predicate = { and: [{ eq: ['resource_type', securityGroup] }, { eq: ['enabled', true] }] };

async function ofPort(services: Services, args: Args): Promise<Dict[]> {
  requireKnownType(args);
  const port = await services.store.get('ports', { id: text(args, 'port_id') });
  if (!port) return [];
  const logs = await services.store.select({ table: log.table.name, where: enabled, order: [['id', 'asc']] });
  const about = await loggedPorts(services, logs, [port]);
  return logDicts(
    services,
    logs.filter(l => about.get(String(l.id))?.length),
    about,
  );
}

/** Logs as objects of oslo.versionedobjects, or plain. Only their ids are believed. */
function namedLogs(args: Args): string[] {
  const list = Array.isArray(args.log_resources) ? args.log_resources : [];
  return list.flatMap(item => {
    const outer = record(item, 'log_resources');
    const { id } = record(outer['versioned_object.data'] ?? outer, 'log_resources');
    return typeof id === 'string' ? [id] : [];
  });
}

async function ofLogs(services: Services, args: Args): Promise<Dict[]> {
  requireKnownType(args);
  const ids = namedLogs(args);
  const logs = await services.store.select({
    table: log.table.name,
    where: { and: [enabled, { in: ['id', ids] }] },
    order: [['id', 'asc']],
  });
  if (logs.length === 0) return [];
  const active: Predicate = { and: [candidates(logs), { eq: ['status', 'ACTIVE'] }] };
  const ports = await services.store.select({ table: 'ports', where: active, order: [['id', 'asc']] });
  return logDicts(services, logs, await loggedPorts(services, logs, ports));
}

async function logDicts(services: Services, logs: readonly Row[], about: ReadonlyMap<string, readonly LoggedPort[]>): Promise<Dict[]> {
  const rules = await rulesOf(
    services,
    [...about.values()].flat().flatMap(p => p.groups),
  );
  return logs.map(l => ({
    id: l.id,
    ports_log: (about.get(String(l.id)) ?? []).map(p => ({
      port_id: p.id,
      security_group_rules: p.groups.flatMap(g => rules.get(g) ?? []),
    })),
    event: l.event,
    project_id: l.project_id,
  }));
}

/** By group. A rule by an address group is one for each of its addresses, as these agents do not know address groups. */
async function rulesOf(services: Services, groupIds: readonly string[]): Promise<Map<string, Dict[]>> {
  const rows = await grouped(services, 'security_group_rules', 'security_group_id', groupIds, {
    order: [
      ['created_at', 'asc'],
      ['id', 'asc'],
    ],
  });
  const named = [...rows.values()].flat().flatMap(r => (typeof r.remote_address_group_id === 'string' ? [r.remote_address_group_id] : []));
  const addresses = await addressesOf(services, named);
  const dictsOf = (row: Row): Dict[] => {
    const { remote_address_group_id, stateful: _stateful, ...dict } = ruleDict(row, true);
    const rule = { ...dict, security_group_id: row.security_group_id };
    if (remote_address_group_id === undefined) return [rule];
    const prefix = row.direction === 'ingress' ? 'source_ip_prefix' : 'dest_ip_prefix';
    const family = (addresses.get(String(remote_address_group_id)) ?? []).filter(a => a.includes(':') === (row.ethertype === 'IPv6'));
    return family.map(address => ({ ...rule, [prefix]: address }));
  };
  return new Map([...rows].map(([id, list]) => [id, list.flatMap(dictsOf)]));
}

export function loggingAgents(services: Services): Endpoint {
  return {
    namespace: 'logging-plugin',
    version: '1.1',
    methods: {
      get_sg_log_info_for_port: args => ofPort(services, args),
      get_sg_log_info_for_log_resources: args => ofLogs(services, args),
    },
  };
}
