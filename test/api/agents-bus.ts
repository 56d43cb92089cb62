// How the agents of a test reach its server: over the Unix socket, or over a RabbitMQ where WEFT_TEST_BUS is rabbit, which each file of tests
// starts for itself.
import { join } from 'node:path';
import { after } from 'node:test';
import { openAmqpBus } from '../../src/adapters/bus-amqp/amqp-bus.ts';
import { connectUnixBus } from '../../src/adapters/bus-unix/unix-bus.ts';
import { systemClock as clock } from '../../src/adapters/clock/system-clock.ts';
import type { Bus } from '../../src/contracts/bus.ts';
import type { Log } from '../../src/contracts/log.ts';
import { amqpOptions } from '../../src/main/config/rabbit.ts';
import { defaultConfig, type MessagingConfig, type ServerConfig } from '../../src/server/context.ts';
import { noRabbit, Rabbit, rabbitPassword, rabbitUser } from '../interop/rabbit.ts';

/** Virtual hosts that there are: each server of a test has its own. */
const vhosts = 60;
const onRabbit = process.env['WEFT_TEST_BUS'] === 'rabbit';
let broker: Promise<Rabbit> | undefined;
let next = 0;

// Here, not when it is started: a hook of a test ends with the test.
if (onRabbit) after(async () => (await broker)?.[Symbol.asyncDispose]());

export interface AgentsBus {
  /** What the server is told of it. */
  readonly config: Partial<ServerConfig>;
  connect(log: Log): Promise<Bus>;
}

export async function agentsBus(stateDir: string): Promise<AgentsBus> {
  if (!onRabbit) return { config: {}, connect: log => connectUnixBus(join(stateDir, 'bus.sock'), { clock, log }) };
  if (noRabbit !== false) throw new Error(noRabbit);
  broker ??= Rabbit.start({ vhosts });
  const messaging = messagingOn(await broker);
  return { config: { messaging }, connect: log => openAmqpBus({ amqp: amqpOptions(messaging), clock, log }) };
}

function messagingOn({ port }: Rabbit): MessagingConfig {
  const user = `${rabbitUser}:${encodeURIComponent(rabbitPassword)}`;
  const query = 'kombu_reconnect_delay=0.1&rabbit_retry_interval=1&rabbit_retry_backoff=0';
  return { ...defaultConfig.messaging, transportUrl: `rabbit://${user}@127.0.0.1:${port}/v${next++}?${query}`, host: 'weft-server' };
}
