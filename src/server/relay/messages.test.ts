import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as messages from './messages.ts';
import { beginnings, type Message } from './messages.ts';

/** For the other servers, not by the relay. */
const toServers = 'q-server-resource-versions';

test('whether anybody is there to tell is asked by the beginnings of all topics', () => {
  const made = Object.values(messages).filter(make => typeof make === 'function') as ((...args: unknown[]) => Message)[];
  const topics = new Set(made.map(make => make('one', 'two', {}, [], {}).target.topic));
  topics.delete(toServers);
  assert.ok(topics.size > 10);
  assert.deepEqual(
    [...topics].filter(topic => !beginnings.some(beginning => topic.startsWith(beginning))),
    [],
  );
});
