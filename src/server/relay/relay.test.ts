import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BusUnavailable } from '../../contracts/bus.ts';
import { type OutboxRow, StoreBusy } from '../../contracts/store.ts';
import type { Services } from '../context.ts';
import { runRelay } from './relay.ts';

/** The part of a store that a relay uses, shared by the relays of several processes, on a clock that the test moves. */
class Box {
  now = 0;
  readonly rows: { readonly seq: number; readonly kind: string }[] = [];
  readonly errors: string[] = [];
  leases = 0;
  looks = 0;
  private readonly cursors = new Map<string, number>();
  private held: { holder: string; until: number } | undefined;
  private readonly listeners = new Set<() => void>();
  private readonly sleepers = new Set<() => void>();

  services(): Services {
    const lease = async (_: string, holder: string, ms: number): Promise<boolean> => {
      this.leases++;
      if (this.held && this.held.holder !== holder && this.held.until > this.now) return false;
      this.held = { holder, until: this.now + ms };
      return true;
    };
    const outbox = async (reader: string): Promise<OutboxRow[]> => {
      this.looks++;
      return this.rows
        .filter(({ seq }) => seq > (this.cursors.get(reader) ?? 0))
        .map(({ seq, kind }) => ({ seq, kind, id: String(seq) }) as OutboxRow);
    };
    const acknowledge = async (reader: string, seq: number): Promise<void> => void this.cursors.set(reader, seq);
    const onOutbox = (listener: () => void): Disposable => {
      this.listeners.add(listener);
      return { [Symbol.dispose]: () => void this.listeners.delete(listener) };
    };
    const sleep = (_: number, signal?: { addEventListener(type: 'abort', listener: () => void): void }): Promise<void> =>
      new Promise(resolve => {
        this.sleepers.add(resolve);
        signal?.addEventListener('abort', () => resolve());
      });
    const waiting = async (reader: string): Promise<number> => this.waiting(reader);
    const services = { store: { lease, outbox, acknowledge, onOutbox, waiting }, clock: { now: () => this.now, sleep }, random: () => 0 };
    return { ...services, log: { error: (text: string) => void this.errors.push(text), warning() {} } } as unknown as Services;
  }

  waiting(reader: string): number {
    return this.rows.filter(({ seq }) => seq > (this.cursors.get(reader) ?? 0)).length;
  }

  commit(seq: number, kind = 'port'): void {
    this.rows.push({ seq, kind });
    for (const listener of this.listeners) listener();
  }

  /** By a server that cannot tell of it. */
  commitElsewhere(seq: number): void {
    this.rows.push({ seq, kind: 'port' });
  }

  async pass(ms: number): Promise<void> {
    this.now += ms;
    for (const wake of this.sleepers) wake();
    this.sleepers.clear();
    await settled();
  }
}

const settled = (): Promise<void> => new Promise(resolve => setImmediate(() => setImmediate(resolve)));

async function relay(box: Box, holder: string, deliver: (seq: number) => Promise<void> = async () => {}) {
  const sent: number[] = [];
  const stop = new AbortController();
  const tell = async ({ seq }: OutboxRow): Promise<void> => {
    await deliver(seq);
    sent.push(seq);
  };
  const ended = runRelay(box.services(), { reader: 'agents', holder, deliver: tell }, stop.signal);
  await settled();
  const end = async (): Promise<void> => {
    stop.abort();
    await ended;
  };
  return { sent, end };
}

test('what is committed is delivered at once, and a lease is not renewed for each of it', async () => {
  const box = new Box();
  const one = await relay(box, 'one');
  for (let seq = 1; seq <= 20; seq++) {
    box.commit(seq);
    await settled();
  }
  assert.equal(one.sent.length, 20);
  assert.equal(box.leases, 1);
  await box.pass(5000);
  assert.equal(box.leases, 2);
  await one.end();
});

test('facts that come while others are told are looked for once, with those that come soon after', async () => {
  const box = new Box();
  const slow = Promise.withResolvers<void>();
  const one = await relay(box, 'one', seq => (seq === 1 ? slow.promise : Promise.resolve()));
  box.commit(1);
  await settled();
  box.commit(2);
  slow.resolve();
  await settled();
  assert.deepEqual(one.sent, [1]);
  const looks = box.looks;
  for (const seq of [3, 4, 5]) {
    box.commit(seq);
    await settled();
  }
  assert.equal(box.looks, looks);
  await box.pass(20);
  assert.deepEqual(one.sent, [1, 2, 3, 4, 5]);
  assert.equal(box.looks, looks + 1);
  await one.end();
});

test('a fact that comes alone is told alone, and facts of other servers, of which nobody tells, soon after', async () => {
  const box = new Box();
  const one = await relay(box, 'one');
  box.commit(1);
  await settled();
  assert.deepEqual(one.sent, [1]);
  const looks = box.looks;
  box.commitElsewhere(2);
  await settled();
  assert.equal(box.looks, looks);
  await box.pass(20);
  assert.deepEqual(one.sent, [1, 2]);
  await one.end();
});

test('who does not have the lease asks for it now and then, and not for each fact', async () => {
  const box = new Box();
  const one = await relay(box, 'one');
  const two = await relay(box, 'two');
  const asked = box.leases;
  for (let seq = 1; seq <= 20; seq++) {
    box.commit(seq);
    await settled();
  }
  assert.equal(one.sent.length, 20);
  assert.equal(box.leases, asked);
  await one.end();
  box.commit(21);
  await box.pass(500);
  assert.deepEqual(two.sent, [21]);
  await two.end();
});

test('a relay that ends gives its lease back: the next one need not wait', async () => {
  const box = new Box();
  const one = await relay(box, 'one');
  await one.end();
  box.commit(1);
  const two = await relay(box, 'two');
  assert.deepEqual(two.sent, [1]);
  await two.end();
});

test('after a crash the lease runs out before another takes over; the same holder finds its own', async () => {
  const box = new Box();
  const crashed = await relay(box, 'one');
  const two = await relay(box, 'two');
  const again = await relay(box, 'one');
  box.commit(1);
  await settled();
  assert.deepEqual([two.sent, again.sent], [[], [1]]);
  await again.end();
  await crashed.end();
  await two.end();
});

test('one relay at a time: the second takes over when the first has been silent for long enough', async () => {
  const box = new Box();
  const services = box.services();
  assert.equal(await services.store.lease('relay:agents', 'silent', 10_000), true);
  const two = await relay(box, 'two');
  box.commit(1);
  await box.pass(9000);
  assert.deepEqual(two.sent, []);
  await box.pass(1500);
  assert.deepEqual(two.sent, [1]);
  await two.end();
});

test('what was put off is not told by a relay that has lost its lease meanwhile', async () => {
  const box = new Box();
  const services = box.services();
  const stop = new AbortController();
  let ends = 0;
  const slow = async (): Promise<void> => {
    box.now += 10_001;
    assert.equal(await services.store.lease('relay:agents', 'another', 10_000), true);
  };
  box.commit(1);
  const end = async (): Promise<void> => void ends++;
  const ended = runRelay(services, { reader: 'agents', holder: 'a', deliver: slow, end }, stop.signal);
  await settled();
  assert.deepEqual([ends, box.waiting('agents'), box.errors.length], [0, 1, 1]);
  stop.abort();
  await ended;
});

test('a fact of a newer version is left to that one, which finds the lease free; the others are told before and after it', async () => {
  const box = new Box();
  const older = await relay(box, 'older');
  box.commit(1);
  box.commit(2, 'comet');
  box.commit(3);
  await settled();
  assert.deepEqual(older.sent, [1]);
  await box.pass(20);
  const { store } = box.services();
  assert.equal(await store.lease('relay:agents', 'newer', 10_000), true);
  await box.pass(3000);
  assert.deepEqual(
    (await store.outbox('agents', 10)).map(row => row.seq),
    [2, 3],
    'it waits while the newer one has the lease',
  );
  await store.acknowledge('agents', 2);
  await box.pass(8000);
  assert.deepEqual(older.sent, [1, 3]);
  assert.deepEqual(box.errors, []);
  await older.end();
});

test('a fact that no version fetches holds up the others for a minute, and then is given up with a word', async () => {
  const box = new Box();
  const older = await relay(box, 'older');
  box.commit(1, 'comet');
  box.commit(2);
  await settled();
  for (let waited = 0; waited < 57_000; waited += 3000) await box.pass(3000);
  assert.deepEqual([older.sent, box.errors], [[], []]);
  await box.pass(3000);
  await box.pass(500);
  assert.deepEqual(older.sent, [1, 2]);
  assert.deepEqual(box.errors, ['relay: a fact of an unknown kind was given up']);
  await older.end();
});

test('what was told before the bus went away is not told again when it is back', async () => {
  const box = new Box();
  for (const seq of [1, 2, 3]) box.commit(seq);
  let away = true;
  const one = await relay(box, 'one', async seq => {
    if (away && seq === 3) throw new BusUnavailable('away');
  });
  await box.pass(1000);
  assert.deepEqual([one.sent, box.errors.length > 1], [[1, 2], true]);
  away = false;
  await box.pass(10_000);
  assert.deepEqual(one.sent, [1, 2, 3]);
  await one.end();
});

test('what is put off is told before its facts are acknowledged, and they are told again where it could not be', async () => {
  const box = new Box();
  for (const seq of [1, 2]) box.commit(seq);
  const said: string[] = [];
  let away: 'end' | 2 | undefined = 'end';
  const services = box.services();
  const { store } = services;
  const acknowledge = store.acknowledge.bind(store);
  store.acknowledge = async (reader, seq) => {
    said.push(`acknowledged ${seq}`);
    await acknowledge(reader, seq);
  };
  const stop = new AbortController();
  const deliver = async ({ seq }: OutboxRow): Promise<void> => {
    if (away === seq) throw new BusUnavailable('away');
    said.push(`told ${seq}`);
  };
  const end = async (): Promise<void> => {
    if (away === 'end') throw new BusUnavailable('away');
    said.push('the rest');
  };
  const ended = runRelay(services, { reader: 'agents', holder: 'one', deliver, begin: () => void said.push('begin'), end }, stop.signal);
  await settled();
  assert.deepEqual(said, ['begin', 'told 1', 'told 2']);
  said.length = 0;
  away = 2;
  await box.pass(10_000);
  assert.deepEqual(said, ['begin', 'told 1', 'the rest', 'acknowledged 1']);
  said.length = 0;
  away = undefined;
  await box.pass(10_000);
  assert.deepEqual(said, ['begin', 'told 2', 'the rest', 'acknowledged 2']);
  stop.abort();
  await ended;
});

test('of facts whose messages are on their way together, one that cannot be told holds up no other, and none is done with before it has arrived', async () => {
  const box = new Box();
  for (const seq of [1, 2, 3]) box.commit(seq);
  const stop = new AbortController();
  const said: string[] = [];
  let sent: number[] = [];
  let away = true;
  const arrived = async (): Promise<void> => {
    const some = sent;
    sent = [];
    if (away) throw new BusUnavailable('away');
    if (some.includes(2)) throw new RangeError('too large');
    said.push(some.join('+'));
  };
  const deliver = async ({ seq }: OutboxRow): Promise<void> => void sent.push(seq);
  const begin = (): void => {
    sent = [];
  };
  const ended = runRelay(box.services(), { reader: 'agents', holder: 'one', begin, deliver, arrived }, stop.signal);
  await settled();
  assert.deepEqual([said, box.waiting('agents')], [[], 3]);
  away = false;
  await box.pass(10_000);
  assert.deepEqual([said, box.waiting('agents')], [['1', '3'], 0]);
  assert.equal(box.errors.filter(text => text.includes('given up')).length, 1);
  for (const seq of [4, 5]) box.commit(seq);
  await box.pass(20);
  assert.deepEqual(said.slice(2).join('+'), '4+5');
  stop.abort();
  await ended;
});

test('while facts are told slowly one by one, nobody else tells them', async () => {
  const box = new Box();
  for (const seq of [1, 2]) box.commit(seq);
  const slow = Promise.withResolvers<void>();
  const one = await relay(box, 'one', () => slow.promise);
  const two = await relay(box, 'two');
  for (let waited = 0; waited < 30_000; waited += 3000) await box.pass(3000);
  assert.deepEqual([one.sent, two.sent], [[], []]);
  slow.resolve();
  await settled();
  assert.deepEqual([one.sent, two.sent], [[1, 2], []]);
  await one.end();
  await two.end();
});

test('of facts that are told together one that cannot be told holds up no other, and none is lost while somebody is away', async () => {
  const box = new Box();
  for (const seq of [1, 2, 3]) box.commit(seq);
  const sent: number[] = [];
  let away: Error | undefined = new StoreBusy('the database is away');
  const deliverAll = async (rows: readonly OutboxRow[]): Promise<number> => {
    if (away) throw away;
    if (rows.some(({ seq }) => seq === 2)) throw new TypeError('no such attribute');
    sent.push(...rows.map(({ seq }) => seq));
    return 0;
  };
  const stop = new AbortController();
  const ended = runRelay(
    box.services(),
    { reader: 'nova', holder: 'one', deliverAll, isAway: error => error instanceof RangeError },
    stop.signal,
  );
  await settled();
  for (const next of [new RangeError('Nova is away'), new BusUnavailable('away')]) {
    away = next;
    await box.pass(10_000);
  }
  assert.deepEqual(sent, []);
  assert.ok(box.errors.length > 2);
  assert.deepEqual([...new Set(box.errors)], ['relay: delivery failed, will be repeated']);
  away = undefined;
  await box.pass(10_000);
  assert.deepEqual(sent, [1, 3]);
  assert.equal(box.errors.filter(text => text.includes('given up')).length, 1);
  box.commit(4);
  await settled();
  assert.deepEqual(sent, [1, 3, 4]);
  stop.abort();
  await ended;
});

test('with nobody to tell, facts are passed over, many with each look; whoever comes is told of what is committed from then on', async () => {
  const box = new Box();
  const sent: number[] = [];
  let heard = false;
  const stop = new AbortController();
  const deliver = async ({ seq }: OutboxRow): Promise<void> => void sent.push(seq);
  const ended = runRelay(box.services(), { reader: 'agents', holder: 'one', deliver, isHeard: () => heard }, stop.signal);
  await settled();
  const looked = box.looks;
  for (let seq = 1; seq <= 20; seq++) {
    box.commit(seq);
    await settled();
  }
  assert.equal(box.looks, looked + 1, 'one look, and then it rests');
  await box.pass(100);
  assert.equal(box.waiting('agents'), 0);
  heard = true;
  box.commit(21);
  await box.pass(100);
  assert.deepEqual(sent, [21]);
  stop.abort();
  await ended;
});

test('a full look is followed by the next at once, whether somebody is told or not', async () => {
  const box = new Box();
  for (let seq = 1; seq <= 200; seq++) box.commit(seq);
  const stop = new AbortController();
  const ended = runRelay(box.services(), { reader: 'agents', holder: 'one', deliver: async () => {}, isHeard: () => false }, stop.signal);
  await settled();
  assert.equal(box.waiting('agents'), 0);
  assert.equal(box.looks, 2);
  stop.abort();
  await ended;
});

test('facts are read together, for as long as that is fresh and goes well; each is tried again by itself', async () => {
  const box = new Box();
  const calls: string[] = [];
  const stop = new AbortController();
  const deliver = async ({ seq }: OutboxRow): Promise<void> => void calls.push(`alone ${seq}`);
  const together = async (rows: readonly OutboxRow[]) => {
    calls.push(`read ${rows.map(({ seq }) => seq).join()}`);
    if (rows.some(({ seq }) => seq === 9)) throw new Error('a bad one');
    return async ({ seq }: OutboxRow): Promise<void> => {
      if (seq === 2) throw new Error('no');
      calls.push(`known ${seq}`);
      if (seq === 3) box.now += 1000;
    };
  };
  for (const seq of [1, 2, 3, 4]) box.commit(seq);
  const ended = runRelay(box.services(), { reader: 'agents', holder: 'one', deliver, together }, stop.signal);
  await settled();
  assert.deepEqual(calls.splice(0), ['read 1,2,3,4', 'known 1', 'alone 2', 'known 3', 'alone 4']);
  box.commit(9);
  await settled();
  assert.deepEqual(calls, ['read 9', 'alone 9']);
  stop.abort();
  await ended;
});

test('facts whose lease goes while they are told are no bad ones: who has it by now tells them', async () => {
  const box = new Box();
  for (const seq of [1, 2, 3]) box.commit(seq);
  const stop = new AbortController();
  const slow = Promise.withResolvers<void>();
  const calls: number[] = [];
  let hold = async (): Promise<void> => {};
  const deliver = async ({ seq }: OutboxRow): Promise<void> => {
    calls.push(seq);
    if (seq === 3) await slow.promise;
  };
  const begin = (given: () => Promise<void>): void => {
    hold = given;
  };
  const ended = runRelay(box.services(), { reader: 'agents', holder: 'one', begin, deliver, arrived: () => hold() }, stop.signal);
  await settled();
  // As after a process that was stopped for a while.
  box.now += 11_000;
  assert.equal(await box.services().store.lease('relay:agents', 'two', 60_000), true);
  slow.resolve();
  await settled();
  assert.deepEqual([calls, box.waiting('agents')], [[1, 2, 3], 3]);
  assert.deepEqual(box.errors, ['relay: delivery failed, will be repeated']);
  stop.abort();
  await ended;
});

test('facts are no bad ones either where the database cannot say whose the lease is', async () => {
  const box = new Box();
  box.commit(1);
  const services = box.services();
  const stop = new AbortController();
  let hold = async (): Promise<void> => {};
  const deliver = async (): Promise<void> => {
    box.now += 5000;
    services.store.lease = () => Promise.reject(new TypeError('what is that?'));
  };
  const begin = (given: () => Promise<void>): void => {
    hold = given;
  };
  const ended = runRelay(services, { reader: 'agents', holder: 'one', begin, deliver, arrived: () => hold() }, stop.signal);
  await settled();
  assert.deepEqual([box.errors, box.waiting('agents')], [['relay: delivery failed, will be repeated'], 1]);
  stop.abort();
  await ended;
});

test('what was made of a fact that is given up does not fail the next ones', async () => {
  const box = new Box();
  const stop = new AbortController();
  let sent: number[] = [];
  const told: number[] = [];
  const deliver = async ({ seq }: OutboxRow): Promise<void> => {
    sent.push(seq);
    if (seq === 2) throw new TypeError('no such attribute');
  };
  const arrived = async (): Promise<void> => {
    const some = sent;
    sent = [];
    if (some.includes(2)) throw new RangeError('too large');
    told.push(...some);
  };
  for (const seq of [1, 2]) box.commit(seq);
  const ended = runRelay(box.services(), { reader: 'agents', holder: 'one', deliver, arrived, end: arrived }, stop.signal);
  await settled();
  assert.deepEqual([told, box.waiting('agents')], [[1], 0]);
  assert.deepEqual(box.errors, ['relay: a fact was given up', 'relay: a fact was given up']);
  stop.abort();
  await ended;
});
