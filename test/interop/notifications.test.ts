// Notifications of the server, heard by the real oslo.messaging on a real RabbitMQ: those that were made before it listened, and those of
// while the broker was away.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import type { NotificationsConfig } from '../../src/server/context.ts';
import { type Harness, start, until } from '../api/harness.ts';
import { noRabbit, Rabbit, rabbitPassword, rabbitUser } from './rabbit.ts';

const python = '/usr/bin/python3';
const noOslo = spawnSync(python, ['-c', 'import oslo_messaging']).status === 0 ? false : 'no python3-oslo.messaging here';

interface Heard {
  readonly context: Record<string, unknown>;
  readonly publisher_id: string;
  readonly event_type: string;
  readonly payload: Record<string, Record<string, unknown>>;
  readonly metadata: Record<string, unknown>;
}

class Listener implements AsyncDisposable {
  readonly heard: Heard[] = [];
  readonly lines: string[] = [];
  private readonly child: ChildProcess;

  constructor(url: string) {
    const argv = [join(import.meta.dirname, 'oslo_listener.py'), url];
    this.child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', python, ...argv], { stdio: ['ignore', 'pipe', 'ignore'] });
    createInterface({ input: this.child.stdout! }).on('line', line => {
      this.lines.push(line);
      this.heard.push(JSON.parse(line));
    });
  }

  async hears(event_type: string, id: string): Promise<Heard> {
    const fits = (one: Heard): boolean => one.event_type === event_type && Object.values(one.payload).some(object => object['id'] === id);
    return until(`${event_type} of ${id}`, async () => this.heard.find(fits), 120_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
  }
}

describe('notifications on RabbitMQ', { skip: noRabbit || noOslo, timeout: 500_000 }, () => {
  let rabbit: Rabbit;
  let vhost = 0;
  before(async () => {
    rabbit = await Rabbit.start({ vhosts: 4 });
  });
  after(() => rabbit?.[Symbol.asyncDispose]());

  function place(): string {
    return `rabbit://${rabbitUser}:${encodeURIComponent(rabbitPassword)}@127.0.0.1:${rabbit.port}/v${vhost++}`;
  }
  const fast = '?kombu_reconnect_delay=0.1&rabbit_retry_interval=1&rabbit_retry_backoff=0&amqp_durable_queues=true';
  const serve = (messages: string, notifications: Partial<NotificationsConfig>): Promise<Harness> =>
    start({
      messaging: { transportUrl: messages && `${messages}${fast}`, controlExchange: 'neutron', host: 'net-1', rabbit: {} },
      notifications: { drivers: ['messagingv2'], transportUrl: '', topics: ['notifications'], retry: -1, kept: 100_000, ...notifications },
    });

  test('who comes later hears what was; a broker that is killed loses nothing', async () => {
    const url = place();
    await using h = await serve(url, {});
    const early = await h.member.make('networks', 'network', { name: 'early' });
    await using listener = new Listener(`${url}${fast}`);
    const { context, publisher_id, metadata, payload } = await listener.hears('network.create.end', early.id);
    assert.deepEqual(payload, { network: early });
    assert.equal(publisher_id, 'network.net-1');
    assert.deepEqual(Object.keys(metadata).sort(), ['message_id', 'timestamp']);
    const { project_id, user_id, user_name, roles, auth_token, is_admin } = context;
    assert.deepEqual([project_id, user_id, user_name, auth_token, is_admin], [h.member.project, 'member', 'member', null, false]);
    assert.deepEqual(roles, ['member', 'reader']);
    assert.match(String(context['request_id']), /^req-/);

    await rabbit.kill();
    const meanwhile = await Promise.all([1, 2, 3].map(n => h.member.make('networks', 'network', { name: `meanwhile ${n}` })));
    await rabbit.up();
    for (const { id } of meanwhile) await listener.hears('network.create.end', id);
    const ends = listener.heard.filter(one => one.event_type === 'network.create.end').map(one => one.payload['network']?.['name']);
    assert.equal(new Set(ends).size, 4);
  });

  test('a broker of their own, and the form without an envelope', async () => {
    const url = place();
    await using listener = new Listener(`${url}${fast}`);
    await using h = await serve('', { drivers: ['messaging'], transportUrl: `${url}${fast}` });
    const made = await h.member.make('networks', 'network', { name: 'n' });
    assert.deepEqual((await listener.hears('network.create.end', made.id)).payload, { network: made });
    await h.member.request('DELETE', `networks/${made.id}`);
    const { payload } = await listener.hears('network.delete.end', made.id);
    assert.equal(payload['network']?.['name'], 'n');
  });

  test('what is done before there is a broker is told, whatever others have been told of it', async () => {
    const url = place();
    await rabbit.kill();
    await using h = await serve('', { transportUrl: `${url}${fast}` });
    const made = await h.member.make('networks', 'network', { name: 'n' });
    await until('all others are told', async () => (await h.server.store.waiting('agents')) === 0);
    await rabbit.up();
    await using listener = new Listener(`${url}${fast}`);
    await listener.hears('network.create.end', made.id);
  });

  test('as often as `retry` says, and then the next one', async () => {
    const url = place();
    await using h = await serve(url, { retry: 0 });
    await rabbit.kill();
    const lost = await h.member.make('networks', 'network', { name: 'lost' });
    const givenUp = async (): Promise<boolean> => h.logged.filter(line => line.includes('a notification was given up')).length >= 2;
    await until('it is given up', givenUp, 60_000);
    await rabbit.up();
    await using listener = new Listener(`${url}${fast}`);
    const told = await h.member.make('networks', 'network', { name: 'told' });
    await listener.hears('network.create.end', told.id);
    assert.ok(!listener.lines.some(line => line.includes(lost.id)));
  });
});
