// What carries messages: the only thing in which the in-process, Unix-socket and AMQP buses differ. Bodies are opaque text here.

/** `topic`: any one server of it. `server`: that one. `fanout`: every one. `reply`: the queue of one caller. */
export type Route =
  | { readonly to: 'topic'; readonly topic: string }
  | { readonly to: 'server'; readonly topic: string; readonly server: string }
  | { readonly to: 'fanout'; readonly topic: string }
  | { readonly to: 'reply'; readonly queue: string };

export interface Delivery {
  readonly body: string;
  /** Milliseconds since the epoch after which nobody waits for it any more. */
  readonly expiresAt: number | undefined;
}

/** Takes what arrives when it is ready for it; `Subscription.resume` says that it is ready again. */
export interface Consumer {
  ready(): boolean;
  take(delivery: Delivery): void;
}

export interface Subscription extends AsyncDisposable {
  resume(): void;
}

export interface ListenOptions {
  readonly agent?: boolean;
}

export interface PublishOptions {
  readonly expiresAt?: number | undefined;
  /** How long the message may wait for the connection, and then for the confirmation. */
  readonly waitMs: number;
  /** When it aborts, a message that still waits for the connection is never sent. */
  readonly signal?: AbortSignal;
}

/** More than one message may hold on this transport. */
export class MessageTooLarge extends Error {
  constructor(bytes: number, limit: number) {
    super(`a message of ${bytes} bytes; the limit is ${limit}`);
    this.name = 'MessageTooLarge';
  }
}

export interface Transport extends AsyncDisposable {
  /**
   * Resolves when the message was handed over, whether or not anybody listens; waits while the connection is down.
   * Rejects with BusUnavailable when it was not confirmed, in which case it is never sent again, and with MessageTooLarge.
   */
  publish(route: Route, body: string, options: PublishOptions): Promise<void>;
  /** As `publish` to each of the servers, for a transport that can do so at once. */
  publishToServers?(topic: string, servers: readonly string[], body: string, options: PublishOptions): Promise<void>;
  /** As in the contract of the bus. */
  hears?(beginnings: readonly string[]): boolean;
  /** Consumes `topic`, `topic.server` and the fan-out of the topic; declared again after each reconnection. For an agent `topic` may be left out. */
  listen(topic: string, server: string, consumer: Consumer, options?: ListenOptions): Promise<Subscription>;
  /** Consumes a reply queue, which is gone with its consumer. */
  listenReplies(queue: string, consumer: Consumer): Promise<Subscription>;
  onUp(listener: (up: boolean) => void): Disposable;
}
