// Weft and the real oslo.messaging (Debian's) on one broker, in both directions.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { openAmqpBus } from '../../src/adapters/bus-amqp/amqp-bus.ts';
import type { AmqpOptions } from '../../src/adapters/bus-amqp/options.ts';
import { systemClock as clock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { type Bus, BusTimeout, RemoteError, type RpcContext, RpcFailure } from '../../src/contracts/bus.ts';
import { noRabbit, Rabbit, rabbitPassword, rabbitUser } from './rabbit.ts';

const python = '/usr/bin/python3';
const noOslo = spawnSync(python, ['-c', 'import oslo_messaging']).status === 0 ? false : 'no python3-oslo.messaging here';
const log = textLog({ sink: { write: () => {} } });

/** The program beside this file. */
class Peer implements AsyncDisposable {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private readonly reader: Interface;

  static async start(url: string, options: object): Promise<Peer> {
    const peer = new Peer(url, options);
    assert.equal((await peer.answer())['result'], 'ready');
    return peer;
  }

  private constructor(url: string, options: object) {
    const argv = [join(import.meta.dirname, 'oslo_peer.py'), url, JSON.stringify(options)];
    this.child = spawn(python, argv, { stdio: ['pipe', 'pipe', 'ignore'] });
    this.reader = createInterface({ input: this.child.stdout! });
    this.lines = this.reader[Symbol.asyncIterator]();
  }

  async do(command: object): Promise<Record<string, unknown>> {
    this.child.stdin?.write(`${JSON.stringify(command)}\n`);
    return this.answer();
  }

  call(method: string, target: object = {}, args: object = {}): Promise<Record<string, unknown>> {
    return this.do({ do: 'call', target: { topic: 'weft', timeout: 10, ...target }, method, args });
  }

  async heard(count: number): Promise<unknown> {
    for (let i = 0; i < 500; i++) {
      const { result } = await this.do({ do: 'heard' });
      if (Array.isArray(result) && result.length >= count) return result;
      await clock.sleep(20);
    }
    return assert.fail('not heard');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    this.reader.close();
  }

  private async answer(): Promise<Record<string, unknown>> {
    const { value, done } = await this.lines.next();
    assert.ok(!done, 'the program ended');
    return JSON.parse(value);
  }
}

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (what()) return;
    await clock.sleep(10);
  }
  assert.fail(`never: ${what}`);
}

const quorum: readonly [Partial<AmqpOptions>, object] = [{ quorumQueue: true }, { rabbit_quorum_queue: true }];
const compressed: readonly [Partial<AmqpOptions>, object] = [{ compression: 'gzip' }, { kombu_compression: 'gzip' }];
const durable: readonly [Partial<AmqpOptions>, object] = [{ durableQueues: true }, { amqp_durable_queues: true }];

describe('the real oslo.messaging', { skip: noRabbit || noOslo, timeout: 170_000 }, () => {
  let rabbit: Rabbit;
  before(async () => {
    rabbit = await Rabbit.start({ vhosts: 5 });
  });
  after(() => rabbit?.[Symbol.asyncDispose]());

  for (const [name, [changes, options]] of [
    ['as it is', [{}, {}]],
    ['with quorum queues', quorum],
    ['with durable queues', durable],
    ['with compressed messages', compressed],
  ] as const) {
    describe(name, () => {
      let peer: Peer;
      let bus: Bus;
      const contexts: RpcContext[] = [];
      const notes: unknown[] = [];
      before(async () => {
        const amqp = rabbit.client(changes);
        bus = await openAmqpBus({ amqp, clock, log, ping: true });
        const methods = {
          echo: (args: object) => args,
          who: (_: object, context: RpcContext) => contexts.push(context),
          named: () => {
            throw new RpcFailure('NetworkNotFound', 'Network n2 could not be found.');
          },
          allowed: () => {
            throw new RpcFailure('NetworkNotFound', 'Network n3 could not be found.', '__main__');
          },
          builtin: () => {
            throw new RpcFailure('TypeError', 'wrong', 'builtins');
          },
          slow: () => clock.sleep(3000),
          note: (args: object) => notes.push(args),
        };
        const trunk = { version: '1.1', namespace: 'trunk', methods: { where: () => 'in ours' } };
        await bus.serve({ topic: 'weft', server: 'weft-host', endpoints: [{ version: '1.5', methods }, trunk] });
        const user = `${rabbitUser}:${encodeURIComponent(rabbitPassword)}`;
        peer = await Peer.start(`rabbit://${user}@127.0.0.1:${rabbit.port}/${amqp.virtualHost}`, options);
      });
      after(async () => {
        await peer?.[Symbol.asyncDispose]();
        await bus?.[Symbol.asyncDispose]();
      });

      test('Weft calls it: any server, one server, namespace, versions, context', async () => {
        const odd = { text: 'zß水🎉"\\', list: [1, null, true], deep: { a: {} } };
        assert.deepEqual(await bus.call({ topic: 'peer' }, 'echo', odd), odd);
        assert.deepEqual(await bus.call({ topic: 'peer', server: 'peer-host', version: '1.3' }, 'echo', odd), odd);
        assert.equal(await bus.call({ topic: 'peer', namespace: 'trunk' }, 'where', {}), 'in the namespace');
        const context = { request_id: 'req-1', is_admin: false, user_id: 'u', project_id: 'p', roles: ['reader'] };
        assert.deepEqual(await bus.call({ topic: 'peer' }, 'who', {}, { context }), context);
      });

      test('its failures reach Weft by class name', async () => {
        const failure = async (target: object, method: string, args = {}): Promise<string> => {
          const error = await bus.call({ topic: 'peer', ...target }, method, args).catch((e: unknown) => e);
          assert.ok(error instanceof RemoteError, String(error));
          return error.excType;
        };
        assert.equal(await failure({}, 'fail'), 'NetworkNotFound');
        assert.equal(await failure({}, 'who', { wrong: 1 }), 'TypeError');
        assert.equal(await failure({}, 'no_such'), 'NoSuchMethod');
        assert.equal(await failure({ version: '1.4' }, 'echo'), 'UnsupportedVersion');
        await assert.rejects(bus.call({ topic: 'peer' }, 'sleep', { seconds: 2 }, { timeoutMs: 300 }), BusTimeout);
      });

      test('casts and fan-outs of Weft reach it', async () => {
        await bus.cast({ topic: 'peer' }, 'note', { n: 1 });
        await peer.heard(1);
        await bus.cast({ topic: 'peer', server: 'peer-host' }, 'note', { n: 2 });
        await peer.heard(2);
        await bus.cast({ topic: 'peer', fanout: true }, 'note', { n: 3 });
        assert.deepEqual(await peer.heard(3), [{ n: 1 }, { n: 2 }, { n: 3 }]);
      });

      test('it calls Weft: any server, one server, namespace, versions, context', async () => {
        const odd = { text: 'zß水🎉"\\', list: [1, null, true] };
        assert.deepEqual(await peer.call('echo', {}, odd), { result: odd });
        assert.deepEqual(await peer.call('echo', { server: 'weft-host', version: '1.5' }, odd), { result: odd });
        assert.deepEqual(await peer.call('where', { namespace: 'trunk', version: '1.1' }), { result: 'in ours' });
        assert.deepEqual(await peer.call('oslo_rpc_server_ping'), { result: 'pong' });
        await peer.call('who');
        const { request_id, user_id, project_id, roles, is_admin } = contexts[0]!;
        assert.deepEqual([request_id, user_id, project_id, roles, is_admin], ['req-python', 'ann', 'demo', ['member'], false]);
      });

      test("Weft's failures reach it by class name, and as themselves where it allows their module", async () => {
        const refused = async (method: string, target = {}): Promise<unknown> => {
          const { error, exc_type } = await peer.call(method, target);
          return exc_type ?? error;
        };
        assert.equal(await refused('named'), 'NetworkNotFound');
        assert.equal(await refused('allowed'), 'NetworkNotFound_Remote');
        assert.equal(await refused('builtin'), 'TypeError');
        assert.match(String(await refused('no_such')), /^NoSuchMethod/);
        assert.match(String(await refused('echo', { version: '1.6' })), /^UnsupportedVersion|RPCVersionCapError/);
        assert.equal(await refused('slow', { timeout: 1 }), 'MessagingTimeout');
        assert.deepEqual(await peer.call('echo', {}, { still: 'there' }), { result: { still: 'there' } });
      });

      test('its casts and fan-outs reach Weft', async () => {
        for (const [n, target] of [{ topic: 'weft' }, { topic: 'weft', server: 'weft-host' }, { topic: 'weft', fanout: true }].entries()) {
          await peer.do({ do: 'cast', target, method: 'note', args: { n } });
          await until(() => notes.length > n);
        }
        assert.deepEqual(notes, [{ n: 0 }, { n: 1 }, { n: 2 }]);
      });
    });
  }
});
