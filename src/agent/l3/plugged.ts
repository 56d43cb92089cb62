// Hears of the outer ends of router devices: when the L2 agent has plugged one, the neighbours are told of its addresses,
// since what was announced before reached nobody; when one is deleted by someone else, its router is looked at again.
import type { Link } from '../../contracts/host/links.ts';
import type { AgentContext } from '../context.ts';
import type { Coalesced } from './coalesced.ts';
import type { Daemons } from './daemons.ts';
import type { Routers } from './routers.ts';

export interface PluggedOptions {
  readonly ctx: AgentContext;
  readonly outside: Coalesced<ReadonlyMap<string, Link>>;
  readonly routers: Routers;
  readonly daemons: Daemons;
}

export class Plugged {
  private readonly options: PluggedOptions;
  /** Outer name → router, of devices that were made and not seen on a bridge yet. */
  private readonly waiting = new Map<string, string>();
  private source: AsyncDisposable | undefined;

  constructor(options: PluggedOptions) {
    this.options = options;
  }

  start(): void {
    this.source = this.options.ctx.host.links.watch(
      '',
      event => {
        if (event.kind === 'removed') this.removed(event.name);
        else if (this.waiting.has(event.name)) void this.look();
      },
      () => void this.look(),
    );
  }

  async stop(): Promise<void> {
    await this.source?.[Symbol.asyncDispose]();
  }

  /** Devices that were just made; they may have been plugged by the time this is called. */
  expect(routerId: string, outers: readonly string[]): void {
    for (const outer of outers) this.waiting.set(outer, routerId);
    void this.look();
  }

  private removed(name: string): void {
    this.waiting.delete(name);
    if (!name.startsWith('tap')) return;
    for (const id of this.options.routers.ids())
      if (this.options.routers.stateOf(id)?.devices.some(d => d.outer === name)) this.options.routers.check(id);
  }

  private async look(): Promise<void> {
    if (this.waiting.size === 0) return;
    try {
      const links = await this.options.outside.get();
      for (const [outer, id] of [...this.waiting]) {
        if (links.get(outer)?.master === undefined) continue;
        this.waiting.delete(outer);
        await this.announce(id, outer);
      }
    } catch (error) {
      this.options.ctx.log.warning('addresses were not announced', { error: String(error) });
    }
  }

  private async announce(id: string, outer: string): Promise<void> {
    const state = this.options.routers.stateOf(id);
    const device = state?.devices.find(d => d.outer === outer);
    if (!state || !device) return;
    for (const cidr of device.addresses)
      await this.options.ctx.host.links.announce(state.netns, device.name, cidr.slice(0, cidr.indexOf('/')));
    if (device.role === 'internal') await this.options.daemons.readvertise(id);
  }
}
