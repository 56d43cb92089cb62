// What goes wrong with a real RabbitMQ: it is killed, stopped, cut off, falls silent, or loses a queue.
import assert from 'node:assert/strict';
import { createServer, type Server, type Socket, connect as tcp } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { openAmqpBus } from '../../src/adapters/bus-amqp/amqp-bus.ts';
import type { AmqpOptions } from '../../src/adapters/bus-amqp/options.ts';
import { systemClock as clock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { type Bus, BusTimeout, BusUnavailable, type RpcHandler } from '../../src/contracts/bus.ts';
import { Casts } from '../../src/server/relay/casts.ts';
import { noRabbit, Rabbit } from './rabbit.ts';

const log = textLog({ sink: { write: () => {} } });
const open = (amqp: AmqpOptions, connectMs = 10_000): Promise<Bus> => openAmqpBus({ amqp, clock, log, connectMs });
const server = (methods: Record<string, RpcHandler>, topic = 't') => ({ topic, server: 'h', endpoints: [{ version: '1.0', methods }] });

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = clock.now() + 30_000; clock.now() < end; await clock.sleep(10)) if (await what()) return;
  assert.fail(`never: ${what}`);
}
const answers = async (bus: Bus, topic = 't'): Promise<boolean> =>
  bus.call({ topic }, 'ping', {}, { timeoutMs: 1000 }).then(
    () => true,
    () => false,
  );

describe('RabbitMQ fails', { skip: noRabbit, timeout: 170_000 }, () => {
  let rabbit: Rabbit;
  before(async () => {
    rabbit = await Rabbit.start({ vhosts: 20 });
  });
  after(() => rabbit?.[Symbol.asyncDispose]());

  test('killed and started again amid casts and calls: what was confirmed arrives, calls under way end, consumers are back', async () => {
    const amqp = rabbit.client({ durableQueues: true });
    await using a = await open(amqp);
    await using b = await open(amqp);
    const got = new Set<number>();
    const hang = Promise.withResolvers<void>();
    const methods = { note: (args: { readonly n?: unknown }) => void got.add(args.n as number), hang: () => hang.promise, ping: () => 1 };
    await b.serve(server(methods));
    const confirmed: number[] = [];
    let refused = 0;
    let n = 0;
    let goOn = true;
    const sender = (async () => {
      while (goOn) {
        const mine = n++;
        await a.cast({ topic: 't' }, 'note', { n: mine }, { timeoutMs: 20_000 }).then(
          () => confirmed.push(mine),
          error => {
            assert.ok(error instanceof BusUnavailable, String(error));
            refused++;
          },
        );
      }
    })();
    try {
      const underWay = assert.rejects(a.call({ topic: 't' }, 'hang', {}), error => error instanceof BusUnavailable);
      await until(() => confirmed.length > 200);
      await rabbit.kill();
      await underWay;
      const before = confirmed.length;
      await rabbit.up();
      await until(() => confirmed.length > before + 200);
    } finally {
      goOn = false;
      hang.resolve();
    }
    await sender;
    await until(() => confirmed.every(one => got.has(one)));
    assert.equal(confirmed.length + refused, n);
    assert.ok(await answers(a));
  });

  test('stopped for a while: the connection is told to be down; what waits goes out, and who came meanwhile is served', async () => {
    const amqp = rabbit.client();
    await using a = await open(amqp);
    const heard: boolean[] = [];
    a.onUp(up => heard.push(up));
    await rabbit.down();
    await until(() => heard.includes(false));
    await assert.rejects(a.cast({ topic: 't' }, 'm', {}, { timeoutMs: 50 }), BusUnavailable);
    await assert.rejects(a.call({ topic: 't' }, 'm', {}, { timeoutMs: 50 }), BusTimeout);
    await using late = await open(amqp, 50);
    const got: unknown[] = [];
    await late.serve(server({ m: args => got.push(args['n']), ping: () => 1 }));
    const waits = a.cast({ topic: 't', server: 'h' }, 'm', { n: 1 }, { timeoutMs: 60_000 });
    await rabbit.up();
    await waits;
    await until(() => answers(a));
    assert.deepEqual(heard, [false, true]);
    await until(async () => {
      await a.cast({ topic: 't' }, 'm', { n: 2 });
      return got.includes(2);
    });
  });

  test('connections closed by the broker come back with all their consumers', async () => {
    const amqp = rabbit.client();
    await using a = await open(amqp);
    await using b = await open(amqp);
    const fans: unknown[] = [];
    await b.serve(server({ ping: () => 1, fan: () => fans.push(1) }));
    const heard: boolean[] = [];
    b.onUp(up => heard.push(up));
    rabbit.ctl('close_all_connections', '--vhost', amqp.virtualHost, 'tested');
    await until(() => heard.length === 2);
    assert.deepEqual(heard, [false, true]);
    await until(() => answers(a));
    await a.cast({ topic: 't', fanout: true }, 'fan', {});
    await until(() => fans.length === 1);
  });

  test('a queue that is deleted under its consumer is declared and consumed again', async () => {
    const amqp = rabbit.client();
    await using a = await open(amqp);
    await a.serve(server({ ping: () => 1 }));
    rabbit.ctl('--vhost', amqp.virtualHost, 'delete_queue', 't');
    await until(() => answers(a));
    // The reply queue too.
    const [reply = ''] = rabbit.ctl('--vhost', amqp.virtualHost, 'list_queues', 'name').match(/reply_\w+/) ?? [];
    rabbit.ctl('--vhost', amqp.virtualHost, 'delete_queue', reply);
    await until(() => answers(a));
  });

  test('an exchange that went with its last queue, within the time in which it is not declared again: messages beside it are refused with it, and arrive when they are told again', async () => {
    const amqp = rabbit.client();
    await using a = await open(amqp);
    await using b = await open(amqp);
    const got: unknown[] = [];
    await b.serve(server({ note: args => got.push(args['n']) }));
    const gone = await b.serve(server({ note: () => {} }, 'gone'));
    const castTo = (topic: string, n: number): Promise<void> => a.cast({ topic, fanout: true }, 'note', { n }, { timeoutMs: 10_000 });
    const casts = new Casts([({ target: { topic }, args }) => castTo(topic, args['n'] as number)]);
    const tell = async (topics: readonly string[]): Promise<void> => {
      casts.begin(() => Promise.resolve());
      for (const [n, topic] of topics.entries()) await casts.send({ target: { topic, fanout: true }, method: 'note', args: { n } });
      await casts.arrived();
    };
    await castTo('t', 0);
    await until(() => got.length === 1);
    const all = ['t', 'gone', 't', 't'];
    let refused = false;
    for (let round = 0; round < 5 && !refused; round++) {
      const again = round === 0 ? gone : await b.serve(server({ note: () => {} }, 'gone'));
      await castTo('gone', 0);
      await again[Symbol.asyncDispose]();
      got.length = 0;
      // It went after the message before this one: as a rule within half a second.
      refused = await tell(all).then(
        () => false,
        error => {
          assert.ok(error instanceof BusUnavailable, String(error));
          return true;
        },
      );
    }
    assert.ok(refused);
    await tell(all);
    await until(() => got.at(-1) === 3);
    assert.deepEqual(got.slice(-3), [0, 2, 3]);
  });

  test('a bus whose broker fell silent ends all the same', async () => {
    const direct = rabbit.client({ heartbeatSeconds: 0 });
    await using middle = await Middle.open(rabbit.port);
    const bus = await open({ ...direct, hosts: direct.hosts.map(host => ({ ...host, port: middle.port })) });
    await bus.serve(server({ ping: () => 1 }));
    middle.silence();
    await bus[Symbol.asyncDispose]();
  });

  test('a broker that falls silent is left after two heartbeats, and found again', async () => {
    const direct = rabbit.client({ heartbeatSeconds: 1 });
    await using middle = await Middle.open(rabbit.port);
    const hosts = direct.hosts.map(host => ({ ...host, port: middle.port }));
    await using a = await open({ ...direct, hosts });
    const heard: boolean[] = [];
    a.onUp(up => heard.push(up));
    await a.serve(server({ ping: () => 1 }));
    assert.ok(await answers(a));
    // Over several heartbeats of an idle connection nothing is lost.
    await clock.sleep(3500);
    assert.deepEqual(heard, []);
    middle.silence();
    await until(() => heard.length > 0);
    middle.speak();
    await until(() => answers(a));
  });
});

/** Passes bytes on, until it does not: packets are lost, and nobody is told. */
class Middle implements AsyncDisposable {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private silent = false;

  static async open(to: number): Promise<Middle> {
    const middle = new Middle(to);
    await new Promise<void>(resolve => middle.server.listen(0, '127.0.0.1', resolve));
    return middle;
  }

  private constructor(to: number) {
    this.server = createServer(from => {
      const far = tcp(to, '127.0.0.1');
      for (const [one, other] of [
        [from, far],
        [far, from],
      ] as const) {
        this.sockets.add(one);
        let lost = false;
        one.on('data', bytes => {
          lost ||= this.silent;
          if (!lost) other.write(bytes);
        });
        one.on('error', () => {});
        one.on('close', () => other.destroy());
      }
    });
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  silence(): void {
    this.silent = true;
  }

  speak(): void {
    this.silent = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise(resolve => this.server.close(resolve));
  }
}
