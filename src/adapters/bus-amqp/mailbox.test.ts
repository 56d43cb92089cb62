// Which topic of an agent a message is for, and what its one queue is bound to.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AmqpSubscription, Mailbox, type Subscribing } from './mailbox.ts';
import { defaultAmqpOptions } from './options.ts';

function opened() {
  const subscribed: Subscribing[] = [];
  const bound: string[] = [];
  const state = { empty: 0, ended: 0, refuse: false };
  const subscription: AmqpSubscription = {
    resume() {},
    async bind(_, { key }) {
      if (state.refuse) throw new Error('refused');
      bound.push(key);
    },
    async [Symbol.asyncDispose]() {
      state.ended++;
    },
  };
  const mailbox = new Mailbox('h1.example', {
    amqp: defaultAmqpOptions,
    async subscribe(what) {
      subscribed.push(what);
      return subscription;
    },
    onEmpty: () => state.empty++,
  });
  const got: string[] = [];
  const listen = (topic: string, ready = () => true) => mailbox.listen(topic, { ready, take: ({ body }) => got.push(`${topic}: ${body}`) });
  const arrive = (exchange: string, routingKey: string): string | undefined => {
    got.length = 0;
    mailbox.take({ body: 'm', expiresAt: undefined }, { exchange, routingKey });
    return got.join();
  };
  return { mailbox, subscribed, bound, state, listen, arrive };
}

describe("an agent's mailbox", () => {
  test('is one queue, declared with the first topic and bound for the others', async () => {
    const { subscribed, bound, listen } = opened();
    await Promise.all([listen('a'), listen('b')]);
    assert.equal(subscribed.length, 1);
    const [queue] = subscribed[0]!.queues;
    assert.match(queue!.name, /^weft_agent_h1\.example_[0-9a-f]{32}$/);
    assert.deepEqual(
      queue!.bindings.map(({ exchange, key }) => `${exchange.name} ${key}`),
      ['a_fanout a', 'neutron a.h1.example', 'b_fanout b', 'neutron b.h1.example'],
    );
    assert.deepEqual(bound, ['b', 'b.h1.example']);
  });

  test('gives each message to its topic, by whatever name of a server it was sent', async () => {
    const { listen, arrive } = opened();
    for (const topic of ['q', 'q.long', 'neutron-vo-Port-1.6']) await listen(topic);
    assert.equal(arrive('q_fanout', ''), 'q: m');
    assert.equal(arrive('neutron', 'q.h1.example'), 'q: m');
    assert.equal(arrive('neutron', 'q.another'), 'q: m');
    assert.equal(arrive('neutron', 'q.long.h1.example'), 'q.long: m');
    assert.equal(arrive('neutron', 'neutron-vo-Port-1.6.h1.example'), 'neutron-vo-Port-1.6: m');
    assert.equal(arrive('neutron', 'other.h1.example'), '');
    assert.equal(arrive('other_fanout', ''), '');
  });

  test('takes nothing while one of its topics is busy', async () => {
    const { mailbox, listen } = opened();
    let free = false;
    await listen('a');
    await listen('b', () => free);
    assert.equal(mailbox.ready(), false);
    free = true;
    assert.equal(mailbox.ready(), true);
  });

  test('ends with the last of its topics', async () => {
    const { state, listen, arrive } = opened();
    const [a, b] = [await listen('a'), await listen('b')];
    await a[Symbol.asyncDispose]();
    assert.equal(arrive('a_fanout', ''), '');
    assert.deepEqual([state.empty, state.ended], [0, 0]);
    await b[Symbol.asyncDispose]();
    assert.deepEqual([state.empty, state.ended], [1, 1]);
  });

  test('a topic that the broker refuses is not served, the others are', async () => {
    const { state, subscribed, listen, arrive } = opened();
    await listen('a');
    state.refuse = true;
    await assert.rejects(listen('b'), /refused/);
    assert.deepEqual(
      subscribed[0]!.queues[0]!.bindings.map(({ key }) => key),
      ['a', 'a.h1.example'],
    );
    assert.equal(arrive('b_fanout', ''), '');
    assert.equal(arrive('a_fanout', ''), 'a: m');
  });
});
