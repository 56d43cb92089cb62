// The bus contract on a real RabbitMQ.
import { after, describe } from 'node:test';
import { openAmqpBus } from '../../src/adapters/bus-amqp/amqp-bus.ts';
import { systemClock as clock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { busContract } from '../../src/contracts/bus.suite.ts';
import { noRabbit, Rabbit } from './rabbit.ts';

const log = textLog({ sink: { write: () => {} } });

describe('bus on RabbitMQ', { skip: noRabbit }, async () => {
  if (noRabbit) return;
  const rabbit = await Rabbit.start({ vhosts: 90 });
  after(() => rabbit[Symbol.asyncDispose]());

  for (const [name, changes] of [
    ['rabbit', {}],
    ['rabbit with quorum queues', { quorumQueue: true, transientQuorumQueue: true }],
    ['rabbit with durable queues', { durableQueues: true }],
  ] as const) {
    busContract(name, async () => {
      const amqp = rabbit.client(changes);
      const [a, b] = await Promise.all([openAmqpBus({ amqp, clock, log }), openAmqpBus({ amqp, clock, log })]);
      return {
        a,
        b,
        async [Symbol.asyncDispose]() {
          await a[Symbol.asyncDispose]();
          await b[Symbol.asyncDispose]();
        },
      };
    });
  }
});
