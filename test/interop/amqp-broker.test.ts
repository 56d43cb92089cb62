// What a real RabbitMQ sees of us: declarations and properties as oslo.messaging's, refusals told by name, hosts, TLS, credentials.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { type Channel, type ConsumeMessage, connect } from 'amqplib';
import { openAmqpBus } from '../../src/adapters/bus-amqp/amqp-bus.ts';
import { AmqpTransport } from '../../src/adapters/bus-amqp/amqp-transport.ts';
import { type AmqpOptions, defaultAmqpOptions } from '../../src/adapters/bus-amqp/options.ts';
import { OsloBus } from '../../src/adapters/bus-oslo/oslo-bus.ts';
import { systemClock as clock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { type Bus, BusUnavailable, type RpcHandler } from '../../src/contracts/bus.ts';
import { noRabbit, Rabbit, rabbitPassword, rabbitUser } from './rabbit.ts';

const folder = mkdtempSync(join(tmpdir(), 'weft-amqp-'));
const lines: string[] = [];
const log = textLog({ sink: { write: text => lines.push(text) } });
const open = (amqp: AmqpOptions, connectMs = 10_000): Promise<Bus> => openAmqpBus({ amqp, clock, log, connectMs });
const server = (methods: Record<string, RpcHandler>) => ({ topic: 't', server: 'h', endpoints: [{ version: '1.0', methods }] });
const ping = server({ ping: () => 1 });

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (await what()) return;
    await clock.sleep(10);
  }
  assert.fail(`never: ${what}`);
}

function certificate(name: string, altName: string): { ca: string; cert: string; key: string } {
  const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const names = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${altName}`];
  const made = spawnSync('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    ...names,
    '-keyout',
    key,
    '-out',
    cert,
  ]);
  assert.equal(made.status, 0, String(made.stderr));
  return { ca: cert, cert, key };
}

describe('RabbitMQ as it sees us', { skip: noRabbit, timeout: 170_000 }, () => {
  let rabbit: Rabbit;
  let tls: { ca: string; cert: string; key: string };
  before(async () => {
    tls = certificate('broker', 'DNS:broker.example');
    rabbit = await Rabbit.start({ vhosts: 20, tls });
  });
  after(async () => {
    await rabbit?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  async function withChannel(virtualHost: string, work: (channel: Channel) => Promise<void>): Promise<void> {
    const model = await connect({
      port: rabbit.port,
      hostname: '127.0.0.1',
      username: rabbitUser,
      password: rabbitPassword,
      vhost: virtualHost,
    });
    try {
      const channel = await model.createChannel();
      channel.on('error', () => {});
      await work(channel);
    } finally {
      await model.close();
    }
  }
  const listed = (vhost: string, what: string, ...columns: string[]): string[] =>
    rabbit
      .ctl('--vhost', vhost, '--no-table-headers', what, ...columns)
      .replace(/(fanout|reply)_[0-9a-f]{32}/g, '$1_HEX')
      .split('\n')
      .filter(line => /^(t|reply|neutron)/.test(line))
      .map(line => line.trim())
      .sort();

  for (const [name, changes, queues, exchanges] of [
    [
      'nothing set',
      {},
      [
        'reply_HEX\tfalse\tfalse\t[{"x-expires",1800000}]',
        't\tfalse\tfalse\t[]',
        't.h\tfalse\tfalse\t[]',
        't_fanout_HEX\tfalse\tfalse\t[{"x-expires",1800000}]',
      ],
      ['neutron\ttopic\tfalse\tfalse', 't_fanout\tfanout\tfalse\ttrue'],
    ],
    [
      'quorum queues',
      { quorumQueue: true, quorumDeliveryLimit: 5 },
      [
        'reply_HEX\tfalse\tfalse\t[{"x-expires",1800000}]',
        't\ttrue\tfalse\t[{"x-queue-type","quorum"},{"x-delivery-limit",5}]',
        't.h\ttrue\tfalse\t[{"x-queue-type","quorum"},{"x-delivery-limit",5}]',
        't_fanout_HEX\tfalse\tfalse\t[{"x-expires",1800000}]',
      ],
      ['neutron\ttopic\ttrue\tfalse', 't_fanout\tfanout\tfalse\ttrue'],
    ],
    [
      'mirrored, durable queues that delete themselves',
      { haQueues: true, durableQueues: true, autoDelete: true, transientQueuesTtl: 60 },
      [
        'reply_HEX\tfalse\tfalse\t[{"x-ha-policy","all"},{"x-expires",60000}]',
        't\ttrue\ttrue\t[{"x-ha-policy","all"}]',
        't.h\ttrue\ttrue\t[{"x-ha-policy","all"}]',
        't_fanout_HEX\tfalse\tfalse\t[{"x-ha-policy","all"},{"x-expires",60000}]',
      ],
      ['neutron\ttopic\ttrue\ttrue', 't_fanout\tfanout\tfalse\ttrue'],
    ],
  ] as const) {
    test(`queues and exchanges have oslo.messaging's flags: ${name}`, async () => {
      const amqp = rabbit.client(changes);
      await using bus = await open(amqp);
      await bus.serve(ping);
      assert.equal(await bus.call({ topic: 't' }, 'ping', {}), 1);
      assert.deepEqual(listed(amqp.virtualHost, 'list_queues', 'name', 'durable', 'auto_delete', 'arguments'), queues);
      assert.deepEqual(listed(amqp.virtualHost, 'list_exchanges', 'name', 'type', 'durable', 'auto_delete'), exchanges);
    });
  }

  test('messages have the properties of the captures; a call expires, a cast does not', async () => {
    const amqp = rabbit.client();
    await using bus = await open(amqp);
    await bus.cast({ topic: 'other' }, 'm', {});
    await withChannel(amqp.virtualHost, async channel => {
      const seen: ConsumeMessage[] = [];
      await channel.assertQueue('t', { durable: false });
      await channel.bindQueue('t', 'neutron', 't');
      await channel.consume('t', message => void (message && seen.push(message)), { noAck: true });
      await bus.cast({ topic: 't' }, 'm', {});
      void bus.call({ topic: 't' }, 'm', {}, { timeoutMs: 5000 }).catch(() => {});
      await until(() => seen.length === 2);
      const [cast, call] = seen.map(({ properties }) =>
        Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined)),
      );
      const plain = { contentType: 'application/json', contentEncoding: 'utf-8', headers: {}, deliveryMode: 2, priority: 0 };
      assert.deepEqual(cast, plain);
      const { expiration, ...rest } = call ?? {};
      assert.deepEqual(rest, plain);
      assert.ok(Number(expiration) > 4000 && Number(expiration) <= 5000, String(expiration));
    });
  });

  test('what is no JSON is rejected and not given back; what Kombu compressed is read', async () => {
    const amqp = rabbit.client();
    await using bus = await open(amqp);
    const got: unknown[] = [];
    await bus.serve(server({ m: args => got.push(args['n']), ping: () => 1 }));
    await withChannel(amqp.virtualHost, async channel => {
      const body = (n: number): Buffer => Buffer.from(JSON.stringify({ method: 'm', args: { n } }));
      channel.publish('neutron', 't', body(1), { contentType: 'text/plain' });
      channel.publish('neutron', 't', deflateSync(body(2)), {
        contentType: 'application/json',
        headers: { compression: 'application/x-bz2' },
      });
      channel.publish('neutron', 't', deflateSync(body(3)), {
        contentType: 'application/json',
        headers: { compression: 'application/x-gzip' },
      });
      await until(() => got.length > 0);
    });
    assert.deepEqual(got, [3]);
    assert.deepEqual(
      listed(amqp.virtualHost, 'list_queues', 'name', 'messages').filter(line => !/\t0$/.test(line)),
      [],
    );
  });

  test('a queue or exchange that is there with other flags is refused by its name, and harms nothing else', async () => {
    const amqp = rabbit.client();
    await using first = await open(amqp);
    await first.serve(ping);
    await using durable = await open({ ...amqp, controlExchange: 'other', durableQueues: true });
    await assert.rejects(durable.serve(ping), /the queues t, t\.h, .*inequivalent arg 'durable' for queue 't'/);
    await durable.serve({ ...ping, topic: 'u' });
    assert.equal(await durable.call({ topic: 'u' }, 'ping', {}), 1);
    await using wrong = await open({ ...amqp, durableQueues: true });
    await assert.rejects(
      wrong.cast({ topic: 't' }, 'm', {}),
      error => error instanceof BusUnavailable && /inequivalent arg 'durable' for exchange 'neutron'/.test(error.message),
    );
  });

  test('a fan-out exchange that went with its last queue is declared again; a fan-out queue goes with its server', async () => {
    const amqp = rabbit.client();
    await using bus = await open(amqp);
    const got: unknown[] = [];
    for (const n of [1, 2]) {
      const served = await bus.serve(server({ fan: args => got.push(args['n']) }));
      await bus.cast({ topic: 't', fanout: true }, 'fan', { n });
      await until(() => got.length === n);
      await served[Symbol.asyncDispose]();
      assert.deepEqual(listed(amqp.virtualHost, 'list_queues', 'name'), ['t', 't.h']);
      await bus.cast({ topic: 't', fanout: true }, 'fan', { n: 'nobody' });
    }
    assert.deepEqual(got, [1, 2]);
  });

  for (const [name, changes, flags] of [
    ['as they are', {}, 'false\tfalse\t[{"x-expires",1800000}]'],
    ['quorum queues', { quorumQueue: true, transientQuorumQueue: true }, 'true\tfalse\t[{"x-queue-type","quorum"},{"x-expires",1800000}]'],
  ] as const)
    test(`an agent has one queue for all its topics, and takes away those that others left it: ${name}`, async () => {
      const amqp = rabbit.client(changes);
      const queues = (): string[] =>
        rabbit
          .ctl('--vhost', amqp.virtualHost, '--no-table-headers', 'list_queues', 'name', 'durable', 'auto_delete', 'arguments')
          .replace(/_[0-9a-f]{32}/g, '_HEX')
          .split('\n')
          .filter(line => line !== '')
          .sort();
      // As Neutron's agent, or an older one, has them: of one topic they are in use.
      await using other = await open(amqp);
      const [stays, left] = [await other.serve({ ...ping, topic: 'v' }), await other.serve(ping)];
      await left[Symbol.asyncDispose]();
      assert.ok(queues().some(line => line.startsWith('t.h\t')));

      await using agent = await open(amqp);
      const got: unknown[] = [];
      const methods = { m: (args: Readonly<Record<string, unknown>>) => void got.push(args['n']) };
      const served = [];
      for (const topic of ['t', 'u', 'v']) served.push(await agent.serve({ ...server(methods), topic, agent: true }));
      await until(() => !queues().some(line => line.startsWith('t.h\t')));
      assert.deepEqual(
        queues()
          .filter(line => /^(weft|[tuv]\.h)/.test(line))
          .map(line => line.replace(/^v\.h.*/, 'v.h')),
        ['v.h', `weft_agent_h_HEX\t${flags}`],
      );
      await other.cast({ topic: 't', fanout: true }, 'm', { n: 1 });
      await other.cast({ topic: 'u', server: 'h' }, 'm', { n: 2 });
      await other.cast({ topic: 'u', server: 'another' }, 'm', { n: 'not for it' });
      await other.cast({ topic: 'u', fanout: true }, 'm', { n: 3 });
      await until(() => got.length >= 3);
      assert.deepEqual(got, [1, 2, 3]);
      await Promise.all(served.map(s => s[Symbol.asyncDispose]()));
      assert.ok(!queues().some(line => line.startsWith('weft_agent')));
      await stays[Symbol.asyncDispose]();
    });

  test('a reply whose queue is not there waits for it; without one it is told, and not for ever', async () => {
    const amqp = rabbit.client({ missingConsumerRetry: 1 });
    await using bus = await open(amqp);
    await bus.serve(ping);
    const request = (queue: string): Buffer =>
      Buffer.from(JSON.stringify({ method: 'ping', args: {}, _msg_id: `for ${queue}`, _reply_q: queue }));
    await withChannel(amqp.virtualHost, async channel => {
      const replies: string[] = [];
      channel.publish('neutron', 't', request('reply_never'), { contentType: 'application/json' });
      channel.publish('neutron', 't', request('reply_late'), { contentType: 'application/json' });
      await clock.sleep(300);
      await channel.assertQueue('reply_late', { durable: false });
      await channel.consume('reply_late', message => void replies.push(String(message?.content)), { noAck: true });
      await until(() => replies.length === 1);
      assert.match(replies[0] ?? '', /for reply_late/);
      await until(() => lines.some(line => line.includes('reply lost') && line.includes('nobody has the reply queue')));
      await clock.sleep(300);
      assert.equal(replies.length, 1);
    });
  });

  test('messages that wait for a handler keep their order, and go back to the broker with the server', async () => {
    const amqp = rabbit.client();
    const transport = new AmqpTransport({ amqp, clock, log, random: Math.random, name: 'one at a time' });
    await using bus = new OsloBus(transport, { clock, log, concurrency: 1 });
    await transport.connected(5000);
    await using other = await open(amqp);
    const got: unknown[] = [];
    let go = Promise.withResolvers<void>();
    const slow = server({ m: args => go.promise.then(() => got.push(args['n'])) });
    const served = await bus.serve(slow);
    const send = (from: number): Promise<unknown> =>
      Promise.all(Array.from({ length: 10 }, (_, i) => other.cast({ topic: 't' }, 'm', { n: from + i })));
    await send(0);
    go.resolve();
    await until(() => got.length === 10);
    assert.deepEqual(got, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    go = Promise.withResolvers();
    await send(10);
    await clock.sleep(100);
    await served[Symbol.asyncDispose]();
    go.resolve();
    await other.serve(slow);
    await until(() => got.length === 20);
    assert.deepEqual([...got.slice(10)].sort(), [10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });

  test('compressed messages keep their order, however long one takes', async () => {
    const amqp = rabbit.client({ compression: 'gzip' });
    await using bus = await open(amqp);
    const got: unknown[] = [];
    await bus.serve(server({ m: args => got.push(args['n']) }));
    await bus.cast({ topic: 't' }, 'm', { n: 0 });
    const long = randomBytes(1024 * 1024).toString('base64');
    const sent = Array.from({ length: 12 }, (_, n) => bus.cast({ topic: 't' }, 'm', { n: n + 1, text: n % 4 === 0 ? long : '' }));
    await Promise.all(sent);
    await until(() => got.length === 13);
    assert.deepEqual(
      got,
      Array.from({ length: 13 }, (_, n) => n),
    );
  });

  test('of several hosts one that answers is enough; a wrong password is told, but never shown', async () => {
    const amqp = rabbit.client({ loginMethod: 'PLAIN' });
    const [real] = amqp.hosts;
    const dead = { ...real!, port: 1 };
    for (let i = 0; i < 4; i++) {
      await using bus = await open({ ...amqp, hosts: [dead, { ...dead, port: 2 }, real!] });
      await bus.cast({ topic: 't' }, 'm', {}, { timeoutMs: 5000 });
    }
    for (const loginMethod of ['PLAIN', 'AMQPLAIN'] as const) {
      const from = lines.length;
      await using denied = await open({ ...amqp, loginMethod, hosts: [{ ...real!, password: `${rabbitPassword}x` }] }, 1500);
      const error = await denied.cast({ topic: 't' }, 'm', {}, { timeoutMs: 100 }).then(
        () => assert.fail('let in'),
        (e: unknown) => String(e),
      );
      assert.ok(
        lines.slice(from).some(line => /ACCESS[-_]REFUSED/.test(line)),
        lines.slice(from).join(''),
      );
      for (const line of [error, ...lines]) assert.ok(!line.includes(rabbitPassword), line);
    }
  });

  test('TLS: the chain and the name are verified; the name only unless it is said not to be', async () => {
    const other = certificate('other', 'IP:127.0.0.1');
    const over = (changes: Partial<NonNullable<AmqpOptions['tls']>>): AmqpOptions =>
      rabbit.client({
        hosts: [{ host: '127.0.0.1', port: rabbit.tlsPort, username: rabbitUser, password: rabbitPassword }],
        tls: { caFile: tls.ca, certFile: '', keyFile: '', verifyHost: true, ...changes },
      });
    const reaches = async (amqp: AmqpOptions): Promise<boolean> => {
      await using bus = await open(amqp, 2000);
      return await bus.cast({ topic: 't' }, 'm', {}, { timeoutMs: 500 }).then(
        () => true,
        () => false,
      );
    };
    assert.equal(await reaches(over({ verifyHost: false })), true);
    assert.equal(await reaches(over({})), false);
    assert.equal(await reaches(over({ caFile: other.ca, verifyHost: false })), false);
    assert.equal(await reaches(over({ caFile: '', verifyHost: false })), false);
    assert.ok(lines.some(line => line.includes('self-signed')));
    assert.equal(defaultAmqpOptions.tls, undefined);
  });
});
