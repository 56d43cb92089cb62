// The outbox reader that tells Nova what became of instances' ports: in order, many at a time, until Nova has answered.
import { CloudUnavailable, type Nova, type NovaAnswer, type NovaEvent, NovaRefused } from '../../contracts/cloud.ts';
import type { OutboxRow } from '../../contracts/store.ts';
import type { Services } from '../context.ts';
import { novaEvents, type Told } from './events.ts';

/** A request of so many stays far below what Nova takes. */
const atOnce = 200;

export class NovaNotifier {
  private readonly services: Services;
  private readonly nova: Nova;
  private readonly told: Told;
  /** The last try failed: what comes now may be late. */
  private late = false;

  constructor(services: Services, nova: Nova, told: Told) {
    this.services = services;
    this.nova = nova;
    this.told = told;
  }

  /** Answers whether there was anything to tell. Throws `CloudUnavailable` where it is to be tried again. */
  async deliver(rows: readonly OutboxRow[]): Promise<boolean> {
    const all: NovaEvent[] = [];
    for (const row of rows) all.push(...(await novaEvents(this.services, row, this.told)));
    const events = this.late ? await this.stillWanted(all) : all;
    try {
      for (let from = 0; from < events.length; from += atOnce) await this.tell(events.slice(from, from + atOnce));
    } catch (error) {
      this.late = true;
      throw error;
    }
    this.late = false;
    return events.length > 0;
  }

  /** Nobody waits any more for what became of a port that is gone, but for hearing that it is. */
  private async stillWanted(events: readonly NovaEvent[]): Promise<NovaEvent[]> {
    const ids = [...new Set(events.map(e => e.tag))];
    const there = await this.services.store.select({ table: 'ports', where: { in: ['id', ids] }, columns: ['id'] });
    const known = new Set(there.map(r => r.id));
    return events.filter(e => e.name === 'network-vif-deleted' || known.has(e.tag));
  }

  private async tell(events: readonly NovaEvent[]): Promise<void> {
    try {
      this.logAnswers(await this.nova.tell(events));
    } catch (error) {
      if (!(error instanceof NovaRefused)) throw error;
      if (error.status === 404) this.services.log.info('Nova knows no instance of these events', { events: events.length });
      else await this.tellEach(events, error);
    }
  }

  /** It may be one of them that Nova does not take: the others must not wait for it. */
  private async tellEach(events: readonly NovaEvent[], refused: NovaRefused): Promise<void> {
    const { log } = this.services;
    if (events.length === 1 && refused.status >= 500) throw new CloudUnavailable(refused.message);
    const bad: NovaEvent[] = [];
    for (const event of events.length > 1 ? events : []) {
      try {
        this.logAnswers(await this.nova.tell([event]));
      } catch (error) {
        if (!(error instanceof NovaRefused)) throw error;
        if (error.status !== 404) bad.push(event);
      }
    }
    if (events.length > 1 && bad.length === events.length && refused.status >= 500) throw new CloudUnavailable(refused.message);
    for (const event of events.length > 1 ? bad : events) log.error('Nova does not take an event', { event, reason: refused.message });
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
