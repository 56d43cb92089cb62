// A write set as what is sent: names to lock, guards, and as few statements of writes as keep its order.
import type { CommitResult, WriteSet } from '../../../contracts/store.ts';
import type { Compiler } from '../common/predicate.ts';
import { compileWriteSet, type Plan, type WriteStep } from '../common/writes.ts';
import { compileGuards, type GuardLocks, type Guards } from './guards.ts';
import { lockNames, type Names } from './names.ts';

export interface RemotePlan {
  readonly names: Names;
  readonly guards: readonly Guards[];
  /** What is sent as one statement each: a write, or several plain inserts. */
  readonly writes: readonly (readonly WriteStep[])[];
  readonly outbox: Plan['outbox'];
}

export type Failure = Extract<CommitResult, { done: false }>;

/** Databases limit the parameters of a statement (PostgreSQL: 65535), and nobody gains from longer ones. */
const mostBinds = 5000;

export function compilePlan(compiler: Compiler, writeSet: WriteSet, locks: GuardLocks): RemotePlan {
  const { writes, outbox } = compileWriteSet(compiler, writeSet);
  return {
    names: lockNames(compiler, writeSet),
    guards: compileGuards(compiler, writeSet, { locks, most: mostBinds }),
    writes: batches(joined(compiler, writes)),
    outbox,
  };
}

/** Inserts that follow one another. Of two into one table it could not be told which one met a key that is taken, where their tags differ. */
function batches(steps: readonly WriteStep[]): WriteStep[][] {
  const out: WriteStep[][] = [];
  for (const step of steps) {
    const last = out.at(-1);
    if (last && mayJoin(last, step)) last.push(step);
    else out.push([step]);
  }
  return out;
}

function mayJoin(batch: readonly WriteStep[], step: WriteStep): boolean {
  if (!step.insert || !batch[0]!.insert || batch.some(other => other.table === step.table)) return false;
  return batch.reduce((sum, other) => sum + other.binds.length, step.binds.length) <= mostBinds;
}

interface Group {
  readonly first: WriteStep;
  readonly steps: WriteStep[];
}

/** Inserts of one kind and tag in one statement. One may go ahead of inserts into other tables, which cannot tell the difference. */
function joined(compiler: Compiler, writes: readonly WriteStep[]): WriteStep[] {
  const groups: Group[] = [];
  for (const step of writes) {
    const group = step.insert && openGroup(groups, step);
    if (group) group.steps.push(step);
    else groups.push({ first: step, steps: [step] });
  }
  return groups.map(group => (group.steps.length === 1 ? group.first : together(compiler, group)));
}

function openGroup(groups: readonly Group[], step: WriteStep): Group | undefined {
  for (let i = groups.length - 1; i >= 0; i--) {
    const { first, steps } = groups[i]!;
    if (!first.insert) return undefined;
    if (first.table !== step.table) continue;
    const alike = first.tag === step.tag && first.insert.onConflict === step.insert!.onConflict;
    return alike && (steps.length + 1) * step.binds.length <= mostBinds ? groups[i] : undefined;
  }
  return undefined;
}

function together(compiler: Compiler, { first, steps }: Group): WriteStep {
  const text = compiler.dialect.insert({ ...first.insert!, rows: steps.length });
  return { ...first, text, binds: steps.flatMap(step => step.binds) };
}
