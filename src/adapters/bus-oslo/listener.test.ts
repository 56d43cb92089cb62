import assert from 'node:assert/strict';
import test from 'node:test';
import type { RpcHandler } from '../../contracts/bus.ts';
import { SimClock } from '../../engine/clock.ts';
import { textLog } from '../log/text-log.ts';
import { serviceContext } from './context.ts';
import { packRequest, type Reply, unpackReply } from './envelope.ts';
import { Listener } from './listener.ts';
import { PendingCalls } from './pending-calls.ts';

function listening(methods: Record<string, RpcHandler>, concurrency = 64) {
  const clock = new SimClock(1000);
  const replies: Reply[] = [];
  const lines: string[] = [];
  let ids = 0;
  const listener = new Listener(
    { topic: 't', server: 'h', endpoints: [{ version: '1.0', methods }] },
    {
      clock,
      log: textLog({ sink: { write: l => lines.push(l) }, level: 'debug' }),
      newId: () => `id${ids++}`,
      reply: async (_, body) => void replies.push(unpackReply(body)),
      concurrency,
    },
  );
  return { clock, replies, lines, listener };
}

const call = (method: string, uniqueId: string): string =>
  packRequest(
    {
      method,
      args: {},
      version: '1.0',
      namespace: undefined,
      context: serviceContext('req-1'),
      uniqueId,
      reply: { msgId: `m-${uniqueId}`, queue: 'q' },
    },
    0,
  );
const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

test('a repeated message is dropped without a reply, within the window', async () => {
  let runs = 0;
  const { listener, replies } = listening({ m: () => ++runs });
  for (const id of ['a', 'a', 'b', 'a']) listener.take({ body: call('m', id), expiresAt: undefined });
  await settle();
  assert.equal(runs, 2);
  assert.deepEqual(
    replies.map(r => r.msgId),
    ['m-a', 'm-b'],
  );
});

test('what has expired is not executed; what has not, is', async () => {
  let runs = 0;
  const { listener } = listening({ m: () => ++runs });
  listener.take({ body: call('m', 'late'), expiresAt: 1000 });
  listener.take({ body: call('m', 'in time'), expiresAt: 1001 });
  await settle();
  assert.equal(runs, 1);
});

test('no more handlers run at one time than allowed; room is announced', async () => {
  const release = Promise.withResolvers<void>();
  const { listener } = listening({ m: () => release.promise }, 2);
  let resumed = 0;
  listener.resume = () => resumed++;
  listener.take({ body: call('m', 'a'), expiresAt: undefined });
  assert.equal(listener.ready(), true);
  listener.take({ body: call('m', 'b'), expiresAt: undefined });
  assert.equal(listener.ready(), false);
  release.resolve();
  await settle();
  assert.equal(listener.ready(), true);
  assert.equal(resumed, 2);
});

test('a caller that gave _timeout hears every half of it that the method still runs, then the result', async () => {
  const done = Promise.withResolvers<string>();
  const { listener, replies, clock } = listening({ m: () => done.promise });
  const body = call('m', 'a').replace('\\"_timeout\\":null', '\\"_timeout\\":2');
  listener.take({ body, expiresAt: undefined });
  await settle();
  await clock.advance(2500);
  done.resolve('end');
  await settle();
  await clock.advance(5000);
  assert.deepEqual(
    replies.map(r => [r.result, r.ending]),
    [
      [null, false],
      [null, false],
      ['end', true],
    ],
  );
});

test('our own mistakes are logged as errors, refusals are not', async () => {
  const { listener, lines } = listening({
    bug: () => {
      throw new Error('our mistake');
    },
  });
  for (const [i, method] of ['bug', 'gone', 'gone_ignore_errors'].entries())
    listener.take({ body: call(method, `u${i}`), expiresAt: undefined });
  await settle();
  const of = (text: string): string | undefined => lines.find(line => line.includes(text))?.split(' ')[1];
  assert.deepEqual([of('method=bug'), of('method=gone '), of('method=gone_ignore_errors')], ['ERROR', 'WARNING', 'DEBUG']);
});

test('a reply in parts: the last result counts, once it is ending; keep-alives and strangers are ignored', async () => {
  const pending = new PendingCalls();
  const answer = pending.expect('m');
  const part = (result: string | null, ending: boolean, uniqueId: string, msgId = 'm'): boolean =>
    pending.take({ msgId, result, failure: null, ending, uniqueId });
  assert.equal(part(null, false, 'u1'), true);
  assert.equal(part('first', false, 'u2'), true);
  assert.equal(part('other', true, 'u3', 'someone-else'), false);
  assert.equal(part('repeat', true, 'u2'), false);
  assert.equal(part(null, true, 'u4'), true);
  assert.equal(await answer, 'first');
  assert.equal(part('late', true, 'u5'), false);
  assert.equal(pending.size, 0);
});
