// The one place that decides again: load, decide, commit; when what was read has moved, the same from the start.
import type { CommitResult, Query } from '../contracts/store.ts';
import { traced } from '../contracts/trace.ts';
import { apiError } from '../domain/errors.ts';
import { pyRepr } from '../domain/input/python.ts';
import type { Services } from './context.ts';
import { timestamp } from './context.ts';
import { Draft } from './draft.ts';
import { ReadSet } from './read-set.ts';

/** Chance has drawn what cannot be had: the next decision draws again. What is refused where every draw is such. */
export class Unlucky extends Error {
  readonly refusal: Error;

  constructor(refusal: Error) {
    super(refusal.message, { cause: refusal });
    this.refusal = refusal;
  }
}

export interface RetryOptions<S extends Services, T> {
  /**
   * Loads and decides; called anew on every attempt. What it refuses is believed as far as it has read by the services that it is
   * given, and not by those of its caller.
   */
  readonly decide: (draft: Draft, services: S) => Promise<T>;
  /** What it will read, as far as that is known before: asked at once. */
  readonly foresee?: () => readonly Query[];
  /** The limit that the project must keep, or undefined where only usage is counted. */
  readonly limitOf?: (project: string, resource: string) => number | undefined;
}

/** On a database elsewhere each takes its time, and meanwhile there is more that comes between: it is the time that bounds. */
const attempts = 50;
const budgetMs = 30_000;

/** What one attempt came to: an answer, or why there is to be another. */
type Attempt<T> =
  | { readonly done: true; readonly answer: T }
  | { readonly done: false; readonly result: CommitResult }
  | { readonly done: false; readonly refusal: unknown };

export async function commitDecision<S extends Services, T>(services: S, options: RetryOptions<S, T>): Promise<T> {
  const start = services.clock.now();
  for (let number = 1; ; number++) {
    const attempt = await decideOnce(services, options, number);
    if (attempt.done) {
      services.metrics?.count('weft_decisions_total', { outcome: 'committed' });
      return attempt.answer;
    }
    services.metrics?.count('weft_decision_retries_total', { why: whyAgain(attempt) });
    if (number >= attempts || services.clock.now() - start > budgetMs) throw overtaken(services, attempt, number);
    await services.clock.sleep(Math.min(200, 2 ** number) * services.random());
  }
}

async function decideOnce<S extends Services, T>(services: S, options: RetryOptions<S, T>, attempt: number): Promise<Attempt<T>> {
  const draft = new Draft({ now: timestamp(services.clock), newId: services.newId, attempt });
  const store = new ReadSet(services.store);
  let answer: T;
  try {
    await store.foresee(options.foresee?.() ?? []);
    answer = await options.decide(draft, { ...services, store });
  } catch (refusal) {
    await undo(services, draft);
    if (refusal instanceof Unlucky) return { done: false, refusal: refusal.refusal };
    if (await store.moved()) return { done: false, refusal };
    throw refusal;
  }
  if (draft.ops.length === 0 && draft.outbox.length === 0) return { done: true, answer };
  const result = await traced(services.tracer, 'commit', { kind: 'internal', attributes: { 'weft.attempt': attempt } }, async span => {
    const committed = await services.store.commit(draft.writeSet(options.limitOf ?? (() => undefined)));
    span.set({ 'weft.outcome': committed.done ? 'done' : committed.why });
    return committed;
  });
  if (result.done) return { done: true, answer };
  await undo(services, draft);
  const error = quotaError(result);
  if (error) throw error;
  return { done: false, result };
}

/** Of a commit whose outcome is not known nothing is taken back: whoever looks after what was changed elsewhere finds out. */
async function undo({ log }: Services, { undos }: Draft): Promise<void> {
  for (const take of undos.toReversed())
    await take().catch((error: unknown) => log.error('what a decision has changed elsewhere was not taken back', { error }));
}

function whyAgain(attempt: Exclude<Attempt<unknown>, { done: true }>): string {
  if ('refusal' in attempt) return 'moved';
  return attempt.result.done ? 'done' : attempt.result.why;
}

/** What was refused as often as this, of whatever else moved, is refused. */
function overtaken({ log }: Services, attempt: Exclude<Attempt<unknown>, { done: true }>, number: number): unknown {
  if ('refusal' in attempt) return attempt.refusal;
  log.warning('a decision was overtaken too often', { attempt: number, result: attempt.result });
  return apiError('HTTPServiceUnavailable', { message: 'The request was overtaken by others too often; try again.' });
}

function quotaError(result: Exclude<CommitResult, { done: true }>): Error | undefined {
  if (result.why !== 'miss' || !result.tag?.startsWith('quota:')) return undefined;
  return apiError('OverQuota', { overs: pyRepr([result.tag.slice('quota:'.length)]) });
}
