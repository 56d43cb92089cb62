// A store that is asked each question once, for what is told of a batch of facts: the first answer is from after all of them were
// committed, and what has changed since has a fact of its own behind them.
import type { Predicate, Query, Row, Scalar } from '../../contracts/store.ts';
import { ReadSet } from '../read-set.ts';

export class Once extends ReadSet {
  private readonly asked = new Map<string, Promise<unknown>>();

  override async select(query: Query): Promise<Row[]> {
    return [...(await this.once(['select', query], () => super.select(query)))];
  }

  override get(table: string, key: Readonly<Record<string, Scalar>>): Promise<Row | undefined> {
    return this.once(['get', table, key], () => super.get(table, key));
  }

  override count(table: string, where?: Predicate): Promise<number> {
    return this.once(['count', table, where], () => super.count(table, where));
  }

  override countBy(table: string, column: string, where?: Predicate): Promise<ReadonlyMap<Scalar, number>> {
    return this.once(['countBy', table, column, where], () => super.countBy(table, column, where));
  }

  private once<T>(question: readonly unknown[], ask: () => Promise<T>): Promise<T> {
    const key = JSON.stringify(question);
    const asked = this.asked.get(key) as Promise<T> | undefined;
    if (asked) return asked;
    const answer = ask();
    this.asked.set(key, answer);
    return answer;
  }
}
