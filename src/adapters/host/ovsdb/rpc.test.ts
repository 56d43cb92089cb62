import assert from 'node:assert/strict';
import { type Duplex, duplexPair } from 'node:stream';
import { test } from 'node:test';
import { SimClock } from '../../../engine/clock.ts';
import { JsonStream } from './json-stream.ts';
import { Rpc, RpcError, RpcLost } from './rpc.ts';

interface Said {
  readonly method?: string;
  readonly id?: unknown;
  readonly params?: unknown[];
  readonly result?: unknown;
  readonly error?: unknown;
}

/** A connection whose other end is the test's. */
function joined({ probeMs = 0, maxTextBytes = 1000 } = {}) {
  const clock = new SimClock();
  const [ours, theirs] = duplexPair();
  const texts = new JsonStream();
  const heard: Said[] = [];
  let more = Promise.withResolvers<void>();
  theirs.on('data', (chunk: Buffer) => {
    heard.push(...(texts.push(chunk) as Iterable<Said>));
    more.resolve();
    more = Promise.withResolvers();
  });
  theirs.on('error', () => {});
  const notified: unknown[] = [];
  const rpc = new Rpc(ours, { clock, probeMs, maxTextBytes, notified: (method, params) => void notified.push([method, ...params]) });
  const next = async (count = 1): Promise<Said[]> => {
    while (heard.length < count) await more.promise;
    return heard.splice(0, count);
  };
  return {
    clock,
    rpc,
    theirs,
    notified,
    next,
    heard,
    say: (said: object | string) => theirs.write(typeof said === 'string' || Buffer.isBuffer(said) ? said : JSON.stringify(said)),
  };
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise(resolve => setImmediate(resolve));
};

test('answers find who asked, in whatever order and pieces they come', async () => {
  const { rpc, next, say, notified } = joined();
  const asked = ['a', 'b', 'c'].map(word => rpc.call('echo', [word], 1000));
  const calls = await next(3);
  const text = calls
    .reverse()
    .map(({ id, params }) => JSON.stringify({ id, result: params, error: null }))
    .join('');
  const news = JSON.stringify({ id: null, method: 'update', params: ['weft', { ü: 1 }] });
  for (const byte of Buffer.from(`${news}${text}`)) say(Buffer.from([byte]));
  assert.deepEqual(await Promise.all(asked), [['a'], ['b'], ['c']]);
  assert.deepEqual(notified, [['update', 'weft', { ü: 1 }]]);
  rpc.close();
});

test('what the server asks is answered: an echo with itself, anything else with a refusal', async () => {
  const { rpc, next, say } = joined();
  say({ id: 'x', method: 'echo', params: [1, 'two'] });
  say({ id: 7, method: 'transact', params: [] });
  const [echo, refused] = await next(2);
  assert.deepEqual(echo, { id: 'x', result: [1, 'two'], error: null });
  assert.deepEqual([refused?.id, (refused?.error as { error: string }).error], [7, 'unknown method']);
  rpc.close();
});

test('an error has its word, and an answer that is late or to nobody is passed by', async () => {
  const { rpc, next, say, clock } = joined();
  const refused = assert.rejects(
    rpc.call('x', [], 1000),
    (error: unknown) => error instanceof RpcError && error.error === 'unknown database',
  );
  say({ id: (await next())[0]?.id, result: null, error: { error: 'unknown database', details: 'none' } });
  await refused;
  const late = assert.rejects(
    rpc.call('y', [], 1000),
    (error: unknown) => error instanceof RpcLost && /no answer within 1000 ms/.test(error.message),
  );
  const [call] = await next();
  await clock.advance(1000);
  await late;
  say({ id: call?.id, result: 1, error: null });
  say({ id: 'nobody', result: 1, error: null });
  const fine = rpc.call('z', [], 1000);
  say({ id: (await next())[0]?.id, result: 'here', error: null });
  assert.equal(await fine, 'here');
  rpc.close();
});

test('silence is probed once, and the second time is the end; whatever is heard begins anew', async () => {
  const { rpc, next, say, clock } = joined({ probeMs: 100 });
  await clock.advance(100);
  const [probe] = await next();
  assert.equal(probe?.method, 'echo');
  say({ id: probe?.id, result: [], error: null });
  await turns();
  await clock.advance(100);
  await next();
  await clock.advance(99);
  await turns();
  const call = assert.rejects(rpc.call('x', [], 10_000), RpcLost);
  await next();
  await clock.advance(1);
  assert.match(await rpc.ended, /nothing heard for 200 ms/);
  await call;
});

test('what is no JSON-RPC, and what is too long, ends it with a word', async () => {
  for (const [said, why] of [
    ['HTTP/1.1 400 Bad Request', /where an object is to begin/],
    ['[]', /no object/],
    ['{"id":null,"method":"update","params":5}', /without parameters/],
    [`{"id":1,"result":"${'x'.repeat(1000)}`, /more than 1000 bytes/],
    ['{"id":1,"error":5}', /no object/],
  ] as const) {
    const { rpc, next, say } = joined();
    const call = assert.rejects(rpc.call('x', [], 1000), RpcLost);
    await next();
    say(said);
    assert.match(await rpc.ended, why);
    await call;
  }
});

test('who is closed says so to who waits, and to who asks later', async () => {
  const { rpc, theirs, next } = joined();
  const call = assert.rejects(rpc.call('x', [], 1000), /the server closed the connection/);
  await next();
  theirs.end();
  await call;
  await assert.rejects(rpc.call('y', [], 1000), RpcLost);
});

test('a server that does not read holds up those who ask, and then has what they said', async () => {
  const [ours, theirs] = duplexPair() as [Duplex, Duplex];
  const clock = new SimClock();
  const rpc = new Rpc(ours, { clock, probeMs: 0, notified: () => {} });
  const words = 'x'.repeat(100_000);
  const asked = Array.from({ length: 200 }, (_, i) => rpc.call('echo', [i, words], 1000));
  await turns();
  assert.ok(ours.writableLength < 6 * 1024 * 1024, `${ours.writableLength} bytes`);
  const texts = new JsonStream();
  theirs.on('data', (chunk: Buffer) => {
    for (const said of texts.push(chunk) as Iterable<Said>)
      theirs.write(JSON.stringify({ id: said.id, result: said.params?.[0], error: null }));
  });
  assert.deepEqual(
    await Promise.all(asked),
    asked.map((_, i) => i),
  );
  rpc.close();
});
