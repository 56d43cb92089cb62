import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { openSqliteStore } from '../../adapters/store-sql/sqlite/open.ts';
import type { OutboxRow, Store } from '../../contracts/store.ts';
import { allTables } from '../../model/registry.ts';
import type { Services } from '../context.ts';
import { catchUp, forgetLate, forgetUnused } from './catch-up.ts';
import { runRelay } from './relay.ts';

const day = 24 * 3600 * 1000;
let stack: AsyncDisposableStack;
let store: Store;
let late = 0;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  late = 0;
  const dir = await mkdtemp(join(tmpdir(), 'weft-catch-up-'));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  store = stack.use(await openSqliteStore(join(dir, 'weft.db'), { tables: allTables }));
});
afterEach(() => stack.disposeAsync());

/** Sleeps end with their signal, and otherwise after a moment. */
function services(): Services {
  const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise(resolve => {
      const timer = setTimeout(resolve, Math.min(ms, 5));
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  const clock = { now: () => Date.now() + late, sleep };
  return { store, clock, random: () => 0, log: { error() {}, warning() {} } } as unknown as Services;
}

async function say(id: string): Promise<void> {
  await store.commit({ ops: [], outbox: [{ kind: 'port', id, event: 'created', revision: 1, facts: {} }] });
}

const heard = async (reader: string): Promise<string> => (await store.outbox(reader, 100)).map(r => r.id).join('');
const acknowledgeAll = async (reader: string): Promise<void> =>
  store.acknowledge(reader, (await store.outbox(reader, 100)).at(-1)?.seq ?? 0);

test('a reader looks at everything once, and again after it was forgotten; what comes meanwhile is kept', async () => {
  await store.outbox('agents', 1);
  let looks = 0;
  const all = async (): Promise<void> => {
    looks++;
    await say('x');
    await acknowledgeAll('agents');
  };
  for (let i = 0; i < 3; i++) await catchUp(services(), 'dns', all);
  assert.equal(looks, 1);
  assert.equal(await heard('dns'), 'x');
  await unused();
  await acknowledgeAll('agents');
  for (let i = 0; i < 3; i++) await catchUp(services(), 'dns', all);
  assert.equal(looks, 2);
});

test('one that could not look at everything looks again', async () => {
  await assert.rejects(
    catchUp(services(), 'dns', async () => {
      throw new Error('away');
    }),
  );
  let looks = 0;
  await catchUp(services(), 'dns', async () => void looks++);
  assert.equal(looks, 1);
});

/** A server without use for the reader, that ends after its first look. */
async function unused(holder = 'two'): Promise<void> {
  const stop = new AbortController();
  const running = forgetUnused(services(), 'dns', holder, stop.signal);
  stop.abort();
  await running;
}

test('nothing is kept for a reader that no server has a use for, but for one that another server reads by', async () => {
  await store.outbox('agents', 1);
  await catchUp(services(), 'dns', async () => {});
  await say('a');
  await acknowledgeAll('agents');
  assert.equal(await store.lease('relay:dns', 'one', 60_000), true);
  await unused();
  await acknowledgeAll('agents');
  assert.equal(await heard('dns'), 'a', 'somebody else reads');
  await store.lease('relay:dns', 'one', 0);
  await unused();
  assert.equal(await heard('late'), '', 'nothing is there any more');
  assert.equal(await store.lease('relay:dns', 'one', 1000), true, 'the lease was given back');
});

test('what is a week old is not kept for a reader that is away; what is younger is', async () => {
  await store.outbox('agents', 1);
  await catchUp(services(), 'dns', async () => {});
  await say('a');
  await acknowledgeAll('agents');
  late = 6 * day;
  await forgetLate(services(), 'dns');
  assert.equal(await heard('dns'), 'a');
  late = 8 * day;
  await forgetLate(services(), 'dns');
  assert.equal(await heard('late'), '');
  let looks = 0;
  await catchUp(services(), 'dns', async () => void looks++);
  assert.equal(looks, 1);
});

test('a relay whose reader is forgotten while it reads looks at everything, and goes on with what is there', async () => {
  const told: string[] = [];
  const stop = new AbortController();
  const deliver = async (row: OutboxRow): Promise<void> => void told.push(row.id);
  const all = async (): Promise<void> => void told.push('all');
  stack.defer(async () => {
    stop.abort();
    await relay;
  });
  const relay = runRelay(services(), { reader: 'dns', holder: 'one', deliver, all }, stop.signal);
  const until = async (wanted: RegExp): Promise<void> => {
    for (let i = 0; i < 4000 && !wanted.test(told.join()); i++) await new Promise(resolve => setTimeout(resolve, 5));
    assert.match(told.join(), wanted);
  };
  await until(/^all$/);
  await say('a');
  await until(/^all,a$/);
  // What is not acknowledged would come again.
  while ((await heard('dns')) !== '') await new Promise(resolve => setTimeout(resolve, 5));
  // Its lease runs out without its noticing; it may just have renewed it.
  while (told.length === 2) {
    await store.lease('relay:dns', 'one', 0);
    await unused();
  }
  await until(/^all,a(,all)+$/);
  await say('b');
  await until(/^all,a(,all)+,b$/);
});
