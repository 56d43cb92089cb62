// What the server asks of other services of the cloud.

/** Nobody answered, or not now: to be tried again. The message says who, and holds no secret. */
export class CloudUnavailable extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'CloudUnavailable';
  }
}

/** What Nova is told of an instance's port. */
export interface NovaEvent {
  readonly name: 'network-vif-plugged' | 'network-vif-unplugged' | 'network-vif-deleted' | 'network-changed';
  /** The instance. */
  readonly server_uuid: string;
  /** The port. */
  readonly tag: string;
  readonly status?: 'completed' | 'failed';
}

export interface NovaAnswer extends NovaEvent {
  /** 200; 404: no such instance; 422: one that is on no host; 400. */
  readonly code: number;
}

export interface Nova {
  /** What Nova says of each. Throws `CloudUnavailable` or `NovaRefused`. */
  tell(events: readonly NovaEvent[]): Promise<readonly NovaAnswer[]>;
}

/** Nova answered that it does not take these events at all. */
export class NovaRefused extends Error {
  readonly status: number;

  constructor(status: number, reason: string) {
    super(`Nova answers ${status}: ${reason}`);
    this.name = 'NovaRefused';
    this.status = status;
  }
}
