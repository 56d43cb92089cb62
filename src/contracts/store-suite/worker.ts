// A process of the suite: opens the store that its arguments name, waits for the word, hammers, and reports.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store, WriteSet } from '../store.ts';
import { insert, suiteTables, thing } from './place.ts';

export interface Job {
  readonly kind: 'addresses' | 'increments' | 'quota' | 'rivals' | 'endless';
  readonly me: string;
  readonly module: string;
  readonly opens: string;
  readonly where: string;
  /** Addresses in the pool, increments to make, rounds, or attempts at the quota. */
  readonly n: number;
  readonly limit: number;
}

const job: Job = JSON.parse(process.argv[2]!);
/** Loops at once in this process, so that its own commits meet each other too. */
const width = 3;

async function everyLoop(loop: (index: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: width }, (_, index) => loop(index)));
}

/** Takes addresses at random until every one is known to be taken. */
async function addresses(store: Store): Promise<string[]> {
  const mine: string[] = [];
  const free = new Set(Array.from({ length: job.n }, (_, i) => `10.0.0.${i}`));
  await everyLoop(async () => {
    while (free.size > 0) {
      const address = [...free][Math.floor(Math.random() * free.size)]!;
      const result = await store.commit({ ops: [insert('things', thing(address, { name: job.me, kind: address }), 'address')] });
      if (result.done) mine.push(address);
      else if (result.why !== 'conflict' || result.tag !== 'address') throw new Error(JSON.stringify(result));
      free.delete(address);
    }
  });
  return mine;
}

/** Read, guard, write what was read plus one; again when the guard moved. Returns how often it did. */
async function increments(store: Store): Promise<string[]> {
  let moved = 0;
  await everyLoop(async () => {
    for (let made = 0; made < job.n; ) {
      const row = (await store.get('counters', { id: 'shared' }))!;
      const result = await store.commit({
        guards: [{ guard: 'revision', table: 'counters', key: { id: 'shared' }, revision: row.revision_number as number }],
        ops: [
          {
            op: 'update',
            table: 'counters',
            where: { eq: ['id', 'shared'] },
            set: { used: (row.used as number) + 1 },
            bump: { revision_number: 1 },
          },
        ],
      });
      if (result.done) made++;
      else moved++;
      if (!result.done) await sleep(Math.random() * 4);
    }
  });
  return [String(moved)];
}

function quotaSet(id: string): WriteSet {
  return {
    ops: [
      insert('things', thing(id)),
      {
        op: 'update',
        table: 'counters',
        where: { and: [{ eq: ['id', 'shared'] }, { lt: ['used', job.limit] }] },
        bump: { used: 1 },
        expect: 1,
        tag: 'quota',
      },
    ],
    outbox: [{ kind: 'thing', id, event: 'created', revision: 0, facts: { by: job.me } }],
  };
}

async function quota(store: Store): Promise<string[]> {
  const mine: string[] = [];
  await everyLoop(async index => {
    for (let i = 0; i < job.n; i++) {
      const id = `${job.me}-${index}-${i}`;
      const result = await store.commit(quotaSet(id));
      if (result.done) mine.push(id);
      else if (result.why !== 'miss') throw new Error(JSON.stringify(result));
    }
  });
  return mine;
}

/** In each round the first, and nobody else: what is won are rounds, under a name that is nobody else's, so that no unique key helps. */
async function rivals(store: Store): Promise<string[]> {
  const won: string[] = [];
  await everyLoop(async index => {
    for (let round = 0; round < job.n; round++) {
      const result = await store.commit({
        guards: [{ guard: 'absent', table: 'things', where: { eq: ['kind', `round${round}`] } }],
        ops: [insert('things', thing(`${job.me}-${index}-${round}`, { kind: `round${round}` }))],
      });
      if (result.done) won.push(`round${round}`);
      else if (result.why !== 'guard') throw new Error(JSON.stringify(result));
    }
  });
  return won;
}

/** Tells each commit once it is answered, until it is killed. */
async function endless(store: Store): Promise<string[]> {
  for (let i = 0; ; i++) {
    const result = await store.commit(quotaSet(`${job.me}-${i}`));
    if (!result.done) throw new Error(JSON.stringify(result));
    process.send!({ done: `${job.me}-${i}` });
  }
}

// Whoever started this process is gone, perhaps by kill -9: nobody would end it otherwise.
let reported = false;
process.on('disconnect', () => {
  if (!reported) process.exit(1);
});

const module = (await import(job.module)) as Record<string, (where: string, options: object) => Promise<Store>>;
const store = await module[job.opens]!(job.where, { tables: suiteTables });
process.send!({ ready: true });
await new Promise(go => process.once('message', go));
const result = await { addresses, increments, quota, rivals, endless }[job.kind](store);
await store[Symbol.asyncDispose]();
process.send!({ result });
reported = true;
process.disconnect();
