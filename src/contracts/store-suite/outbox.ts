// The outbox: order, cursors of readers, what is kept for whom; and leases.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OutboxEntry, Store } from '../store.ts';
import { insert, type MakePlace, type StorePlace, suiteTables, thing, withStore } from './place.ts';

const entry = (id: string, more: Partial<OutboxEntry> = {}): OutboxEntry => ({
  kind: 'thing',
  id,
  event: 'created',
  revision: 1,
  facts: {},
  ...more,
});

async function say(store: Store, ...ids: string[]): Promise<number> {
  const result = await store.commit({ ops: [], outbox: ids.map(id => entry(id)) });
  assert.ok(result.done);
  return result.seq;
}

const heard = async (store: Store, reader: string, limit = 100) => (await store.outbox(reader, limit)).map(row => row.id).join('');

export function outboxContract(open: MakePlace): void {
  entries(open);
  cursors(open);
  order(open);
  wakes(open);
  leases(open);
}

function entries(open: MakePlace): void {
  test('outbox: entries come whole, in commit order, with rising numbers', () =>
    withStore(open, async store => {
      const facts = { host: 'h1', before: { fixed: ['10.0.0.1'] }, after: null, n: 1, text: 'ü\n' };
      const first = entry('a', { event: 'deleted', revision: 7, facts });
      const result = await store.commit({ ops: [insert('things', thing('a'))], outbox: [first, entry('b')] });
      await say(store, 'c');
      const rows = await store.outbox('relay', 10);
      assert.deepEqual(
        rows.map(({ seq: _seq, at: _at, ...rest }) => rest),
        [first, entry('b'), entry('c')],
      );
      assert.ok(rows[0]!.seq > 0 && rows[0]!.seq < rows[1]!.seq && rows[1]!.seq < rows[2]!.seq);
      assert.deepEqual(result, { done: true, seq: rows[1]!.seq });
      for (const row of rows) assert.ok(Math.abs(Date.parse(row.at) - Date.now()) < 60_000 && row.at.endsWith('Z'), row.at);
    }));

  test('outbox: a commit may tell of more than goes into one statement', () =>
    withStore(open, async store => {
      const facts = { text: 'x'.repeat(1500) };
      const result = await store.commit({ ops: [], outbox: Array.from({ length: 12_000 }, (_, i) => entry(`${i}`, { facts })) });
      const rows = await store.outbox('relay', 12_000);
      assert.ok(rows.every((row, i) => row.id === `${i}`) && rows.length === 12_000);
      assert.deepEqual(result, { done: true, seq: rows.at(-1)!.seq });
    }));

  test('outbox: concurrent commits keep the order within each and lose none', () =>
    withStore(open, async store => {
      const letters = 'abcdefghijklmnopqrstuvwxyz';
      await Promise.all(Array.from(letters, letter => say(store, letter, letter.toUpperCase())));
      const all = await heard(store, 'relay', 1000);
      assert.equal(all.length, 52);
      // Entries of others may come between those of one commit.
      for (const letter of letters) assert.ok(all.includes(letter) && all.indexOf(letter) < all.indexOf(letter.toUpperCase()), letter);
    }));
}

function cursors(open: MakePlace): void {
  test('outbox: each reader has its own cursor, and a limit', () =>
    withStore(open, async store => {
      await say(store, 'a', 'b');
      const last = await say(store, 'c');
      assert.equal(await heard(store, 'audit', 1), 'a');
      assert.equal(await heard(store, 'relay', 2), 'ab');
      assert.equal(await heard(store, 'relay', 2), 'ab', 'again until acknowledged');
      await store.acknowledge('relay', (await store.outbox('relay', 2))[1]!.seq);
      assert.equal(await heard(store, 'relay'), 'c');
      assert.equal(await heard(store, 'audit'), 'abc');
      await store.acknowledge('relay', last);
      assert.equal(await heard(store, 'relay'), '');
      assert.equal(await heard(store, 'audit'), 'abc');
      await say(store, 'd');
      assert.equal(await heard(store, 'relay'), 'd');
    }));

  test('outbox: how many wait for a reader', () =>
    withStore(open, async store => {
      assert.equal(await store.waiting('relay'), 0);
      await say(store, 'a', 'b', 'c');
      await store.outbox('audit', 1);
      await store.acknowledge('relay', (await store.outbox('relay', 2))[1]!.seq);
      assert.deepEqual(await Promise.all(['relay', 'audit', 'nobody'].map(reader => store.waiting(reader))), [1, 3, 0]);
      await store.acknowledge('relay', (await store.outbox('relay', 2))[0]!.seq);
      assert.equal(await store.waiting('relay'), 0);
      await store.outbox('audit', 10);
      await store.acknowledge('audit', (await store.outbox('audit', 10))[2]!.seq);
      assert.equal(await store.waiting('audit'), 0, 'also when nothing is left');
    }));

  test('outbox: a cursor goes forward only, and never beyond what is there', () =>
    withStore(open, async store => {
      assert.equal(await heard(store, 'keeps what is acknowledged from being deleted'), '');
      const first = await say(store, 'a');
      const second = await say(store, 'b');
      assert.equal(await heard(store, 'relay'), 'ab');
      await store.acknowledge('relay', second);
      await store.acknowledge('relay', first);
      assert.equal(await heard(store, 'relay'), '');
      await store.acknowledge('relay', second + 1000);
      await say(store, 'c');
      assert.equal(await heard(store, 'relay'), 'c');
    }));

  test('outbox: nothing is lost to a reader that has looked once, whatever the others acknowledge', () =>
    withStore(open, async (store, place) => {
      await using other = await place.open(suiteTables);
      assert.equal(await heard(other, 'late'), '');
      for (const id of ['a', 'b']) {
        const seq = await say(store, id);
        assert.equal(await heard(store, 'relay'), id);
        await store.acknowledge('relay', seq);
      }
      assert.equal(await heard(other, 'late'), 'ab');
      await other.acknowledge('late', (await other.outbox('late', 10)).at(-1)!.seq);
      assert.equal(await heard(store, 'late'), '', 'the cursor is in the database');
    }));

  test('outbox: a reader that comes when all is read hears what comes after', () =>
    withStore(open, async store => {
      const last = await say(store, 'a', 'b');
      await store.outbox('relay', 10);
      await store.acknowledge('relay', last);
      assert.ok(/^(ab)?$/.test(await heard(store, 'new')), 'what every known reader passed may be gone');
      const next = await say(store, 'c');
      assert.ok(next > last, 'numbers are not used twice');
      assert.ok((await heard(store, 'new')).endsWith('c'));
      assert.equal(await heard(store, 'relay'), 'c');
    }));

  test('outbox: nothing is kept for a reader that is forgotten; one that comes again hears what is there', () =>
    withStore(open, async (store, place) => {
      await using other = await place.open(suiteTables);
      assert.equal(await heard(other, 'gone for good'), '');
      assert.equal(await heard(store, 'relay'), '');
      const last = await say(store, 'a', 'b');
      assert.equal(await heard(store, 'relay'), 'ab');
      await store.acknowledge('relay', last);
      assert.equal(await heard(other, 'gone for good'), 'ab', 'kept for it until it is forgotten');
      await store.forget('gone for good');
      await store.forget('never there');
      assert.equal(await heard(other, 'gone for good'), '', 'not kept any more');
      const next = await say(store, 'c');
      assert.equal(await heard(store, 'relay'), 'c');
      await store.acknowledge('relay', next);
      assert.equal(await heard(other, 'gone for good'), 'c', 'known again from its first look, also by whoever knew it before');
      assert.equal(await heard(store, 'relay'), '', 'the others are where they were');
    }));

  test('outbox: the last reader that is forgotten takes nothing along', () =>
    withStore(open, async store => {
      await store.outbox('relay', 1);
      await say(store, 'a');
      await store.forget('relay');
      assert.equal(await heard(store, 'new'), 'a');
    }));

  test('outbox: numbers go on rising after a restart', async () => {
    await using place = await open();
    const before = await place.open(suiteTables);
    const last = await say(before, 'a');
    assert.equal(await heard(before, 'relay'), 'a');
    await before.acknowledge('relay', last);
    await before[Symbol.asyncDispose]();
    await using after = await place.open(suiteTables);
    assert.equal(await heard(after, 'relay'), '');
    assert.ok((await say(after, 'b')) > last);
    assert.equal(await heard(after, 'relay'), 'b');
  });
}

function order(open: MakePlace): void {
  const orderTest = (name: string, use: (store: Store, underWay: NonNullable<StorePlace['underWay']>) => Promise<void>) =>
    test(name, t =>
      withStore(open, async (store, place) => {
        if (!place.underWay) return t.skip('place: numbers are taken with the commit here');
        await use(store, place.underWay);
      }),
    );

  orderTest('outbox: the lower number that is committed second is heard, whatever was acknowledged meanwhile', async (store, underWay) => {
    assert.equal(await heard(store, 'relay'), '');
    await using slow = await underWay('a');
    const last = await say(store, 'b', 'c');
    assert.equal(await heard(store, 'relay'), 'bc');
    await store.acknowledge('relay', last);
    assert.equal(await heard(store, 'relay'), '');
    await slow.end('commit');
    const [late] = await store.outbox('relay', 10);
    assert.ok(late!.id === 'a' && late!.seq < last, 'its number is the lower one');
    const next = await say(store, 'd');
    assert.equal(await heard(store, 'relay'), 'ad');
    await store.acknowledge('relay', next);
    assert.equal(await heard(store, 'relay'), '', 'each is heard once');
  });

  orderTest('outbox: what is committed between a look and its acknowledgement is not acknowledged with it', async (store, underWay) => {
    await using slow = await underWay('a');
    const last = await say(store, 'b');
    assert.equal(await heard(store, 'relay'), 'b');
    await slow.end('commit');
    await store.acknowledge('relay', last);
    assert.equal(await heard(store, 'relay'), 'a');
    assert.equal(await heard(store, 'late'), 'ab', 'a new reader begins before both');
  });

  orderTest('outbox: a number that is never committed holds up nobody', async (store, underWay) => {
    await using slow = await underWay('a');
    await store.outbox('relay', 10);
    const last = await say(store, 'b');
    assert.equal(await heard(store, 'relay'), 'b');
    await slow.end('rollback');
    await store.acknowledge('relay', last);
    await say(store, 'c');
    assert.equal(await heard(store, 'relay'), 'c');
  });
}

function wakes(open: MakePlace): void {
  test('onOutbox: called after a commit that wrote to the outbox, and after no other', () =>
    withStore(open, async store => {
      let calls = 0;
      let seen: string | undefined;
      const listening = store.onOutbox(() => {
        calls++;
        void heard(store, 'relay').then(ids => {
          seen = ids;
        });
      });
      await store.commit({ ops: [insert('things', thing('a'))] });
      await store.commit({ ops: [insert('things', thing('a'))], outbox: [entry('x')] });
      assert.equal(calls, 0);
      await say(store, 'a');
      assert.equal(calls, 1);
      for (let tries = 0; seen === undefined && tries < 500; tries++) await sleep(10);
      assert.equal(seen, 'a', 'the entry is there when the listener looks');
      listening[Symbol.dispose]();
      await say(store, 'b');
      assert.equal(calls, 1);
    }));

  test('onOutbox: a listener that throws harms neither the commit nor the others', () =>
    withStore(open, async store => {
      let calls = 0;
      using _bad = store.onOutbox(() => {
        throw new Error('a listener of the contract suite throws this on purpose');
      });
      using _good = store.onOutbox(() => void calls++);
      assert.ok((await say(store, 'a')) > 0);
      assert.equal(calls, 1);
    }));
}

function leases(open: MakePlace): void {
  test('lease: one holder, who may renew; another after it ran out', () =>
    withStore(open, async (store, place) => {
      await using other = await place.open(suiteTables);
      assert.equal(await store.lease('relay', 'one', 60_000), true);
      assert.equal(await other.lease('relay', 'two', 60_000), false);
      assert.equal(await store.lease('relay', 'one', 800), true, 'renewed, and shorter');
      assert.equal(await other.lease('relay', 'two', 800), false);
      assert.equal(await other.lease('elsewhere', 'two', 60_000), true, 'another name is another lease');
      await sleep(850);
      assert.equal(await other.lease('relay', 'two', 60_000), true, 'taken over');
      assert.equal(await store.lease('relay', 'one', 60_000), false, 'the old holder is out');
    }));

  test('lease: given back by taking it for no time', () =>
    withStore(open, async store => {
      assert.equal(await store.lease('relay', 'one', 60_000), true);
      assert.equal(await store.lease('relay', 'one', 0), true);
      assert.equal(await store.lease('relay', 'two', 60_000), true);
    }));

  test('lease: of many who ask at once one gets it', () =>
    withStore(open, async (store, place) => {
      await using other = await place.open(suiteTables);
      const asked = Array.from({ length: 20 }, (_, i) => (i % 2 ? store : other).lease('relay', `holder${i}`, 60_000));
      assert.equal((await Promise.all(asked)).filter(Boolean).length, 1);
    }));
}
