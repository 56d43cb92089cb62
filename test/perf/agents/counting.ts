// A transport that counts what crosses it, and tells when a method was heard: the bus of a simulated host is the real one but for this.
import type { Consumer, ListenOptions, PublishOptions, Route, Subscription, Transport } from '../../../src/adapters/bus-oslo/transport.ts';

/** Messages and their bodies' bytes, both ways; AMQP's own frames are not in it. */
export interface Traffic {
  received: number;
  receivedBytes: number;
  sent: number;
  sentBytes: number;
}

export const noTraffic = (): Traffic => ({ received: 0, receivedBytes: 0, sent: 0, sentBytes: 0 });

export class CountingTransport implements Transport {
  private readonly inner: Transport;
  private readonly traffic: Traffic;
  private readonly heard: (body: string) => void;

  constructor(inner: Transport, traffic: Traffic, heard: (body: string) => void) {
    this.inner = inner;
    this.traffic = traffic;
    this.heard = heard;
  }

  publish(route: Route, body: string, options: PublishOptions): Promise<void> {
    this.traffic.sent++;
    this.traffic.sentBytes += Buffer.byteLength(body);
    return this.inner.publish(route, body, options);
  }

  listen(topic: string, server: string, consumer: Consumer, options?: ListenOptions): Promise<Subscription> {
    return this.inner.listen(topic, server, this.counted(consumer), options);
  }

  listenReplies(queue: string, consumer: Consumer): Promise<Subscription> {
    return this.inner.listenReplies(queue, this.counted(consumer));
  }

  onUp(listener: (up: boolean) => void): Disposable {
    return this.inner.onUp(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.inner[Symbol.asyncDispose]();
  }

  private counted(consumer: Consumer): Consumer {
    return {
      ready: () => consumer.ready(),
      take: delivery => {
        this.traffic.received++;
        this.traffic.receivedBytes += Buffer.byteLength(delivery.body);
        this.heard(delivery.body);
        consumer.take(delivery);
      },
    };
  }
}
