// A compiled write set inside a transaction that somebody else holds.
import type { CommitResult } from '../../../contracts/store.ts';
import type { Table } from '../common/tables.ts';
import type { Failure, Plan, WriteStep } from '../common/writes.ts';
import { sqliteCode } from './busy.ts';
import type { Connection } from './connection.ts';
import { appendOutbox } from './outbox.ts';

const constraintUnique = 2067;
const constraintPrimaryKey = 1555;

/** When it says `done: false`, or throws, the caller takes back what was written. */
export function applyPlan(connection: Connection, plan: Plan, at: string): CommitResult {
  for (const step of plan.guards)
    if ((connection.first(step) !== undefined) !== step.finds) return { done: false, why: 'guard', guard: step.guard };
  for (const step of plan.writes) {
    const failure = write(connection, step);
    if (failure) return failure;
  }
  return { done: true, seq: appendOutbox(connection, plan.outbox, at) };
}

function write(connection: Connection, step: WriteStep): Failure | undefined {
  let matched: number;
  try {
    matched = step.counts ? (connection.first(step)![0] as number) : connection.run(step);
  } catch (error) {
    const columns = violatedKey(error, step.table);
    if (!columns) throw error;
    return { done: false, why: 'conflict', table: step.table.name, columns, tag: step.tag };
  }
  if (step.expect === undefined || step.expect === matched) return undefined;
  return { done: false, why: 'miss', table: step.table.name, tag: step.tag };
}

/** The columns of the key in the order of their definition, which SQLite tells as `table.a, table.b`. */
function violatedKey(error: unknown, table: Table): readonly string[] | undefined {
  const code = sqliteCode(error);
  if (code !== constraintUnique && code !== constraintPrimaryKey) return undefined;
  const named = (error as Error).message.replace(/^UNIQUE constraint failed: /, '').split(', ');
  return named.map(column => column.slice(table.name.length + 1));
}
