// The bus inside one process. Messages still cross as JSON text in oslo.messaging's envelopes, so that nothing works only here.
import { type Bus, BusUnavailable } from '../../contracts/bus.ts';
import { OsloBus, type OsloBusOptions } from '../bus-oslo/oslo-bus.ts';
import type { Transport } from '../bus-oslo/transport.ts';
import { Broker, type BrokerLimits } from './broker.ts';

export interface LocalBusOptions extends OsloBusOptions {
  /** Buses over one broker hear each other; absent: a broker of its own. */
  readonly broker?: Broker;
  readonly limits?: Partial<BrokerLimits>;
}

export function localBus(options: LocalBusOptions): Bus {
  const { broker = new Broker(options), ...rest } = options;
  return new OsloBus(localTransport(broker), rest);
}

function localTransport(broker: Broker): Transport {
  let closed = false;
  const subscribed = (subscription: { resume(): void } & Disposable) => ({
    resume: () => subscription.resume(),
    [Symbol.asyncDispose]: async () => subscription[Symbol.dispose](),
  });
  return {
    async publish(route, body, { expiresAt, signal }) {
      if (closed || signal?.aborted) throw new BusUnavailable('the bus was closed');
      broker.publish(route, body, expiresAt);
    },
    hears: beginnings => broker.hears(beginnings),
    listen: async (topic, server, consumer) => subscribed(broker.listen(topic, server, consumer)),
    listenReplies: async (queue, consumer) => subscribed(broker.listenReplies(queue, consumer)),
    onUp: () => ({ [Symbol.dispose]: () => {} }),
    async [Symbol.asyncDispose]() {
      closed = true;
    },
  };
}
