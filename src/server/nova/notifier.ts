// The outbox reader that tells Nova what became of instances' ports: in order, many at a time, until Nova has answered.
import { CloudUnavailable, type Nova, type NovaAnswer, type NovaEvent, NovaRefused } from '../../contracts/cloud.ts';
import type { OutboxRow } from '../../contracts/store.ts';
import type { Services } from '../context.ts';
import { novaEvents, type Told } from './events.ts';

/** A request of so many stays far below what Nova takes. */
const atOnce = 200;

/** How often Nova may fail at an event after it took others and not that one: with the relay's pauses, about a minute. */
const mostFailures = 12;

interface Item {
  /** The fact's number and the event's place in it: the same when it is tried again. */
  readonly key: string;
  readonly event: NovaEvent;
}

export class NovaNotifier {
  private readonly services: Services;
  private readonly nova: Nova;
  private readonly told: Told;
  /** The last try failed: what comes now may be late. */
  private late = false;
  /** Of what is tried again: what Nova has answered to, or was given up for. */
  private readonly done = new Set<string>();
  private readonly failures = new Map<string, number>();

  constructor(services: Services, nova: Nova, told: Told) {
    this.services = services;
    this.nova = nova;
    this.told = told;
  }

  /** Answers whether there was anything to tell. Throws `CloudUnavailable` where it is to be tried again. */
  async deliver(rows: readonly OutboxRow[]): Promise<boolean> {
    const all: Item[] = [];
    for (const row of rows)
      for (const [i, event] of (await novaEvents(this.services, row, this.told)).entries()) all.push({ key: `${row.seq}.${i}`, event });
    const items = this.late ? await this.stillWanted(all) : all;
    const open = items.filter(({ key }) => !this.done.has(key));
    try {
      for (let from = 0; from < open.length; from += atOnce) await this.tell(open.slice(from, from + atOnce));
    } catch (error) {
      this.late = true;
      throw error;
    }
    this.late = false;
    this.done.clear();
    this.failures.clear();
    return items.length > 0;
  }

  /** Nobody waits any more for what became of a port that is gone, but for hearing that it is. */
  private async stillWanted(items: readonly Item[]): Promise<Item[]> {
    const ids = [...new Set(items.map(({ event }) => event.tag))];
    const there = await this.services.store.select({ table: 'ports', where: { in: ['id', ids] }, columns: ['id'] });
    const known = new Set(there.map(r => r.id));
    return items.filter(({ event }) => event.name === 'network-vif-deleted' || known.has(event.tag));
  }

  private async tell(items: readonly Item[]): Promise<void> {
    const refused = await this.try(items);
    if (!refused) return;
    if (items.length > 1) await this.tellEach(items);
    else this.settle([[items[0]!, refused]], false);
  }

  /** It may be one of them that Nova does not take: the others must not wait for it, nor may it be lost for a failure that passes. */
  private async tellEach(items: readonly Item[]): Promise<void> {
    const refusals: [Item, NovaRefused][] = [];
    for (const item of items) {
      const refused = await this.try([item]);
      if (refused) refusals.push([item, refused]);
    }
    this.settle(refusals, refusals.length < items.length);
  }

  /** `othersTaken`: it is these, and not Nova. */
  private settle(refusals: readonly (readonly [Item, NovaRefused])[], othersTaken: boolean): void {
    let away: NovaRefused | undefined;
    for (const [item, refused] of refusals) {
      if (refused.status < 500 || this.failures.has(item.key) || othersTaken) this.refusedAgain(item, refused);
      if (!this.done.has(item.key)) away = refused;
    }
    if (away) throw new CloudUnavailable(away.message);
  }

  /** Why none of these was taken. */
  private async try(items: readonly Item[]): Promise<NovaRefused | undefined> {
    try {
      this.logAnswers(await this.nova.tell(items.map(({ event }) => event)));
    } catch (error) {
      if (error instanceof NovaRefused) return error;
      throw error;
    }
    for (const { key } of items) this.done.add(key);
    return undefined;
  }

  private refusedAgain(item: Item, refused: NovaRefused): void {
    const times = (this.failures.get(item.key) ?? 0) + 1;
    this.failures.set(item.key, times);
    if (refused.status < 500 || times >= mostFailures) this.giveUp(item, refused);
  }

  private giveUp({ key, event }: Item, refused: NovaRefused): void {
    this.done.add(key);
    this.services.log.error('Nova does not take an event', { event, reason: refused.message });
  }

  private logAnswers(answers: readonly NovaAnswer[]): void {
    const { log } = this.services;
    for (const { code, name, server_uuid, tag } of answers) {
      const fields = { code, event: name, server: server_uuid, port: tag };
      if (code === 200) log.info('Nova was told', fields);
      else if (code === 404) log.info('Nova does not know the instance of an event', fields);
      else log.warning('Nova did not pass an event on', fields);
    }
  }
}
