// What the facts of a batch are about, read at once: a server that makes many ports would otherwise read each of them as often again for
// those who are told. What changes after it was read has a fact of its own behind these.
import type { OutboxRow, Query, Row, Scalar } from '../../contracts/store.ts';
import { groupedQuery, idsQuery } from '../commands/load.ts';
import { partQueries } from '../commands/port-rows.ts';
import { anyDistributed } from '../commands/router-places.ts';
import { tagsQuery } from '../commands/tags.ts';
import type { Services } from '../context.ts';
import { portObjects } from '../objects/ports.ts';
import { readersQuery } from '../objects/push.ts';
import { keyed, type ReadSet } from '../read-set.ts';
import { servedQuery } from './agents.ts';
import { agentsQuery, namingQuery } from './known.ts';
import { Once } from './once.ts';
import { levelsQuery, segmentsQuery } from './segments.ts';

/** A query for many values of a column, of which others ask for the rows of one. */
interface Shared {
  readonly query: Query;
  readonly column: string;
  readonly values: readonly string[];
  /** What those others ask. */
  ask(value: string): Query;
}

/** Services whose store knows what telling of these facts asks for, and asks once for what it does not. */
export async function readTogether(services: Services, facts: readonly OutboxRow[]): Promise<Services> {
  const idsOf = (wanted: string): string[] => [
    ...new Set(facts.filter(({ kind, event }) => kind === wanted && event !== 'deleted').map(({ id }) => id)),
  ];
  const [ids, rules] = [idsOf('port'), idsOf('security_group_rule')];
  const store = new Once(services.store);
  const ofRules = rules.length > 0 ? [byKey('security_group_rules', rules)] : [];
  if (ids.length === 0) {
    await read(store, ofRules, []);
    return { ...services, store };
  }
  const ofAll = [readersQuery(services, portObjects.told), agentsQuery, anyDistributed];
  const [ports = [], ...around] = await read(store, [...ofPorts(ids), ...ofRules], ofAll);
  const distinct = (rows: readonly Row[], column: string): string[] => [...new Set(rows.map(row => String(row[column])))];
  const networks = distinct(ports, 'network_id');
  const groups = distinct(around[ofGroups] ?? [], 'security_group_id');
  await read(store, [...(networks.length > 0 ? ofNetworks(networks) : []), ...(groups.length > 0 ? [naming(groups)] : [])], []);
  return { ...services, store };
}

/** Rows by their keys. */
const byKey = (table: string, ids: readonly string[]): Shared => ({
  ...{ query: idsQuery(table, ids), column: 'id', values: ids },
  ask: id => ({ table, where: keyed({ id }) }),
});

function ofPorts(ids: readonly string[]): Shared[] {
  const beside = (queries: (ids: readonly string[]) => Query[], column: string): Shared[] =>
    queries(ids).map((query, i) => ({ query, column, values: ids, ask: id => queries([id])[i] as Query }));
  return [
    byKey('ports', ids),
    ...beside(partQueries, 'port_id'),
    ...beside(some => [levelsQuery(some)], 'port_id'),
    ...beside(some => [tagsQuery(some)], 'object_id'),
  ];
}

/** The place of ports' groups among what is read beside them. */
const ofGroups = partQueries([]).findIndex(({ table }) => table === 'port_security_groups');

const naming = (groups: readonly string[]): Shared => ({
  ...{ query: namingQuery(groups), column: 'remote_group_id', values: groups },
  ask: group => namingQuery([group]),
});

const ofNetworks = (ids: readonly string[]): Shared[] => [
  { query: idsQuery('networks', ids), column: 'id', values: ids, ask: id => idsQuery('networks', [id]) },
  { query: segmentsQuery(ids), column: 'network_id', values: ids, ask: id => segmentsQuery([id]) },
  { query: groupedQuery('dhcp_bindings', 'network_id', ids), column: 'network_id', values: ids, ask: servedQuery },
];

/** Answers in the order of the shared ones, and lets the store know them all. */
async function read(store: ReadSet, shared: readonly Shared[], others: readonly Query[]): Promise<Row[][]> {
  const answers = await store.selectAll([...shared.map(({ query }) => query), ...others]);
  for (const [i, { column, values, ask }] of shared.entries()) {
    const byValue = Map.groupBy(answers[i] as Row[], row => row[column] as Scalar);
    for (const value of values) store.know(ask(value), byValue.get(value) ?? []);
  }
  for (const [i, query] of others.entries()) store.know(query, answers[shared.length + i] as Row[]);
  return answers;
}
