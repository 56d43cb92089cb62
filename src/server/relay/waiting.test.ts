import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Registry } from '../../adapters/metrics/registry.ts';
import { openSqliteStore } from '../../adapters/store-sql/sqlite/open.ts';
import { BusUnavailable } from '../../contracts/bus.ts';
import type { LogFields } from '../../contracts/log.ts';
import type { OutboxRow, Store } from '../../contracts/store.ts';
import { allTables } from '../../model/registry.ts';
import type { Services } from '../context.ts';
import { ownMetrics } from '../metrics/names.ts';
import { runRelay } from './relay.ts';
import type { Bound } from './waiting.ts';

/** A relay on a real store, whose bus a test takes away; its sleeps are short, and its clock goes as the test says. */
class World implements AsyncDisposable {
  readonly warnings: [string, LogFields][] = [];
  readonly told: string[] = [];
  readonly registry = new Registry(ownMetrics);
  later = 0;
  away = true;
  tries = 0;
  private readonly stop = new AbortController();
  private running: Promise<void> = Promise.resolve();
  readonly store: Store;
  private readonly dir: string;

  static async open(bound?: Bound): Promise<World> {
    const dir = await mkdtemp(join(tmpdir(), 'weft-waiting-'));
    const world = new World(dir, await openSqliteStore(join(dir, 'weft.db'), { tables: allTables }));
    await world.store.outbox('told', 1);
    world.begin(bound);
    return world;
  }

  constructor(dir: string, store: Store) {
    this.dir = dir;
    this.store = store;
  }

  private begin(bound: Bound | undefined): void {
    const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, Math.min(ms, 5)));
    const log = { error() {}, warning: (text: string, fields: LogFields) => void this.warnings.push([text, fields]) };
    const clock = { now: () => Date.now() + this.later, sleep };
    const services = { store: this.store, clock, random: () => 0, log, metrics: this.registry } as unknown as Services;
    const deliver = async ({ id }: OutboxRow): Promise<void> => {
      this.tries++;
      if (this.away) throw new BusUnavailable('away');
      this.told.push(id);
    };
    this.running = runRelay(services, { reader: 'told', holder: 'one', deliver, ...(bound ? { bound } : {}) }, this.stop.signal);
  }

  /** Every second one is of the kind that the reader tells of. */
  async say(from: number, to: number): Promise<void> {
    const outbox = Array.from({ length: to - from + 1 }, (_, i) => {
      const id = String(from + i);
      return { kind: (from + i) % 2 === 0 ? 'notification' : 'port', id, event: 'created', revision: 1, facts: {} } as const;
    });
    await this.store.commit({ ops: [], outbox });
  }

  async until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
    for (const deadline = performance.now() + 20_000; !(await look()); await new Promise(resolve => setTimeout(resolve, 5)))
      if (performance.now() > deadline) assert.fail(`never: ${what}`);
  }

  async tried(): Promise<void> {
    const before = this.tries;
    await this.until('it is tried again', () => this.tries > before + 1);
  }

  metric(name: string): number | undefined {
    return this.registry.samples().find(sample => sample.name === name)?.value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort();
    await this.running;
    await this.store[Symbol.asyncDispose]();
    await rm(this.dir, { recursive: true });
  }
}

test('of what waits for a reader with a bound the oldest is dropped and counted; the rest is told when there is somebody to tell', async () => {
  const counts = ({ kind }: OutboxRow): boolean => kind === 'notification';
  await using world = await World.open({ most: 450, counts });
  await world.say(1, 1000);
  await world.until('it is dropped', async () => (await world.store.waiting('told')) === 450);
  await world.tried();
  assert.deepEqual(
    world.warnings.map(([text, { reader, dropped, kept }]) => [text, reader, dropped, kept]),
    [['relay: more waits for a reader than is kept for it, the oldest was dropped', 'told', 275, 450]],
  );
  assert.equal(world.metric('weft_outbox_dropped_total'), 275);
  world.away = false;
  await world.until('it is told', () => world.told.includes('1000'));
  assert.deepEqual(
    world.told,
    Array.from({ length: 450 }, (_, i) => String(551 + i)),
  );
  await world.until('nothing waits', () => world.metric('weft_outbox_backlog') === 0);
});

test('what waits for a reader without a bound is counted in whole, told to the operator now and then, and never dropped', async () => {
  await using world = await World.open();
  await world.say(1, 450);
  await world.tried();
  assert.equal(world.metric('weft_outbox_backlog'), 450);
  assert.equal(world.warnings.length, 0);
  for (const times of [1, 2]) {
    world.later += 601_000;
    await world.until('it is said', () => world.warnings.length === times);
    await world.tried();
  }
  assert.equal(world.warnings.length, 2);
  const [text, { reader, waiting, seconds }] = world.warnings[1]!;
  assert.equal(text, 'relay: facts have waited for long, and are kept in the database');
  assert.deepEqual([reader, waiting, Number(seconds) >= 1202 && Number(seconds) < 1300], ['told', 450, true]);
  assert.ok((world.metric('weft_outbox_lag_seconds') ?? 0) >= 1202);
  world.away = false;
  await world.until('all is told', () => world.told.length === 450);
});
