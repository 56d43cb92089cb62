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

export interface Aggregate {
  readonly id: number;
  readonly uuid: string;
  readonly name: string;
  readonly hosts: readonly string[];
}

/** Nova's host aggregates. Each throws `CloudUnavailable` or `NovaRefused`. */
export interface NovaAggregates {
  list(): Promise<readonly Aggregate[]>;
  /** Refused (409) where the name is taken. */
  create(name: string): Promise<Aggregate>;
  /** Whether Nova knows the host. One that is in it already is fine. */
  addHost(id: number, host: string): Promise<boolean>;
  /** A host that is not in it, and an aggregate that is not there, are fine. */
  removeHost(id: number, host: string): Promise<void>;
  delete(id: number): Promise<void>;
  /** Hosts with a compute service. */
  computeHosts(): Promise<ReadonlySet<string>>;
}

type Inventory = Readonly<Record<string, number>>;

/** Placement, as far as it is told what hosts have. Each throws `CloudUnavailable` or `PlacementRefused`. */
export interface Placement {
  /** The UUID of a provider, which others make. */
  providerNamed(name: string): Promise<string | undefined>;
  ensureTrait(name: string): Promise<void>;
  /** Made, or given that name and parent. */
  ensureProvider(provider: { readonly uuid: string; readonly name: string; readonly parent: string }): Promise<void>;
  setTraits(uuid: string, traits: readonly string[]): Promise<void>;
  /** By resource class. */
  setInventories(uuid: string, inventories: Readonly<Record<string, Inventory>>): Promise<void>;
}

/** Placement, as far as it is told of the addresses of segments. Each throws `CloudUnavailable` or `PlacementRefused`. */
export interface SegmentPlacement {
  /** Makes the provider where it is not there. What `set` says not of the class is `defaults` where it is new; other classes stay. */
  keepInventory(
    provider: { readonly uuid: string; readonly name: string },
    inventory: { readonly resource_class: string; readonly set: Inventory; readonly defaults: Inventory },
  ): Promise<void>;
  /** Of a provider; none where it is not there. */
  aggregatesOf(uuid: string): Promise<readonly string[]>;
  addAggregate(uuid: string, aggregate: string): Promise<void>;
  /** One that is not there is fine. */
  removeProvider(uuid: string): Promise<void>;
}

/** What an instance has of each provider, by resource class. */
export interface Allocation {
  readonly resources: Readonly<Record<string, Inventory>>;
  /** Grows with each change. */
  readonly generation: number;
  readonly project_id: string;
  readonly user_id: string;
}

/** Allocations of instances. Each throws `CloudUnavailable` or `PlacementRefused`. */
export interface Allocations {
  /** Undefined: the consumer has none. */
  read(consumer: string): Promise<Allocation | undefined>;
  /** In the place of what had that generation; false where that is another by now. Refused (409) where there is no room. */
  write(consumer: string, allocation: Allocation): Promise<boolean>;
}

/** Placement answered no. */
export class PlacementRefused extends Error {
  readonly status: number;

  constructor(status: number, reason: string) {
    super(`Placement answers ${status}: ${reason}`);
    this.name = 'PlacementRefused';
    this.status = status;
  }
}

/** Nova answered that it does not take these events (4xx), or failed at them (500). */
export class NovaRefused extends Error {
  readonly status: number;

  constructor(status: number, reason: string) {
    super(`Nova answers ${status}: ${reason}`);
    this.name = 'NovaRefused';
    this.status = status;
  }
}
