// The flows of one bridge: what they are known to be, and the bundle that makes them what is wanted.
import {
  type FlowFilter,
  type FoundFlow,
  type Openflow,
  OpenflowRefusal,
  type Switch,
  type TableChange,
} from '../../contracts/host/openflow.ts';
import type { Flow } from '../../domain/openflow/flow.ts';
import { flowKey, sameEffect } from '../../domain/openflow/identity.ts';
import { isOurCookie } from '../desired/openvswitch/tables.ts';

/** A switch that goes on beginning again is left to the next pass. */
const MAX_READS = 3;

/** Keys of flows, which are values: a renderer that hands out the same value again need not have it spelled again. */
const keys = new WeakMap<Flow, string>();

function keyOf(flow: Flow): string {
  const known = keys.get(flow) ?? flowKey(flow);
  keys.set(flow, known);
  return known;
}

/** The switch refused a bundle for the sake of this flow of it. */
export class FlowRefused extends Error {
  readonly flow: Flow;

  constructor(flow: Flow, refusal: OpenflowRefusal) {
    super(refusal.message);
    this.name = 'FlowRefused';
    this.flow = flow;
  }
}

export interface FlowTableOptions {
  readonly openflow: Openflow;
  readonly bridge: string;
  readonly probeMs?: number;
  /** Whether a flow with nobody's mark that is not wanted goes. */
  sweeps(flow: Flow): boolean;
  /** The switch does not answer on it. */
  onAway(reason: string): void;
  /** What is known of the bridge is of no use any more: the switch may have begun again, without any flow. */
  onGap(): void;
}

export class FlowTable implements AsyncDisposable {
  /** For what is no flow. */
  readonly door: Switch;
  private readonly options: FlowTableOptions;
  private known: Map<string, Flow> | undefined;
  /** What was wanted last and stands, where no two of it were of one identity: a pass that changes little looks at little. */
  private settled: ReadonlySet<Flow> | undefined;
  /** How often the flows may have gone. */
  private gaps = 0;

  constructor(options: FlowTableOptions) {
    this.options = options;
    const { probeMs } = options;
    const events = {
      onAway: (reason: string) => options.onAway(reason),
      onGap: () => {
        this.forget();
        options.onGap();
      },
    };
    this.door = options.openflow.open(options.bridge, events, probeMs === undefined ? {} : { probeMs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.door[Symbol.asyncDispose]();
  }

  forget(): void {
    this.known = undefined;
    this.settled = undefined;
    this.gaps++;
  }

  /** Some of them, with their counters. */
  found(filter: FlowFilter): Promise<readonly FoundFlow[]> {
    return this.door.flows(filter);
  }

  /** As the switch has them. */
  async read(): Promise<readonly Flow[]> {
    const began = this.gaps;
    const flows = await this.door.flows();
    if (this.gaps === began) {
      this.known = new Map(flows.map(f => [keyOf(f), f]));
      this.settled = undefined;
    }
    return flows;
  }

  /** Those that are there of which this holds. */
  async those(hold: (flow: Flow) => boolean): Promise<Flow[]> {
    return [...(await this.standing()).values()].filter(hold);
  }

  /** A bridge that is young, or whose switch begins again, may lose its flows while they are read. */
  private async standing(): Promise<Map<string, Flow>> {
    for (let tries = 0; tries < MAX_READS; tries++) {
      if (!this.known) await this.read();
      if (this.known) return this.known;
    }
    throw new Error(`the flows of ${this.options.bridge} went while they were read, ${MAX_READS} times`);
  }

  /** One bundle for the whole difference, none when there is none. `first` goes before it. Answers how many flows were changed. */
  async apply(wanted: readonly Flow[], first: readonly TableChange[] = []): Promise<number> {
    const known = await this.standing();
    const next = new Set(wanted);
    const { gone, added, stands, distinct } = (this.settled && difference(known, this.settled, next)) ?? this.whole(known, next);
    const changes: TableChange[] = [
      ...first,
      ...gone.map(({ table, priority, match }): TableChange => ({ do: 'delete', flow: { table, priority, match } })),
      ...added.map((flow): TableChange => ({ do: 'add', flow })),
    ];
    this.settled = undefined;
    const began = this.gaps;
    try {
      if (changes.length > 0) await this.door.apply(changes);
    } catch (error) {
      this.known = undefined;
      const refused = error instanceof OpenflowRefusal && error.index !== undefined ? changes[error.index] : undefined;
      throw refused?.do === 'add' ? new FlowRefused(refused.flow, error as OpenflowRefusal) : error;
    }
    if (this.gaps !== began) return changes.length;
    for (const flow of gone) known.delete(keyOf(flow));
    // Also those that were found equal: the next pass has the same values again.
    for (const flow of stands) known.set(keyOf(flow), flow);
    this.settled = distinct ? next : undefined;
    return changes.length;
  }

  /** Of two of one identity the last counts. */
  private whole(known: ReadonlyMap<string, Flow>, next: ReadonlySet<Flow>): Difference {
    const target = new Map([...next].map(f => [keyOf(f), f]));
    const gone = [...known].filter(([key, flow]) => !target.has(key) && this.goes(flow)).map(([, flow]) => flow);
    const added = [...target].filter(([key, flow]) => differs(known.get(key), flow)).map(([, flow]) => flow);
    return { gone, added, stands: [...target.values()], distinct: target.size === next.size };
  }

  /** What the switch learned by itself ends by itself. */
  private goes(flow: Flow): boolean {
    if (flow.hard_timeout) return false;
    return isOurCookie(flow.cookie) || this.options.sweeps(flow);
  }
}

interface Difference {
  readonly gone: readonly Flow[];
  readonly added: readonly Flow[];
  /** Of what is wanted, what was not known by the same value. */
  readonly stands: readonly Flow[];
  /** No two of what is wanted are of one identity. */
  readonly distinct: boolean;
}

/** From what stands, none of one identity with another, to what is next; undefined where two would be. */
function difference(known: ReadonlyMap<string, Flow>, settled: ReadonlySet<Flow>, next: ReadonlySet<Flow>): Difference | undefined {
  const fresh = new Map<string, Flow>();
  for (const flow of next) {
    if (settled.has(flow)) continue;
    const key = keyOf(flow);
    const before = known.get(key);
    if (fresh.has(key) || (before && next.has(before))) return undefined;
    fresh.set(key, flow);
  }
  const gone = [...settled].filter(flow => !next.has(flow) && !fresh.has(keyOf(flow)));
  const added = [...fresh].filter(([key, flow]) => differs(known.get(key), flow)).map(([, flow]) => flow);
  return { gone, added, stands: [...fresh.values()], distinct: true };
}

/** They are of one identity. */
const differs = (known: Flow | undefined, wanted: Flow): boolean => known !== wanted && (known === undefined || !sameEffect(known, wanted));
