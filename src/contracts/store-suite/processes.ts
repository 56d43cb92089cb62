// Several processes on one database: nothing is given twice, no increment is lost, no limit passed, no answered commit gone.
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { OutboxRow, Store } from '../store.ts';
import { idsOf, insert, type MakePlace, mustCommit, type StorePlace, suiteTables, withStore } from './place.ts';
import type { Job } from './worker.ts';

const processes = 4;
const worker = fileURLToPath(import.meta.resolve('./worker.ts'));

class Worker {
  readonly result: Promise<string[]>;
  readonly told: string[] = [];
  readonly process: ChildProcess;
  private readonly ready: Promise<void>;

  constructor(job: Job) {
    const { NODE_TEST_CONTEXT: _test, ...env } = process.env;
    this.process = fork(worker, [JSON.stringify(job)], { env, execArgv: ['--disable-warning=ExperimentalWarning'] });
    const ready = Promise.withResolvers<void>();
    const result = Promise.withResolvers<string[]>();
    this.process.on('message', (message: { ready?: true; result?: string[]; done?: string }) => {
      if (message.ready) ready.resolve();
      if (message.done) this.told.push(message.done);
      if (message.result) result.resolve(message.result);
    });
    this.process.on('exit', (code, signal) => {
      const error = new Error(`worker ${job.me} ended early (${signal ?? code})`);
      ready.reject(error);
      result.reject(error);
    });
    this.ready = ready.promise;
    this.result = result.promise;
    // Whoever waits for one of them hears of the failure; the other must not count as unhandled.
    this.ready.catch(() => {});
    this.result.catch(() => {});
  }

  async go(): Promise<void> {
    await this.ready;
    this.process.send('go');
  }

  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exit = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await exit;
  }
}

type Work = Pick<Job, 'kind' | 'n' | 'limit'>;

async function hammer(t: TestContext, place: StorePlace, work: Work, count = processes): Promise<Worker[]> {
  const workers = Array.from({ length: count }, (_, i) => new Worker({ ...work, ...place.elsewhere!, me: `w${i}` }));
  t.after(() => Promise.all(workers.map(each => each.kill())));
  await Promise.all(workers.map(each => each.go()));
  return workers;
}

/** Reads and acknowledges as a relay does, until told to end; then once more. */
async function relay(store: Store, ended: () => boolean): Promise<OutboxRow[]> {
  const heard: OutboxRow[] = [];
  for (let last = false; ; ) {
    const rows = await store.outbox('relay', 20);
    heard.push(...rows);
    if (rows.length > 0) await store.acknowledge('relay', rows.at(-1)!.seq);
    else if (last) return heard;
    else if (ended()) last = true;
    else await sleep(3);
  }
}

export function processContract(open: MakePlace): void {
  const processTest = (name: string, use: (t: TestContext, store: Store, place: StorePlace) => Promise<void>) =>
    test(name, t =>
      withStore(open, async (store, place) => {
        if (!place.elsewhere) return t.skip('this database lives in one process');
        await use(t, store, place);
      }),
    );

  processTest('processes: a pool of addresses is given out exactly, none twice', async (t, store, place) => {
    const workers = await hammer(t, place, { kind: 'addresses', n: 120, limit: 0 });
    const taken = await Promise.all(workers.map(each => each.result));
    const pool = Array.from({ length: 120 }, (_, i) => `10.0.0.${i}`).sort();
    assert.deepEqual(taken.flat().sort(), pool);
    assert.deepEqual(await idsOf(store.select({ table: 'things' })), pool);
    for (const [i, mine] of taken.entries())
      assert.deepEqual(await idsOf(store.select({ table: 'things', where: { eq: ['name', `w${i}`] } })), mine.sort());
  });

  processTest('processes: guarded increments lose none', async (t, store, place) => {
    await mustCommit(store, insert('counters', { id: 'shared', used: 0 }));
    const workers = await hammer(t, place, { kind: 'increments', n: 40, limit: 0 });
    const moved = (await Promise.all(workers.map(each => each.result))).flat();
    const total = processes * 3 * 40;
    assert.deepEqual(await store.get('counters', { id: 'shared' }), { id: 'shared', used: total, revision_number: total });
    assert.ok(
      moved.some(times => Number(times) > 0),
      'they did meet',
    );
  });

  processTest('processes: of many that rely on the absence of the same row, one is done', async (t, store, place) => {
    const workers = await hammer(t, place, { kind: 'rivals', n: 60, limit: 0 });
    const won = (await Promise.all(workers.map(each => each.result))).flat();
    const rounds = Array.from({ length: 60 }, (_, i) => `round${i}`).sort();
    assert.deepEqual(won.sort(), rounds);
    assert.equal(await store.count('things'), rounds.length);
  });

  processTest('processes: a limit is reached exactly, and a reader misses no entry meanwhile', async (t, store, place) => {
    const limit = 217;
    await mustCommit(store, insert('counters', { id: 'shared', used: 0 }));
    const workers = await hammer(t, place, { kind: 'quota', n: 40, limit });
    let over = false;
    const reading = relay(store, () => over);
    const taken = (await Promise.all(workers.map(each => each.result))).flat().sort();
    over = true;
    assert.equal(taken.length, limit);
    assert.equal((await store.get('counters', { id: 'shared' }))?.used, limit);
    assert.deepEqual(await idsOf(store.select({ table: 'things' })), taken);
    const heard = await reading;
    assert.deepEqual(heard.map(row => row.id).sort(), taken);
    // Of each process's loop in the order of its commits, though those of others may come between with a number that is higher or lower.
    const last = new Map<string, number>();
    for (const { id, seq } of heard) {
      const loop = id.slice(0, id.lastIndexOf('-'));
      assert.ok(seq > (last.get(loop) ?? 0), id);
      last.set(loop, seq);
    }
  });

  processTest('processes: kill -9 leaves all that was answered, and whole write sets only', async (t, store, place) => {
    await mustCommit(store, insert('counters', { id: 'shared', used: 0 }));
    const workers = await hammer(t, place, { kind: 'endless', n: 0, limit: 1e9 }, 2);
    while (workers.some(each => each.told.length < 30)) await sleep(5);
    await Promise.all(workers.map(each => each.kill()));
    await using again = await place.open(suiteTables);
    const there = new Set(await idsOf(again.select({ table: 'things' })));
    for (const id of workers.flatMap(each => each.told)) assert.ok(there.has(id), id);
    assert.equal((await again.get('counters', { id: 'shared' }))?.used, there.size);
    assert.equal((await again.outbox('relay', 1e6)).length, there.size);
    await mustCommit(store, insert('things', { id: 'after', kind: 'k' }));
  });
}
