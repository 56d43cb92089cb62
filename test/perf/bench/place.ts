// A server with everything that is measured at it.
import { closedLoop, oneByOne, openLoop, type Result, type Serial, type Timing } from './measure.ts';
import type { Server } from './servers.ts';
import { type Phase, type World, wholeList } from './world.ts';

export const created = 'port create';
export const openName = `${created}, open loop at half the rate`;
export const coldName = `${wholeList}, cold`;

export class Place {
  readonly name: string;
  readonly server: Server;
  readonly world: World;
  /** By phase, round by round. */
  readonly results = new Map<string, Result[]>();
  private readonly serials = new Map<string, Serial>();

  constructor(server: Server, world: World) {
    this.name = server.target.name;
    this.server = server;
    this.world = world;
  }

  async measure(phase: Phase, timing: Timing): Promise<void> {
    await phase.before?.(timing.warmUpMs + timing.measuredMs);
    const warmUpMs = this.warmUpOf(phase.name, timing);
    this.note(phase.name, await closedLoop(this.server, phase.run, this.serialOf(phase.name), { ...timing, warmUpMs }));
  }

  /** Less where the same was measured before, and nothing where one operation alone takes longer than that. */
  private warmUpOf(name: string, { warmUpMs }: Timing): number {
    const before = this.results.get(name)?.at(-1);
    if (!before) return warmUpMs;
    return before.p50 > warmUpMs ? 0 : warmUpMs / 4;
  }

  /** Of ports that have all changed since they were listed last, so that no text of them can have been kept. */
  async measureCold(list: Phase, timing: Timing): Promise<void> {
    this.note(coldName, await oneByOne(this.server, list.run, () => this.world.touch(), timing));
  }

  async measureOpen(timing: Timing, perSecond: number): Promise<void> {
    const create = (i: number, client: number) => this.world.createPort(i, client);
    this.note(openName, await openLoop(this.server, create, this.serialOf(created), timing, perSecond));
  }

  private note(name: string, result: Result): void {
    this.results.set(name, [...(this.results.get(name) ?? []), result]);
  }

  private serialOf(name: string): Serial {
    const serial = this.serials.get(name) ?? { next: 0 };
    this.serials.set(name, serial);
    return serial;
  }
}
