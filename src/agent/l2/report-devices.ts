// Tells the server which ports are up and which are down; what it does not take is told again.
import type { Server } from './server.ts';
import type { View } from './view.ts';

export class DeviceReports {
  private readonly view: View;
  private readonly server: Server;
  /** The tunnels' whole tables were asked for. */
  private refreshed = false;

  constructor(view: View, server: Server) {
    this.view = view;
    this.server = server;
  }

  get hasAskedForTables(): boolean {
    return this.refreshed;
  }

  /** The server is told of every port that is up once more, and is asked for the tunnels' whole tables. */
  tellAgain(): void {
    for (const device of this.view.devices.values()) if (device.reported === 'up') device.reported = undefined;
    this.refreshed = false;
  }

  /** Ports of `wired` stand with their filters; with the first of them the tunnels' whole tables are asked for. */
  async report(wired: ReadonlySet<string>): Promise<void> {
    await this.tell(wired, !this.refreshed);
    if (wired.size > 0) this.refreshed = true;
  }

  private async tell(wired: ReadonlySet<string>, refresh: boolean): Promise<void> {
    const { view } = this;
    const up = [...wired].filter(name => view.devices.get(name)?.reported !== 'up');
    const off = [...view.devices.values()]
      .filter(d => d.answer?.kind === 'port' && !d.answer.details.admin_state_up && d.reported !== 'down')
      .map(d => d.name);
    const down = [...off, ...view.gone];
    if (up.length + down.length === 0) return;
    const words = new Map(up.map(name => [name, view.devices.get(name)?.answer]));
    const { taken, failed } = await this.server.report(up, down, refresh);
    for (const name of taken) {
      view.gone.delete(name);
      const device = view.devices.get(name);
      // A newer word of the server, taken in meanwhile, wants a report of its own.
      if (device && (!words.has(name) || words.get(name) === device.answer)) device.reported = words.has(name) ? 'up' : 'down';
    }
    if (failed.length > 0) throw new Error(`the server could not take the state of ${failed.join(', ')}`);
  }
}
