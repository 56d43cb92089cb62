// Which ports a log is about. What is told of a log ends up where its project can read it: packets of other projects do not.
import type { Predicate, Row } from '../../contracts/store.ts';
import { log } from '../../model/log.ts';
import type { Services } from '../context.ts';
import { byIds, grouped } from './load.ts';

/** A log's own project, and that of the group or port that it names: who may name another's was decided when it was made. */
async function projectsOf(services: Services, logs: readonly Row[]): Promise<Map<unknown, ReadonlySet<unknown>>> {
  const groups = await byIds(
    services,
    'security_groups',
    logs.map(l => l.resource_id),
  );
  const ports = await byIds(
    services,
    'ports',
    logs.map(l => l.target_id),
  );
  return new Map(
    logs.map(l => {
      const named = l.target_id === null ? groups.get(String(l.resource_id)) : ports.get(String(l.target_id));
      return [l.id, new Set([l.project_id, ...(named ? [named.project_id] : [])])];
    }),
  );
}

export interface LoggedPort {
  readonly id: string;
  /** The groups whose rules are logged. */
  readonly groups: readonly string[];
}

/** The ports among these that each log is about. */
export async function loggedPorts(services: Services, logs: readonly Row[], ports: readonly Row[]): Promise<Map<string, LoggedPort[]>> {
  const projects = await projectsOf(services, logs);
  const attached = await grouped(
    services,
    'port_security_groups',
    'port_id',
    ports.map(p => p.id),
    { order: [['security_group_id', 'asc']] },
  );
  const about = (l: Row, p: Row): LoggedPort[] => {
    if (!projects.get(l.id)?.has(p.project_id) || (l.target_id !== null && l.target_id !== p.id)) return [];
    const all = (attached.get(String(p.id)) ?? []).map(a => String(a.security_group_id));
    const groups = l.resource_id === null ? all : all.filter(g => g === l.resource_id);
    return groups.length === 0 ? [] : [{ id: String(p.id), groups }];
  };
  return new Map(logs.map(l => [String(l.id), ports.flatMap(p => about(l, p))]));
}

/** Ports with groups that may be among those of the logs. */
export function candidates(logs: readonly Row[]): Predicate {
  const attached = (where: Predicate): Predicate => ({ exists: { table: 'port_security_groups', on: [['port_id', 'id']], where } });
  const of = (l: Row): Predicate => {
    if (l.target_id !== null) return { eq: ['id', String(l.target_id)] };
    if (l.resource_id !== null) return attached({ eq: ['security_group_id', String(l.resource_id)] });
    return { and: [{ eq: ['project_id', String(l.project_id)] }, attached({ and: [] })] };
  };
  return { or: logs.map(of) };
}

/** Logs that go by the rules of these groups. */
export async function logsOfGroups({ store }: Services, groupIds: readonly string[]): Promise<Row[]> {
  if (groupIds.length === 0) return [];
  const inGroups: Predicate = { in: ['security_group_id', groupIds] };
  const onTarget: Predicate = { exists: { table: 'port_security_groups', on: [['port_id', 'target_id']], where: inGroups } };
  const ofProject: Predicate = {
    exists: {
      table: 'ports',
      on: [['project_id', 'project_id']],
      where: { exists: { table: 'port_security_groups', on: [['port_id', 'id']], where: inGroups } },
    },
  };
  const none = (column: string): Predicate => ({ eq: [column, null] });
  const where: Predicate = {
    and: [
      { eq: ['enabled', true] },
      {
        or: [
          { in: ['resource_id', groupIds] },
          { and: [none('resource_id'), onTarget] },
          { and: [none('resource_id'), none('target_id'), ofProject] },
        ],
      },
    ],
  };
  return store.select({ table: log.table.name, where, order: [['id', 'asc']] });
}
