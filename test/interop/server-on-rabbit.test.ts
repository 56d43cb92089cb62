// The server with agents on a real RabbitMQ, and what becomes of them while it is away.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openAmqpBus } from '../../src/adapters/bus-amqp/amqp-bus.ts';
import { systemClock as clock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import type { Bus } from '../../src/contracts/bus.ts';
import { amqpOptions } from '../../src/main/config/rabbit.ts';
import type { MessagingConfig } from '../../src/server/context.ts';
import { beat, type Harness, start, until } from '../api/harness.ts';
import { noRabbit, Rabbit, rabbitPassword, rabbitUser } from './rabbit.ts';

const lines: string[] = [];
const log = textLog({ sink: { write: line => void lines.push(line) }, level: 'debug' });

describe('the server on RabbitMQ', { skip: noRabbit, timeout: 170_000 }, () => {
  let rabbit: Rabbit;
  before(async () => {
    rabbit = await Rabbit.start({ vhosts: 10 });
  });
  after(() => rabbit?.[Symbol.asyncDispose]());

  let vhost = 0;
  function messaging(): MessagingConfig {
    const user = `${rabbitUser}:${encodeURIComponent(rabbitPassword)}`;
    const query = 'kombu_reconnect_delay=0.1&rabbit_retry_interval=1&rabbit_retry_backoff=0';
    return {
      transportUrl: `rabbit://${user}@127.0.0.1:${rabbit.port}/v${vhost++}?${query}`,
      controlExchange: 'neutron',
      host: 'net-1',
      rabbit: { amqp_durable_queues: 'true' },
    };
  }
  const connect = (config: MessagingConfig): Promise<Bus> =>
    openAmqpBus({ amqp: amqpOptions(config), clock, log: textLog({ sink: { write: () => {} } }) });
  const over = (h: Harness, bus: Bus): Harness => ({
    ...h,
    rpc: (topic, method, args, version = '1.0') => bus.call({ topic, version }, method, args, { timeoutMs: 10_000 }),
  });
  const network = async (h: Harness, cidr: string): Promise<string> => {
    const { id } = await h.admin.make('networks', 'network', {});
    await h.admin.make('subnets', 'subnet', { network_id: id, ip_version: 4, cidr });
    return id;
  };

  /** A DHCP agent, as far as it listens. */
  async function listening(bus: Bus): Promise<string[]> {
    const heard: string[] = [];
    const note = (args: object): void => void heard.push(JSON.stringify(args));
    const methods = { network_create_end: note, subnet_create_end: note, port_create_end: note, port_update_end: note };
    await bus.serve({ topic: 'dhcp_agent', server: 'node-1', endpoints: [{ version: '1.0', methods }] });
    return heard;
  }
  const hears = (heard: readonly string[], id: string): Promise<boolean> =>
    until('the agent hears of it', async () => heard.some(line => line.includes(id)), 40_000);

  test('a tunnel end that is told on the socket or on RabbitMQ is heard of on both', async () => {
    const config = messaging();
    await using broker = await connect(config);
    await using h = await start({ messaging: config });
    const heard: string[] = [];
    for (const [name, bus] of Object.entries({ socket: h.bus, broker }))
      await bus.serve({
        topic: 'q-agent-notifier-tunnel-update',
        server: name,
        endpoints: [{ version: '1.0', methods: { tunnel_update: args => void heard.push(`${name} ${String(args['tunnel_ip'])}`) } }],
      });
    const told = ['192.0.2.1', '192.0.2.2'];
    for (const [i, on] of [h, over(h, broker)].entries())
      await on.rpc('q-plugin', 'tunnel_sync', { tunnel_ip: told[i]!, tunnel_type: 'vxlan', host: `h${i}` }, '1.4');
    const all = told.flatMap(ip => [`socket ${ip}`, `broker ${ip}`]);
    await until('both are heard on both', async () => all.every(line => heard.includes(line)), 20_000);
  });

  test('agents report and are told; while the broker is away the API answers, and they are told afterwards', async () => {
    const config = messaging();
    await using agent = await connect(config);
    const heard = await listening(agent);
    await using h = await start({ messaging: config }, log);
    await beat(over(h, agent), 'node-1');
    const agents = await h.admin.list('agents?host=node-1');
    assert.deepEqual(
      agents.map(one => one['alive']),
      [true, true, true],
    );
    await hears(heard, await network(h, '10.1.0.0/24'));

    await rabbit.kill();
    const from = lines.length;
    const meanwhile = await network(h, '10.2.0.0/24');
    const failed = async (): Promise<boolean> => lines.slice(from).filter(line => line.includes('relay: delivery failed')).length > 1;
    await until('the relay has tried in vain', failed, 60_000);
    assert.equal((await h.admin.list(`networks?id=${meanwhile}`)).length, 1);
    await rabbit.up();
    await hears(heard, meanwhile);
    await hears(heard, await network(h, '10.3.0.0/24'));
    await beat(over(h, agent), 'node-1');
    // Those on the socket are served, too.
    await beat(h, 'node-2');
    assert.equal((await h.admin.list('agents?host=node-2')).length, 3);
  });

  test('a server that starts without its broker answers, ends in time, and serves agents once it is there', async () => {
    const config = messaging();
    await rabbit.down();
    {
      await using h = await start({ messaging: config }, log);
      await network(h, '10.4.0.0/24');
    }
    await using h = await start({ messaging: config }, log);
    await network(h, '10.5.0.0/24');
    await rabbit.up();
    await using agent = await connect(config);
    await until(
      'the server is there',
      () =>
        beat(over(h, agent), 'node-1').then(
          () => true,
          () => false,
        ),
      30_000,
    );
  });

  test('no password is in the log', () => {
    assert.ok(lines.some(line => line.includes('connected to the message broker')));
    assert.ok(lines.some(line => line.includes('no connection to the message broker')));
    for (const line of lines)
      for (const secret of [rabbitPassword, encodeURIComponent(rabbitPassword)]) assert.ok(!line.includes(secret), line);
  });
});
