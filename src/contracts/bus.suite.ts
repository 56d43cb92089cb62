// What every bus must do. `open` gives two connections to one bus; the far end of each test is really on the other connection.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type Bus, BusTimeout, type Endpoint, type Json, RemoteError, type RpcContext, RpcFailure, type RpcHandler } from './bus.ts';

/** A time in which nobody answers, and long enough for a broker on a busy machine to take the question. */
const notInTimeMs = 250;

export interface OpenBuses extends AsyncDisposable {
  readonly a: Bus;
  readonly b: Bus;
}

export function busContract(name: string, open: () => Promise<OpenBuses>): void {
  const check = (what: string, body: (buses: OpenBuses) => Promise<void>): void => {
    test(`bus ${name}: ${what}`, { timeout: 30_000 }, async () => {
      await using buses = await open();
      await body(buses);
    });
  };
  calls(check);
  dispatch(check);
  routes(check);
  lifeAndTime(check);
}

type Check = (what: string, body: (buses: OpenBuses) => Promise<void>) => void;

function calls(check: Check): void {
  check('a call brings back the result, as JSON', async ({ a, b }) => {
    await b.serve(
      serverOf('t', 'h', { echo: args => args, nothing: () => undefined, later: async () => ({ at: new Date(0), none: undefined }) }),
    );
    const odd = { text: 'zß水🎉\u0000\n"\\', list: [1, -0.5, true, null, []], deep: { a: { b: {} } } };
    assert.deepEqual(await a.call({ topic: 't' }, 'echo', odd), odd);
    assert.equal(await a.call({ topic: 't' }, 'nothing', {}), null);
    assert.deepEqual(await a.call({ topic: 't' }, 'later', {}), { at: '1970-01-01T00:00:00.000Z' });
  });

  check('arguments and results cross as copies', async ({ a, b }) => {
    const kept: { list?: Json } = {};
    const state = { n: 1 };
    await b.serve(
      serverOf('t', 'h', {
        take: args => {
          kept.list = args['list']!;
          return state;
        },
      }),
    );
    const list = [1];
    const result = (await a.call({ topic: 't' }, 'take', { list })) as { n: number };
    list.push(2);
    state.n = 9;
    assert.deepEqual(kept.list, [1]);
    assert.equal(result.n, 1);
  });

  check('a large body crosses whole', async ({ a, b }) => {
    await b.serve(serverOf('t', 'h', { echo: args => args['text'] }));
    const text = '水"\\'.repeat(700_000);
    assert.equal(await a.call({ topic: 't' }, 'echo', { text }), text);
  });

  check('failures come back with class and message; a handler that fails harms nobody', async ({ a, b }) => {
    await b.serve(
      serverOf('t', 'h', {
        known: () => {
          throw new RpcFailure('NetworkNotFound', 'Network n1 could not be found.');
        },
        bug: async () => {
          throw new RangeError('off by one');
        },
        leak: () => {
          throw new Error('bad X-Auth-Token: gAAAAABkzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz');
        },
        odd: () => {
          throw 'just text';
        },
        circle: () => {
          const it: Record<string, unknown> = {};
          it['it'] = it;
          return it;
        },
        fine: () => 1,
      }),
    );
    const failure = await rejection(a.call({ topic: 't' }, 'known', {}));
    assert.deepEqual([failure.excType, failure.message], ['NetworkNotFound', 'Network n1 could not be found.']);
    const bug = await rejection(a.call({ topic: 't' }, 'bug', {}));
    assert.deepEqual([bug.excType, bug.message], ['RangeError', 'off by one']);
    assert.ok(!(await rejection(a.call({ topic: 't' }, 'leak', {}))).message.includes('gAAAAABk'));
    assert.equal((await rejection(a.call({ topic: 't' }, 'odd', {}))).message, 'just text');
    assert.equal((await rejection(a.call({ topic: 't' }, 'circle', {}))).excType, 'TypeError');
    assert.equal(await a.call({ topic: 't' }, 'fine', {}), 1);
  });

  check('arguments that are not JSON are refused here, not there', async ({ a, b }) => {
    await b.serve(serverOf('t', 'h', { echo: args => args }));
    await assert.rejects(a.call({ topic: 't' }, 'echo', { big: 1n }), TypeError);
    await assert.rejects(a.cast({ topic: 't' }, 'echo', { big: 1n }), TypeError);
  });

  check('the context travels; without one the caller is the service itself', async ({ a, b }) => {
    const seen: RpcContext[] = [];
    await b.serve(serverOf('t', 'h', { who: (_, context) => void seen.push(context) }));
    const context: RpcContext = {
      request_id: 'req-7',
      is_admin: false,
      user_id: 'u',
      project_id: 'p',
      roles: ['member'],
      global_request_id: 'req-g',
    };
    await a.call({ topic: 't' }, 'who', {}, { context });
    await a.call({ topic: 't' }, 'who', {});
    assert.deepEqual(seen[0], context);
    assert.deepEqual(
      { ...seen[1], request_id: '' },
      { request_id: '', is_admin: true, user_id: null, project_id: null, roles: [], global_request_id: null },
    );
    assert.match(seen[1]!.request_id, /^req-[0-9a-f-]{36}$/);
  });

  check('a handler may call back to its caller', async ({ a, b }) => {
    await a.serve(serverOf('near', 'h', { add: args => (args['x'] as number) + 1 }));
    await b.serve(
      serverOf('far', 'h', { twice: async args => b.call({ topic: 'near' }, 'add', { x: await b.call({ topic: 'near' }, 'add', args) }) }),
    );
    assert.equal(await a.call({ topic: 'far' }, 'twice', { x: 1 }), 3);
  });

  check('many calls at once each get their own answer', async ({ a, b }) => {
    await b.serve(serverOf('t', 'h', { slow: async args => wait(Math.random() * 5).then(() => args['i']) }));
    const answers = await Promise.all(Array.from({ length: 300 }, (_, i) => a.call({ topic: 't' }, 'slow', { i })));
    assert.deepEqual(
      answers,
      Array.from({ length: 300 }, (_, i) => i),
    );
  });
}

function dispatch(check: Check): void {
  const endpoint = (version: string, methods: Record<string, RpcHandler>, namespace?: string): Endpoint => ({
    version,
    methods,
    ...(namespace === undefined ? {} : { namespace }),
  });

  check('the first compatible endpoint that has the method answers', async ({ a, b }) => {
    const endpoints = [
      endpoint('1.2', { m: () => 'first' }),
      endpoint('1.5', { m: () => 'second', only: () => 'only' }),
      endpoint('2.0', { m: () => 'major two' }),
      endpoint('1.0', { m: () => 'named' }, 'ns'),
    ];
    await b.serve({ topic: 't', server: 'h', endpoints });
    assert.equal(await a.call({ topic: 't' }, 'm', {}), 'first');
    assert.equal(await a.call({ topic: 't', version: '1.2' }, 'm', {}), 'first');
    assert.equal(await a.call({ topic: 't', version: '1.3' }, 'm', {}), 'second');
    assert.equal(await a.call({ topic: 't' }, 'only', {}), 'only');
    assert.equal(await a.call({ topic: 't', version: '2.0' }, 'm', {}), 'major two');
    assert.equal(await a.call({ topic: 't', namespace: 'ns' }, 'm', {}), 'named');
  });

  check('NoSuchMethod and UnsupportedVersion, with their words', async ({ a, b }) => {
    await b.serve({ topic: 't', server: 'h', endpoints: [endpoint('1.2', { m: () => 1, _hidden: () => 'secret' })] });
    const refused = async (target: object, method: string): Promise<string> => {
      const error = await rejection(a.call({ topic: 't', ...target }, method, {}));
      return `${error.excType}: ${error.message}`;
    };
    assert.equal(await refused({}, 'no_such'), 'NoSuchMethod: Endpoint does not support RPC method no_such');
    for (const inherited of ['_hidden', 'toString', 'constructor', '__proto__'])
      assert.match(await refused({}, inherited), /^NoSuchMethod/);
    const unsupported = (v: string): string => `UnsupportedVersion: Endpoint does not support RPC version ${v}. Attempted method: m`;
    assert.equal(await refused({ version: '1.3' }, 'm'), unsupported('1.3'));
    assert.equal(await refused({ version: '2.0' }, 'm'), unsupported('2.0'));
    assert.equal(await refused({ namespace: 'x' }, 'm'), unsupported('1.0'));
    assert.equal(await refused({ version: 'junk' }, 'm'), unsupported('junk'));
    assert.equal(await a.call({ topic: 't', version: '1.2' }, 'm', {}), 1);
  });
}

function routes(check: Check): void {
  check('a cast is executed and not answered; its failure is not heard of', async ({ a, b }) => {
    const got = new Inbox();
    await b.serve(
      serverOf('t', 'h', {
        note: args => got.add(args['n']),
        fail: () => {
          got.add('failed');
          throw new Error('nobody hears this');
        },
      }),
    );
    await a.cast({ topic: 't' }, 'fail', {});
    await a.cast({ topic: 't' }, 'no_such_method', {});
    await a.cast({ topic: 't' }, 'note', { n: 1 });
    assert.deepEqual(await got.take(2), ['failed', 1]);
  });

  check('a cast to a topic that nobody serves is dropped', async ({ a, b }) => {
    for (const target of [{ topic: 'none' }, { topic: 'none', server: 'h' }, { topic: 'none', fanout: true }])
      await a.cast(target, 'm', {});
    const got = new Inbox();
    await b.serve(serverOf('none', 'h', { m: args => got.add(args['n']) }));
    await a.cast({ topic: 'none' }, 'm', { n: 'later' });
    assert.deepEqual(await got.take(1), ['later']);
  });

  check('servers of a topic take turns', async ({ a, b }) => {
    for (const [i, bus] of [a, b, b].entries()) await bus.serve(serverOf('t', `h${i}`, { who: () => `h${i}` }));
    const counts = new Map<Json, number>();
    for (let i = 0; i < 30; i++) {
      const who = await a.call({ topic: 't' }, 'who', {});
      counts.set(who, (counts.get(who) ?? 0) + 1);
    }
    assert.deepEqual([...counts].sort(), [
      ['h0', 10],
      ['h1', 10],
      ['h2', 10],
    ]);
  });

  check('a named server, and only it, gets what is for it', async ({ a, b }) => {
    await a.serve(serverOf('t', 'h1', { who: () => 'h1' }));
    await b.serve(serverOf('t', 'h2', { who: () => 'h2' }));
    for (let i = 0; i < 5; i++) {
      assert.equal(await a.call({ topic: 't', server: 'h2' }, 'who', {}), 'h2');
      assert.equal(await a.call({ topic: 't', server: 'h1' }, 'who', {}), 'h1');
    }
  });

  check('a fan-out reaches every server of the topic once, and no other topic', async ({ a, b }) => {
    const got = new Inbox();
    for (const [i, bus] of [a, b, b].entries()) await bus.serve(serverOf('t', `h${i}`, { m: args => got.add(`${i}:${args['n']}`) }));
    await b.serve(serverOf('other', 'h', { m: () => got.add('wrong topic') }));
    await a.cast({ topic: 't', fanout: true }, 'm', { n: 1 });
    await a.cast({ topic: 't', fanout: true }, 'm', { n: 2 });
    assert.deepEqual((await got.take(6)).sort(), ['0:1', '0:2', '1:1', '1:2', '2:1', '2:2']);
    await wait(20);
    assert.equal(got.size, 6);
  });

  check('servers by their names get it once each, and nobody else, agents among them', async ({ a, b }) => {
    const got = new Inbox();
    for (const i of [0, 1, 2, 3])
      await (i % 2 ? a : b).serve({
        ...serverOf('t', `h${i}`, { m: args => got.add(`${i}:${args['n']}`) }),
        ...(i > 1 ? { agent: true } : {}),
      });
    const many = Array.from({ length: 400 }, (_, n) => `nobody-${n}`);
    await a.cast({ topic: 't', servers: ['h0', ...many, 'h2', 'h3'] }, 'm', { n: 1 });
    await a.cast({ topic: 't', servers: [] }, 'm', { n: 'nobody' });
    await b.cast({ topic: 't', fanout: true }, 'm', { n: 2 });
    await b.cast({ topic: 't', server: 'h3' }, 'm', { n: 3 });
    assert.deepEqual((await got.take(8)).sort(), ['0:1', '0:2', '1:2', '2:1', '2:2', '3:1', '3:2', '3:3']);
    await wait(20);
    assert.equal(got.size, 8);
  });

  check('messages to one server start in order', async ({ a, b }) => {
    const got = new Inbox();
    await b.serve(serverOf('t', 'h', { m: args => got.add(args['n']) }));
    const sent = Array.from({ length: 500 }, (_, n) => n);
    await Promise.all(sent.map(n => a.cast({ topic: 't', server: 'h' }, 'm', { n })));
    assert.deepEqual(await got.take(500), sent);
  });
}

function lifeAndTime(check: Check): void {
  check('a call that nobody answers in time ends with BusTimeout', async ({ a, b }) => {
    await assert.rejects(a.call({ topic: 'nobody' }, 'm', {}, { timeoutMs: notInTimeMs }), BusTimeout);
    const late = Promise.withResolvers<string>();
    await b.serve(serverOf('t', 'h', { slow: () => late.promise, fast: () => 'fast' }));
    await assert.rejects(
      a.call({ topic: 't' }, 'slow', {}, { timeoutMs: notInTimeMs }),
      new RegExp(`no reply to slow within ${notInTimeMs} ms`),
    );
    late.resolve('late');
    assert.equal(await a.call({ topic: 't' }, 'fast', {}), 'fast');
  });

  check('a server that was away gets its casts, but no call whose caller gave up', async ({ a, b }) => {
    const got = new Inbox();
    const server = serverOf('t', 'h', { m: args => got.add(args['n']) });
    await (await b.serve(server))[Symbol.asyncDispose]();
    await a.cast({ topic: 't', server: 'h' }, 'm', { n: 'cast to server' });
    await a.cast({ topic: 't', fanout: true }, 'm', { n: 'fan-out' });
    await assert.rejects(a.call({ topic: 't', server: 'h' }, 'm', { n: 'stale call' }, { timeoutMs: notInTimeMs }), BusTimeout);
    await assert.rejects(a.call({ topic: 't' }, 'm', { n: 'stale call to any' }, { timeoutMs: notInTimeMs }), BusTimeout);
    await a.cast({ topic: 't' }, 'm', { n: 'cast to any' });
    const patient = a.call({ topic: 't', server: 'h' }, 'm', { n: 'patient call' });
    await wait(20);
    await b.serve(server);
    await patient;
    assert.deepEqual((await got.take(3)).sort(), ['cast to any', 'cast to server', 'patient call']);
  });

  check('after its end a server is not called; the others are', async ({ a, b }) => {
    await a.serve(serverOf('t', 'h1', { who: () => 'h1' }));
    const gone = await b.serve(serverOf('t', 'h2', { who: () => 'h2' }));
    await gone[Symbol.asyncDispose]();
    await gone[Symbol.asyncDispose]();
    for (let i = 0; i < 4; i++) assert.equal(await a.call({ topic: 't' }, 'who', {}), 'h1');
  });

  check('the end of a server waits for handlers at work, and their replies arrive', async ({ a, b }) => {
    const release = Promise.withResolvers<string>();
    const begun = Promise.withResolvers<void>();
    const work = (): Promise<string> => {
      begun.resolve();
      return release.promise;
    };
    const server = await b.serve(serverOf('t', 'h', { work }));
    const call = a.call({ topic: 't' }, 'work', {});
    await begun.promise;
    const ended = server[Symbol.asyncDispose]();
    release.resolve('done');
    assert.equal(await call, 'done');
    await ended;
  });

  check('a handler that never ends keeps neither the others nor the rest of its topic waiting', async ({ a, b }) => {
    const release = Promise.withResolvers<void>();
    await b.serve(serverOf('t', 'h', { hang: () => release.promise, fine: () => 1 }));
    for (let i = 0; i < 20; i++) await a.cast({ topic: 't' }, 'hang', {});
    assert.equal(await a.call({ topic: 't' }, 'fine', {}), 1);
    release.resolve();
  });

  check('a closed bus refuses, and its pending calls end', async ({ a, b }) => {
    const begun = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const hang = (): Promise<void> => {
      begun.resolve();
      return release.promise;
    };
    await a.serve(serverOf('t', 'h', { hang }));
    const call = assert.rejects(b.call({ topic: 't' }, 'hang', {}), { name: 'BusUnavailable' });
    await begun.promise;
    await b[Symbol.asyncDispose]();
    await call;
    release.resolve();
    await assert.rejects(b.call({ topic: 't' }, 'm', {}), { name: 'BusUnavailable' });
    await assert.rejects(b.cast({ topic: 't' }, 'm', {}), { name: 'BusUnavailable' });
    await assert.rejects(b.serve(serverOf('t', 'h2', {})), { name: 'BusUnavailable' });
  });

  check('listeners of the connection can be taken back', async ({ a }) => {
    const heard: boolean[] = [];
    a.onUp(up => heard.push(up))[Symbol.dispose]();
    await wait(5);
    assert.deepEqual(heard, []);
  });
}

function serverOf(
  topic: string,
  server: string,
  methods: Record<string, RpcHandler>,
): { topic: string; server: string; endpoints: Endpoint[] } {
  return { topic, server, endpoints: [{ version: '1.0', methods }] };
}

async function rejection(call: Promise<Json>): Promise<RemoteError> {
  const error = await call.then(
    () => assert.fail('expected a failure'),
    (e: unknown) => e,
  );
  assert.ok(error instanceof RemoteError, String(error));
  return error;
}

function wait(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

/** Collects what handlers were given; `take(n)` waits until there are n. */
class Inbox {
  private readonly items: unknown[] = [];
  private wake: () => void = () => {};

  get size(): number {
    return this.items.length;
  }

  add(item: unknown): void {
    this.items.push(item);
    this.wake();
  }

  async take(count: number): Promise<unknown[]> {
    while (this.items.length < count) {
      await new Promise<void>(resolve => {
        this.wake = resolve;
      });
    }
    return [...this.items];
  }
}
