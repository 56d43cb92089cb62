// Hears of the other sides of router devices: when the L2 agent has wired one, the neighbours are told of its addresses,
// since what was announced before reached nobody; when one is gone, its router is looked at again.
import type { AgentContext } from '../context.ts';
import type { WantedDevice } from '../desired/l3/state.ts';
import type { InterfaceDriver } from '../interface/driver.ts';
import { keyOf } from '../interface/names.ts';
import type { Daemons } from './daemons.ts';
import type { Routers } from './routers.ts';

export interface PluggedOptions {
  readonly ctx: AgentContext;
  readonly driver: InterfaceDriver;
  readonly routers: Routers;
  readonly daemons: Daemons;
}

export class Plugged {
  private readonly options: PluggedOptions;
  /** Key of a port → router, of devices that were made and are not wired yet. */
  private readonly waiting = new Map<string, string>();
  private source: AsyncDisposable | undefined;

  constructor(options: PluggedOptions) {
    this.options = options;
  }

  start(): void {
    this.source = this.options.driver.watch({ lost: key => this.lost(key), changed: () => void this.look() });
  }

  async stop(): Promise<void> {
    await this.source?.[Symbol.asyncDispose]();
  }

  /** Devices that were just made; they may have been wired by the time this is called. */
  expect(routerId: string, devices: readonly WantedDevice[]): void {
    for (const { portId } of devices) this.waiting.set(keyOf(portId), routerId);
    void this.look();
  }

  private lost(key: string): void {
    this.waiting.delete(key);
    const { routers } = this.options;
    for (const id of routers.ids()) if (routers.stateOf(id)?.devices.some(d => keyOf(d.portId) === key)) routers.check(id);
  }

  private async look(): Promise<void> {
    if (this.waiting.size === 0) return;
    const { driver, routers, ctx } = this.options;
    try {
      const outside = await driver.look();
      for (const [key, id] of [...this.waiting]) {
        const state = routers.stateOf(id);
        const device = state?.devices.find(d => keyOf(d.portId) === key);
        if (!state || !device || !outside.wired({ ...device, netns: state.netns })) continue;
        this.waiting.delete(key);
        await this.announce(id, state.netns, device);
      }
    } catch (error) {
      ctx.log.warning('addresses were not announced', { error: String(error) });
    }
  }

  private async announce(id: string, netns: string, device: WantedDevice): Promise<void> {
    for (const cidr of device.addresses) await this.options.ctx.host.links.announce(netns, device.name, cidr.slice(0, cidr.indexOf('/')));
    if (device.role === 'internal') await this.options.daemons.readvertise(id);
  }
}
