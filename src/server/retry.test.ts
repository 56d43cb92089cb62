import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommitResult, Row, Store, WriteSet } from '../contracts/store.ts';
import { apiError } from '../domain/errors.ts';
import type { Services } from './context.ts';
import { commitDecision } from './retry.ts';

/** Rows by their key, and what happens just before a read, counted from 1. */
class Box {
  readonly rows = new Map<string, Row>();
  readonly before = new Map<number, () => void>();
  reads = 0;
  commits = 0;

  services(): Services {
    const get = async (_table: string, { id }: { id: string }): Promise<Row | undefined> => {
      this.before.get(++this.reads)?.();
      return this.rows.get(id);
    };
    const commit = async (_: WriteSet): Promise<CommitResult> => ({ done: true, seq: ++this.commits });
    const store = { get, commit } as unknown as Store;
    const clock = { now: () => 0, sleep: async () => {} };
    const newId = (): string => 'new';
    return { store, clock, newId, random: () => 0, log: { warning() {} } } as unknown as Services;
  }
}

const gone = (): Error => apiError('NetworkNotFound', { net_id: 'child' });

/** A parent names its child: whoever sees one without the other refuses. */
async function decideByBoth(box: Box, commits = false): Promise<unknown> {
  return commitDecision(box.services(), {
    decide: async (draft, { store }) => {
      const parent = await store.get('things', { id: 'parent' });
      const child = await store.get('things', { id: String(parent?.child) });
      if (!child) throw gone();
      if (commits) draft.insert('things', { id: 'x' });
      return child.id;
    },
  });
}

function family(box: Box, child: string): void {
  box.rows.clear();
  for (const row of [{ id: 'parent', child }, { id: child }]) box.rows.set(row.id, row);
}

test('a refusal by reads that a change came between is not believed', async () => {
  const box = new Box();
  family(box, 'first');
  box.before.set(2, () => family(box, 'second'));
  assert.equal(await decideByBoth(box, true), 'second');
  assert.equal(box.commits, 1);
});

test('a refusal that all reads still bear out is one at once', async () => {
  const box = new Box();
  box.rows.set('parent', { id: 'parent', child: 'missing' });
  await assert.rejects(decideByBoth(box), /child could not be found/);
  assert.equal(box.reads, 4, 'each once more');
});

test('what was read once was so; what is decided is read no second time', async () => {
  const box = new Box();
  const once = commitDecision(box.services(), {
    decide: async (_draft, { store }) => {
      if (!(await store.get('things', { id: 'child' }))) throw gone();
    },
  });
  await assert.rejects(once, /could not be found/);
  assert.equal(box.reads, 1);
  family(box, 'child');
  assert.equal(await decideByBoth(box), 'child');
  assert.equal(box.reads, 3);
});

test('what is refused time and again while something else moves is refused', async () => {
  const box = new Box();
  box.rows.set('parent', { id: 'parent', child: 'missing' });
  for (let i = 1; i < 1000; i++) box.before.set(i, () => box.rows.set('parent', { id: 'parent', child: 'missing', beat: i }));
  await assert.rejects(decideByBoth(box), /child could not be found/);
  assert.equal(box.commits, 0);
});

test('a list that the decision goes on with is compared as it was read', async () => {
  const rows: Row[] = [{ id: 'b' }, { id: 'a' }];
  let reads = 0;
  const services = new Box().services();
  const select = async (): Promise<Row[]> => {
    reads++;
    return [...rows];
  };
  const decision = commitDecision(
    { ...services, store: { ...services.store, select } as unknown as Store },
    {
      decide: async (_draft, { store }) => {
        const [one, other] = [await store.select({ table: 'things' }), await store.select({ table: 'things' })];
        one.sort((a, b) => String(a.id).localeCompare(String(b.id))).push(...other.splice(0));
        throw gone();
      },
    },
  );
  await assert.rejects(decision, /could not be found/);
  assert.equal(reads, 4);
});

test('what a decision within a decision reads and commits is no reason to doubt the outer one', async () => {
  const box = new Box();
  let decided = 0;
  const outer = commitDecision(box.services(), {
    decide: async (_outer, services) => {
      decided++;
      await services.store.get('things', { id: 'a' });
      await commitDecision(services, {
        decide: async (draft, { store }) => {
          await store.get('things', { id: 'b' });
          draft.insert('things', { id: 'b' });
          box.rows.set('b', { id: 'b' });
        },
      });
      await services.store.get('things', { id: 'b' });
      throw gone();
    },
  });
  await assert.rejects(outer, /could not be found/);
  assert.deepEqual([decided, box.commits], [1, 1]);
});
