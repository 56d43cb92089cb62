import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OutboxRow } from '../../contracts/store.ts';
import { deliver, type Teller } from './deliver.ts';
import type { Message } from './messages.ts';

const fact = { seq: 1, kind: 'port', id: 'p', event: 'updated', revision: 1, facts: {} } as unknown as OutboxRow;
const message = (method: string): Message => ({ target: { topic: 't', version: '1.0' }, method, args: {} }) as unknown as Message;

test('a teller that fails keeps no other from being heard, and the fact has failed all the same', async () => {
  const bad: Teller = async () => {
    throw new Error('a bad object');
  };
  for (const tellers of [
    [async () => [message('a')], bad],
    [bad, async () => [message('a')]],
  ] as Teller[][]) {
    const sent: string[] = [];
    await assert.rejects(
      deliver(tellers, fact, async ({ method }) => void sent.push(method)),
      /a bad object/,
    );
    assert.deepEqual(sent, ['a']);
  }
});

test('messages are sent in order; a bus that is away fails the fact', async () => {
  const tellers: Teller[] = [async () => [message('a'), message('b')], async () => [message('c')]];
  const sent: string[] = [];
  await deliver(tellers, fact, async ({ method }) => void sent.push(method));
  assert.deepEqual(sent, ['a', 'b', 'c']);
  await assert.rejects(
    deliver(tellers, fact, () => Promise.reject(new Error('away'))),
    /away/,
  );
});
