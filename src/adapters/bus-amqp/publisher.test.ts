import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfirmChannel } from 'amqplib';
import { type Outgoing, Publisher } from './publisher.ts';

/** A channel on which the broker answers when the test says so. */
function channel(said: string[]) {
  const open: (() => void)[] = [];
  const fake = {
    on: () => {},
    assertExchange: (name: string) => {
      said.push(`assert ${name}`);
      return new Promise<void>(resolve => open.push(resolve));
    },
    publish: (exchange: string, _key: string, content: Buffer, _options: object, confirmed: (error: unknown) => void) => {
      said.push(`${exchange} ${content}`);
      confirmed(null);
      return true;
    },
  };
  const answer = async (): Promise<void> => {
    await new Promise(resolve => setImmediate(resolve));
    for (const resolve of open.splice(0)) resolve();
    await new Promise(resolve => setImmediate(resolve));
  };
  return { fake: fake as unknown as ConfirmChannel, answer };
}

const to = (name: string, body: string): Outgoing => ({
  ...{ exchange: { name, type: 'fanout', durable: false, autoDelete: true }, key: '', body, expirationMs: undefined },
});

test('a crowd of messages asks for its exchange once, and none overtakes another that waits for one', async () => {
  const said: string[] = [];
  const { fake, answer } = channel(said);
  const publisher = new Publisher(async () => fake, { compression: '' });
  const first = publisher.publish(to('a', '0'));
  await answer();
  assert.equal(await first, 'handed over');
  const all = ['1', '2'].map(body => publisher.publish(to('a', body)));
  all.push(publisher.publish(to('b', '3')), publisher.publish(to('a', '4')));
  await answer();
  assert.deepEqual(await Promise.all(all), ['handed over', 'handed over', 'handed over', 'handed over']);
  assert.deepEqual(
    said.filter(line => !line.startsWith('assert')),
    ['a 0', 'a 1', 'a 2', 'b 3', 'a 4'],
  );
  assert.deepEqual(
    said.filter(line => line.startsWith('assert')),
    ['assert a', 'assert b'],
  );
});

test('a message that is never sent lets those behind it go', async () => {
  const said: string[] = [];
  const { fake, answer } = channel(said);
  const publisher = new Publisher(async () => fake, { compression: '' });
  const ended = publisher.publish(to('a', '1'), AbortSignal.abort());
  ended.catch(() => {});
  const next = publisher.publish(to('a', '2'));
  await answer();
  await assert.rejects(ended, /nobody waits/);
  await next;
  assert.deepEqual(said, ['assert a', 'a 2']);
});

test('a declaration that was asked on a channel that went is asked again on the next one', async () => {
  const closing: (() => void)[] = [];
  const exchanges: (() => void)[] = [];
  const opened: string[] = [];
  const open = async (): Promise<ConfirmChannel> => {
    const name = String(opened.length);
    opened.push(name);
    let isOpen = true;
    const fake = {
      on: (event: string, listener: () => void) => {
        if (event === 'close')
          closing.push(() => {
            isOpen = false;
            listener();
          });
      },
      assertExchange: () => (name === '0' ? new Promise<void>(resolve => exchanges.push(resolve)) : Promise.resolve()),
      assertQueue: async () => {
        if (!isOpen) throw new Error('Channel closed');
      },
      bindQueue: async () => {},
      publish: (...[, , , , confirmed]: [string, string, Buffer, object, (error: unknown) => void]) => {
        confirmed(isOpen ? null : new Error('Channel closed'));
        return true;
      },
    };
    return fake as unknown as ConfirmChannel;
  };
  const publisher = new Publisher(open, { compression: '' });
  const exchange = { name: 'x', type: 'topic', durable: false, autoDelete: false } as const;
  const queue = { name: 'q', durable: false, autoDelete: false, arguments: {}, bindings: [] };
  const message: Outgoing = { exchange, queue, key: 'q', body: '1', expirationMs: undefined };
  const late = publisher.publish(message);
  late.catch(() => {});
  await new Promise(resolve => setImmediate(resolve));
  closing[0]?.();
  const other = publisher.publish({ ...message, queue: undefined });
  await new Promise(resolve => setImmediate(resolve));
  // The broker's word was on its way when the channel went.
  for (const resolve of exchanges) resolve();
  await assert.rejects(late, /Channel closed/);
  await other;
  assert.equal(await publisher.publish(message), 'handed over');
  assert.deepEqual(opened, ['0', '1']);
});
