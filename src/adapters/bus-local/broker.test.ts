import assert from 'node:assert/strict';
import test from 'node:test';
import { SimClock } from '../../engine/clock.ts';
import { textLog } from '../log/text-log.ts';
import { Broker, type BrokerLimits } from './broker.ts';
import type { BrokerConsumer, Message } from './queue.ts';

class Taker implements BrokerConsumer {
  readonly got: Message[] = [];
  readonly missed: string[] = [];
  open: boolean;

  constructor(open = true) {
    this.open = open;
  }

  get bodies(): string[] {
    return this.got.map(m => m.body);
  }

  ready(): boolean {
    return this.open;
  }

  take(message: Message): void {
    this.got.push(message);
  }

  overflowed(queue: string): void {
    this.missed.push(queue);
  }
}

function broker(limits: Partial<BrokerLimits> = {}) {
  const clock = new SimClock(0);
  const lines: string[] = [];
  return { clock, lines, broker: new Broker({ clock, log: textLog({ sink: { write: l => lines.push(l) } }), limits }) };
}
const toServer = { to: 'server', topic: 't', server: 'h' } as const;

test('a full queue drops its oldest messages, says so sparingly, and the consumer learns that it missed some', () => {
  const { broker: b, lines } = broker({ messages: 10 });
  const slow = new Taker(false);
  const subscription = b.listen('t', 'h', slow);
  for (let i = 0; i < 110; i++) b.publish(toServer, String(i), undefined);
  slow.open = true;
  subscription.resume();
  assert.deepEqual(
    slow.bodies,
    Array.from({ length: 10 }, (_, i) => String(100 + i)),
  );
  assert.equal(slow.missed.length, 100);
  assert.ok(lines.length < 10, String(lines.length));
});

test('a queue is bounded in size as well, and one large message still passes', () => {
  const { broker: b } = broker({ size: 1000 });
  b.listen('t', 'h', new Taker())[Symbol.dispose]();
  for (const c of 'abcde') b.publish(toServer, c.repeat(400), undefined);
  b.publish({ to: 'topic', topic: 't' }, 'x'.repeat(5000), undefined);
  const later = new Taker();
  b.listen('t', 'h', later);
  assert.deepEqual(
    later.bodies.map(body => body[0]),
    ['d', 'e', 'x'],
  );
});

test('expired messages make room before living ones are dropped', async () => {
  const { broker: b, clock } = broker({ messages: 3 });
  b.listen('t', 'h', new Taker())[Symbol.dispose]();
  b.publish(toServer, 'cast', undefined);
  b.publish(toServer, 'call', 100);
  b.publish(toServer, 'call', 100);
  await clock.advance(100);
  b.publish(toServer, 'cast 2', undefined);
  const later = new Taker();
  b.listen('t', 'h', later);
  assert.deepEqual(later.bodies, ['cast', 'cast 2']);
});

test('what expired while it was queued is not delivered; what came with it is', async () => {
  const { broker: b, clock } = broker();
  const slow = new Taker(false);
  const subscription = b.listen('t', 'h', slow);
  b.publish(toServer, 'call', 100);
  b.publish(toServer, 'patient call', 101);
  b.publish(toServer, 'cast', undefined);
  await clock.advance(100);
  slow.open = true;
  subscription.resume();
  assert.deepEqual(slow.bodies, ['patient call', 'cast']);
});

test('what nobody fetched for half an hour is gone', async () => {
  const { broker: b, clock } = broker();
  b.listen('t', 'h', new Taker())[Symbol.dispose]();
  b.publish(toServer, 'old', undefined);
  await clock.advance(31 * 60_000);
  b.publish(toServer, 'new', undefined);
  const later = new Taker();
  b.listen('t', 'h', later);
  assert.deepEqual(later.bodies, ['new']);
});

test('a consumer that becomes ready gets the messages of its three queues in the order of publication', () => {
  const { broker: b } = broker();
  const one = new Taker(false);
  const subscription = b.listen('t', 'h', one);
  b.publish({ to: 'fanout', topic: 't' }, '1', undefined);
  b.publish(toServer, '2', undefined);
  b.publish({ to: 'topic', topic: 't' }, '3', undefined);
  b.publish(toServer, '4', undefined);
  b.publish({ to: 'fanout', topic: 't' }, '5', undefined);
  one.open = true;
  subscription.resume();
  assert.deepEqual(one.bodies, ['1', '2', '3', '4', '5']);
});

test('a busy consumer is passed over in favour of an idle one', () => {
  const { broker: b } = broker();
  const [busy, idle] = [new Taker(false), new Taker()];
  b.listen('t', 'h1', busy);
  b.listen('t', 'h2', idle);
  for (const body of ['1', '2']) b.publish({ to: 'topic', topic: 't' }, body, undefined);
  assert.deepEqual([busy.bodies, idle.bodies], [[], ['1', '2']]);
});

test('what is given back comes first and in order; fan-out copies are gone with their consumer', () => {
  const { broker: b } = broker();
  const first = new Taker();
  const subscription = b.listen('t', 'h', first);
  for (const body of ['1', '2', '3']) b.publish(toServer, body, undefined);
  b.publish({ to: 'fanout', topic: 't' }, 'f', undefined);
  subscription[Symbol.dispose]();
  b.publish(toServer, '4', undefined);
  b.giveBack(first.got.slice(1));
  const second = new Taker();
  b.listen('t', 'h', second);
  assert.deepEqual(second.bodies, ['2', '3', '4']);
});

test('a topic is heard from its first server on, also while that is away', () => {
  const { broker: b } = broker();
  assert.equal(b.hears(['t']), false);
  const subscription = b.listen('topic', 'h', new Taker());
  assert.equal(b.hears(['t']), true);
  assert.equal(b.hears(['other', 'topic']), true);
  assert.equal(b.hears(['other', 'opic']), false);
  subscription[Symbol.dispose]();
  assert.equal(b.hears(['t']), true);
});

test('a fan-out to a topic whose servers are all gone is dropped; a reply queue goes with its consumer', () => {
  const { broker: b } = broker();
  const one = new Taker();
  b.listen('t', 'h', one)[Symbol.dispose]();
  b.publish({ to: 'fanout', topic: 't' }, 'f', undefined);
  b.listen('t', 'h', one);
  b.listenReplies('reply_1', one)[Symbol.dispose]();
  b.publish({ to: 'reply', queue: 'reply_1' }, 'r', undefined);
  assert.deepEqual(one.bodies, []);
});

test('a reply queue belongs to the last who asked for it, and an earlier one that ends does not take it away', () => {
  const { broker: b } = broker();
  const [old, fresh] = [new Taker(), new Taker()];
  const before = b.listenReplies('reply_1', old);
  b.listenReplies('reply_1', fresh);
  before[Symbol.dispose]();
  b.publish({ to: 'reply', queue: 'reply_1' }, 'r', undefined);
  assert.deepEqual([old.bodies, fresh.bodies], [[], ['r']]);
});

test('queues are bounded in number: an idle one is forgotten, a used one never', () => {
  const { broker: b } = broker({ queues: 4 });
  b.listen('t1', 'h', new Taker())[Symbol.dispose]();
  b.listen('t2', 'h', new Taker());
  b.listen('t3', 'h', new Taker());
  assert.throws(() => b.listen('t4', 'h', new Taker()), /more than 4 queues/);
});

test('a queue of many messages stays fast', () => {
  const { broker: b } = broker({ messages: 1_000_000 });
  const slow = new Taker(false);
  const subscription = b.listen('t', 'h', slow);
  for (let i = 0; i < 200_000; i++) b.publish(toServer, 'x', undefined);
  slow.open = true;
  const began = process.cpuUsage();
  subscription.resume();
  assert.equal(slow.got.length, 200_000);
  assert.ok(process.cpuUsage(began).user < 2_000_000);
});
