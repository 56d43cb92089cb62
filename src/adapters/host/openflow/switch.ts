// A switch that is spoken to for as long as it is wanted: connected in the background, connected anew when the connection goes.
import { connect, type Socket } from 'node:net';
import {
  type FlowFilter,
  type FoundFlow,
  type MeterChange,
  OpenflowAway,
  OpenflowRefusal,
  type Switch,
  type SwitchEvents,
  type SwitchPort,
  type TableChange,
} from '../../../contracts/host/openflow.ts';
import type { Group, Meter } from '../../../domain/openflow/flow.ts';
import { BadFlow } from '../../../domain/openflow/values.ts';
import { Backoff } from '../../../engine/backoff.ts';
import { applyBundle } from './bundle.ts';
import { Garbled, type Reader, Writer } from './bytes.ts';
import { Conversation, type Manner } from './conversation.ts';
import {
  flowsRequest,
  groupsRequest,
  meterBody,
  metersRequest,
  portsRequest,
  readFlows,
  readGroups,
  readMeters,
  readPacketIn,
  readPort,
  readPorts,
  readRemoved,
  writeMessage,
} from './messages.ts';
import type { Target } from './target.ts';
import { MESSAGE } from './wire.ts';

/** How long a call waits for the connection. */
const PATIENCE_MS = 10_000;
/** Between two attempts on this machine, which cost next to nothing: a switch that has begun again forwards nothing until it is found. */
const LOCAL_MS = 100;

const PORT_NEWS = ['added', 'removed', 'changed'] as const;

export class OpenflowSwitch implements Switch {
  private readonly target: Target;
  private readonly events: SwitchEvents;
  private readonly manner: Manner;
  private readonly backoff: Backoff;
  private readonly waiting = new Set<() => void>();
  private talk: Conversation | undefined;
  private standing = false;
  private closed = false;
  private retry: NodeJS.Timeout | undefined;
  private reason = 'not connected yet';

  constructor(target: Target, events: SwitchEvents, manner: Manner) {
    this.target = target;
    this.backoff = new Backoff({ firstMs: 50, maxMs: 'path' in target ? LOCAL_MS : 2000, jitter: 0.3 }, Math.random);
    this.events = events;
    this.manner = manner;
  }

  connect(): void {
    const socket: Socket = connect({ ...this.target });
    socket.setNoDelay(true);
    const talk = new Conversation(
      socket,
      {
        onUp: () => this.stands(),
        onEnd: reason => this.gone(reason),
        onNews: (type, body) => this.news(type, body),
      },
      this.manner,
    );
    this.talk = talk;
  }

  private stands(): void {
    this.standing = true;
    this.backoff.reset();
    this.wake();
    this.events.onGap();
  }

  private gone(reason: string): void {
    const stood = this.standing;
    this.standing = false;
    this.talk = undefined;
    this.reason = reason;
    if (this.closed) return;
    this.retry = setTimeout(() => this.connect(), this.backoff.next());
    if (stood) this.events.onAway?.(reason);
  }

  private wake(): void {
    for (const wake of [...this.waiting]) wake();
  }

  private news(type: number, body: Reader): void {
    if (type === MESSAGE.flow_removed) {
      const { flow, why } = readRemoved(body);
      this.events.onRemoved?.(flow, why);
      return;
    }
    if (type === MESSAGE.packet_in) {
      this.events.onPacket?.(readPacketIn(body));
      return;
    }
    const kind = PORT_NEWS[body.u8()];
    body.skip(7);
    if (kind !== undefined) this.events.onPort?.(kind, readPort(body));
  }

  async up(timeoutMs = PATIENCE_MS): Promise<void> {
    await this.conversation(timeoutMs);
  }

  private async conversation(timeoutMs = PATIENCE_MS): Promise<Conversation> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      if (this.closed) throw new OpenflowAway('closed');
      if (this.standing && this.talk) return this.talk;
      const left = end - performance.now();
      if (left <= 0) throw new OpenflowAway(this.reason);
      await this.change(left);
    }
  }

  /** Until the connection stands or the switch is closed, or the time is over. */
  private change(ms: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(() => wake(), ms);
      const wake = (): void => {
        clearTimeout(timer);
        this.waiting.delete(wake);
        resolve();
      };
      this.waiting.add(wake);
    });
  }

  /** An answer that cannot be read ends the connection: the ones behind it could not be trusted either. */
  private async read<T>(request: () => ReturnType<typeof flowsRequest>, read: (r: Reader) => T[]): Promise<T[]> {
    const talk = await this.conversation();
    try {
      const bodies = await talk.ask(asked(request));
      return bodies.flatMap(read);
    } catch (error) {
      if (!(error instanceof Garbled)) throw error;
      talk.end(error.message);
      throw new OpenflowAway(error.message);
    }
  }

  flows(filter: FlowFilter = {}): Promise<readonly FoundFlow[]> {
    return this.read(() => flowsRequest(filter), readFlows);
  }

  groups(): Promise<readonly Group[]> {
    return this.read(groupsRequest, readGroups);
  }

  meters(): Promise<readonly Meter[]> {
    return this.read(metersRequest, readMeters);
  }

  ports(): Promise<readonly SwitchPort[]> {
    return this.read(portsRequest, readPorts);
  }

  async apply(changes: readonly TableChange[]): Promise<void> {
    await applyBundle(await this.conversation(), changes);
  }

  async applyMeters(changes: readonly MeterChange[]): Promise<void> {
    const talk = await this.conversation();
    for (const [index, change] of changes.entries()) await applyMeter(talk, change, index);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed = true;
    clearTimeout(this.retry);
    this.talk?.end('closed');
    this.wake();
  }
}

function asked<T>(request: () => T): T {
  try {
    return request();
  } catch (error) {
    if (error instanceof BadFlow) throw new OpenflowRefusal('BAD_FLOW', error.message);
    throw error;
  }
}

/** A change of a meter is not answered: the barrier behind it is, after its error. */
async function applyMeter(talk: Conversation, change: MeterChange, index: number): Promise<void> {
  const text = `${change.do} meter=${change.do === 'delete' ? change.id : change.meter.id}`;
  const first = talk.numbers(2);
  const w = new Writer();
  try {
    writeMessage(w, meterBody(change), first);
  } catch (error) {
    if (error instanceof BadFlow) throw new OpenflowRefusal('BAD_FLOW', `${error.message}: ${text}`, index);
    throw error;
  }
  let refused: string | undefined;
  using _ = talk.batch(w.done(), first, 1, (_number, code) => (refused = code));
  await talk.ask({ type: MESSAGE.barrier_request, write: () => {} }, first + 1);
  if (refused !== undefined) throw new OpenflowRefusal(refused, `${refused}: ${text}`, index);
}
