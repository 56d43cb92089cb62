// What decisions would lock of whole tables on a database server, whichever store they are made on here: every server of the API tests is
// watched, and a test whose servers took a wide lock that nobody has a reason for fails.
import { compileTables } from '../../src/adapters/store-sql/common/tables.ts';
import { postgresDialect } from '../../src/adapters/store-sql/postgres/dialect.ts';
import { lockNames } from '../../src/adapters/store-sql/remote/names.ts';
import { tablesWithin } from '../../src/adapters/store-sql/remote/pins.ts';
import type { Predicate, Store, WriteSet } from '../../src/contracts/store.ts';
import { allTables } from '../../src/model/registry.ts';

const bindings =
  'what a rule of QoS, or another VLAN, asks of ports depends on how each is plugged; both are rare, and an operator does them';
const access = 'access to an object ends: rare, and whoever uses the object may be anybody';

/** What may be locked as a whole, by decisions that look into which tables, and why. */
const allowed: readonly (readonly [lock: RegExp, why: string])[] = [
  [/^port_bindings by absent ports through port_bindings$/, bindings],
  [/^(routers|router_ports|ports|rbac_entries) by absent routers through router_ports, ports(, rbac_entries)?$/, access],
  [/^(ports|port_security_groups|rbac_entries) by absent ports through port_security_groups(, rbac_entries)?$/, access],
  [/^default_security_group_rules by absent default_security_group_rules$/, 'templates are few and seldom written; text without an index'],
  [/^beginnings by absent beginnings$/, 'the first server of a database, once'],
  [/^subnets by absent subnets$/, 'a segment goes: seldom, and an operator does it; text without an index'],
  [/^routers by absent routers$/, 'a flavor goes: seldom, and an operator does it; text without an index'],
  [/^rbac_entries by absent (ports|networks|subnets|routers|floatingips) through rbac_entries$/, access],
];

const compiler = { dialect: postgresDialect, tables: compileTables(postgresDialect, allTables) };

/** A name that everybody who writes to the table takes, or to many of its rows: those that have nothing in a column. */
const isWide = (name: string): boolean => !name.includes('=') || name.endsWith('=null');

const wideNames = (writeSet: WriteSet): string[] =>
  [...lockNames(compiler, writeSet)].filter(([name, alone]) => alone && isWide(name)).map(([name]) => name);

/** Each wide lock of a commit, by the guard or change that takes it, and the tables that this looks into. */
export function wideLocks({ guards = [], ops }: WriteSet): string[] {
  const ofGuards = guards.flatMap(guard =>
    wideNames({ guards: [guard], ops: [] }).map(
      name => `${name} by ${guard.guard} ${guard.table}${guard.guard === 'revision' ? '' : through(guard.where)}`,
    ),
  );
  const ofOps = ops.flatMap(op =>
    wideNames({ ops: [op] }).map(name => `${name} by ${op.op} ${op.table}${'where' in op ? through(op.where) : ''}`),
  );
  return [...ofGuards, ...ofOps];
}

function through(where: Predicate): string {
  const tables = tablesWithin(where);
  return tables.length === 0 ? '' : ` through ${tables.join(', ')}`;
}

/** Those of this store that nobody has a reason for, so far. */
export function watchLocks(store: Store): readonly string[] {
  const found: string[] = [];
  const known = new Set<string>();
  const commit = store.commit.bind(store);
  store.commit = writeSet => {
    for (const lock of wideLocks(writeSet)) {
      if (known.has(lock) || allowed.some(([one]) => one.test(lock))) continue;
      known.add(lock);
      const told = (writeSet.outbox ?? []).map(entry => `${entry.kind} ${entry.event}`);
      found.push(`${lock} (${[...new Set(told)].slice(0, 3).join(', ')})`);
    }
    return commit(writeSet);
  };
  return found;
}

export function refuseWide(found: readonly string[]): void {
  if (found.length > 0) throw new Error(`locks whole tables on a database server: ${found.join('; ')}`);
}
