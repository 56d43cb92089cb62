// A commit as statements that are sent in one go, COMMIT behind them: nobody waits for a hot row longer than the server takes for the rest. Each
// statement fails where the commit is to be refused, and then nothing of it is done.
import type { SqlValue } from '../common/dialect.ts';
import type { Statement } from '../common/reads.ts';
import { indexesOf } from '../common/schema.ts';
import type { WriteStep } from '../common/writes.ts';
import type { Engine, Session, Told } from './engine.ts';
import type { Failure, RemotePlan } from './plan.ts';

/** `note`: by which it can be asked about. */
export interface Attempt {
  readonly at: string;
  readonly note: Statement;
}

/** What is done, and, where the server did not do it, whose fault it is. */
interface Piece {
  readonly statement: Statement;
  readonly failure: (told: Told) => Failure | undefined;
}

export type Outcome = { readonly seq: number } | Failure | { readonly error: unknown; readonly outbox: boolean };

/** Where something of it is decided by an answer, it cannot be. */
export const fits = (engine: Engine, session: Session, plan: RemotePlan): boolean =>
  session.member === undefined && !plan.writes.flat().some(step => engine.waits(step));

export async function commitAtOnce(engine: Engine, session: Session, plan: RemotePlan, attempt: Attempt): Promise<Outcome> {
  const outbox = outboxBatches(plan, attempt.at);
  const pieces = piecesOf(engine, plan, attempt.note);
  const statements = pieces.map(({ statement }) => statement);
  for (const rows of outbox) statements.push(engine.atOnce.outbox(rows));
  const sent = await engine.atOnce.send(session, statements, outbox.at(-1)?.length ?? 0);
  if ('seq' in sent) return sent;
  const told = engine.atOnce.told(sent.error);
  const failure = told && pieces[sent.at]?.failure(told);
  return failure ?? { error: sent.error, outbox: sent.at >= pieces.length };
}

function piecesOf({ atOnce, together }: Engine, plan: RemotePlan, note: Statement): Piece[] {
  const nobodys = (statement: Statement): Piece => ({ statement, failure: () => undefined });
  const names = atOnce.names(plan.names);
  const guards = plan.guards.map(
    (some): Piece => ({
      statement: atOnce.guards(some),
      failure: told => (told.why === 'guard' ? { done: false, why: 'guard', guard: some.list[told.at]! } : undefined),
    }),
  );
  const groups = atOnce.joins ? plan.writes : plan.writes.flat().map(step => [step]);
  const noted = atOnce.joins ? groups.findIndex(([first]) => first!.insert) : -1;
  const writes = groups.map((steps, i): Piece => {
    const texts = steps.map(step => atOnce.write(step));
    if (i === noted) texts.push(note);
    return { statement: texts.length > 1 ? together(texts) : texts[0]!, failure: told => refusal(steps, told) };
  });
  return [...(noted < 0 ? [nobodys(note)] : []), ...(names ? [nobodys(names)] : []), ...guards, ...writes];
}

function refusal(steps: readonly WriteStep[], told: Told): Failure | undefined {
  if (told.why === 'guard') return undefined;
  const step = told.why === 'miss' || told.table === undefined ? steps[0] : steps.find(({ table }) => table.name === told.table);
  if (!step) return undefined;
  return told.why === 'taken' ? taken(step, told.key) : { done: false, why: 'miss', table: step.table.name, tag: step.tag };
}

export function taken({ table, tag }: WriteStep, key: string): Failure {
  const columns = key === 'primary' ? table.def.primaryKey : indexesOf(table.def).find(index => index.name === key)?.columns;
  return { done: false, why: 'conflict', table: table.name, columns: columns ?? [key], tag };
}

/** Databases limit the parameters of a statement, and how long it is. */
const mostRows = 800;
const longestRows = 1_000_000;

/** Rows of the outbox, as many together as fit into a statement. */
export function outboxBatches({ outbox }: RemotePlan, at: string): SqlValue[][][] {
  const batches: SqlValue[][][] = [];
  let length = 0;
  for (const { entry, facts } of outbox) {
    const row = [at, entry.kind, entry.id, entry.event, entry.revision, facts];
    const last = batches.at(-1);
    length += facts.length;
    if (last && last.length < mostRows && length <= longestRows) last.push(row);
    else {
      batches.push([row]);
      length = facts.length;
    }
  }
  return batches;
}
