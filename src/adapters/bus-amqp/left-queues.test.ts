import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { LeftQueues } from './left-queues.ts';
import type { AmqpLink } from './link.ts';
import { defaultAmqpOptions } from './options.ts';

test('all that are left are deleted, whenever they are named', async () => {
  const deleted: string[] = [];
  let closing = (): void => {};
  const channel = {
    on() {},
    deleteQueue: async (name: string) => void deleted.push(name),
    async close() {
      closing();
      await setImmediate();
    },
  };
  const link = { alive: true, channel: async () => channel } as unknown as AmqpLink;
  const left = new LeftQueues(defaultAmqpOptions);
  closing = () => {
    closing = () => {};
    left.add('b', link);
  };
  left.add('a', link);
  for (let i = 0; i < 10; i++) await setImmediate();
  assert.deepEqual(deleted, ['a', 'b']);
});
