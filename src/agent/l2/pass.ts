// One pass of an L2 agent: look at the host, ask the server what is stale, and have the switch bring the host to what should be there.
// Nothing is touched before the server has answered; what was stale when a question failed stays stale.
import type { Log } from '../../contracts/log.ts';
import { refresh } from './refresh.ts';
import type { ObjectPart } from './resources.ts';
import type { Server } from './server.ts';
import type { View } from './view.ts';

/** The host's side of an agent, in the order in which a pass calls it. `Seen` is the host as one look found it. */
export interface Switch<Seen> {
  look(): Promise<Seen>;
  /** Ports' devices that are there, by the name that the server is asked with. */
  devices(seen: Seen): ReadonlySet<string>;
  /** Before anything is changed: reads what the last agent left, at the first pass and whenever `reread`. */
  load(reread: boolean, seen: Seen): Promise<void>;
  /** The whole is computed and the difference is done, reports with it. */
  realise(seen: Seen): Promise<void>;
}

export interface PassOptions {
  readonly view: View;
  readonly server: Server;
  readonly objects: readonly ObjectPart[];
  readonly log: Log;
  /** The server has taken a report of this agent: it is there. */
  inTouch(): boolean;
}

/** The server has not been heard of yet: nothing is touched before. */
export class NotInTouch extends Error {}

export class Pass<Seen> {
  private readonly given: PassOptions;
  private readonly switch: Switch<Seen>;
  private synced = false;

  constructor(given: PassOptions, to: Switch<Seen>) {
    this.given = given;
    this.switch = to;
  }

  /** `reread` compares with the host instead of with what it was left with. Rejects when anything is to be tried again. */
  async run(reread: boolean): Promise<void> {
    const { view, server, objects, log } = this.given;
    if (reread) view.touchUnwired();
    // What was heard to appear is asked about while the host is looked at.
    const [seen, early] = await both(this.switch.look(), settled(refresh(view, server, log)));
    view.setPresent(this.switch.devices(seen));
    const ports = early ?? (await settled(refresh(view, server, log)));
    const others = await Promise.all(objects.map(part => settled(part.refresh(reread))));
    const trouble = ports ?? others.find(t => t !== undefined);
    if (!this.synced && trouble) throw trouble;
    if (!this.synced && view.devices.size === 0 && !this.given.inTouch()) throw new NotInTouch('the server has not answered yet');
    await this.switch.load(reread, seen);
    await this.switch.realise(seen);
    if (trouble) throw trouble;
    this.synced = true;
  }
}

/** The failure, if it was one. */
export async function settled(promise: Promise<void> | undefined): Promise<unknown> {
  try {
    return void (await promise);
  } catch (error) {
    return error;
  }
}

/** Waits for both, also when one fails: a pass that is over must not go on behind the next one's back. */
export async function both<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return Promise.all([a, b]);
}
