import assert from 'node:assert/strict';
import test from 'node:test';
import { busContract } from '../../contracts/bus.suite.ts';
import { SimClock } from '../../engine/clock.ts';
import { systemClock } from '../clock/system-clock.ts';
import { textLog } from '../log/text-log.ts';
import { Broker } from './broker.ts';
import { localBus } from './local-bus.ts';

const log = textLog({ sink: { write: () => {} } });

busContract('local', async () => {
  const broker = new Broker({ clock: systemClock, log });
  const [a, b] = [localBus({ broker, clock: systemClock, log }), localBus({ broker, clock: systemClock, log })];
  return {
    a,
    b,
    async [Symbol.asyncDispose]() {
      await a[Symbol.asyncDispose]();
      await b[Symbol.asyncDispose]();
    },
  };
});

test('timeouts follow the clock that was passed in', async () => {
  const clock = new SimClock();
  await using bus = localBus({ clock, log });
  const call = assert.rejects(bus.call({ topic: 'none' }, 'm', {}, { timeoutMs: 60_000 }), { name: 'BusTimeout' });
  await clock.advance(60_000);
  await call;
});
