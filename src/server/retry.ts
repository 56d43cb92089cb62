// The one place that decides again: load, decide, commit; when what was read has moved, the same from the start.
import type { CommitResult } from '../contracts/store.ts';
import { apiError } from '../domain/errors.ts';
import { pyRepr } from '../domain/input/python.ts';
import type { Services } from './context.ts';
import { timestamp } from './context.ts';
import { Draft } from './draft.ts';

export interface RetryOptions<T> {
  /** Loads and decides; called anew on every attempt. */
  readonly decide: (draft: Draft) => Promise<T>;
  /** The limit that the project must keep, or undefined where only usage is counted. */
  readonly limitOf?: (project: string, resource: string) => number | undefined;
}

const attempts = 20;
const budgetMs = 5000;

export async function commitDecision<T>(services: Services, options: RetryOptions<T>): Promise<T> {
  const start = services.clock.now();
  for (let attempt = 1; ; attempt++) {
    const draft = new Draft({ now: timestamp(services.clock), newId: services.newId, attempt });
    const answer = await options.decide(draft);
    if (draft.ops.length === 0 && draft.outbox.length === 0) return answer;
    const result = await services.store.commit(draft.writeSet(options.limitOf ?? (() => undefined)));
    if (result.done) return answer;
    const error = quotaError(result);
    if (error) throw error;
    if (attempt >= attempts || services.clock.now() - start > budgetMs) {
      services.log.warning('a decision was overtaken too often', { attempt, result });
      throw apiError('HTTPServiceUnavailable', { message: 'The request was overtaken by others too often; try again.' });
    }
    await services.clock.sleep(Math.min(200, 2 ** attempt) * services.random());
  }
}

function quotaError(result: Exclude<CommitResult, { done: true }>): Error | undefined {
  if (result.why !== 'miss' || !result.tag?.startsWith('quota:')) return undefined;
  return apiError('OverQuota', { overs: pyRepr([result.tag.slice('quota:'.length)]) });
}
