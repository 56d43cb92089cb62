// Tells the server which ports are up and which are down; what it does not take is told again.
import type { Server } from './server.ts';
import type { View } from './view.ts';

/** Ports of `wired` stand with their filters. `refresh` asks for the tunnels' whole tables with the first of them. */
export async function reportDevices(view: View, server: Server, wired: ReadonlySet<string>, refresh: boolean): Promise<void> {
  const up = [...wired].filter(name => view.devices.get(name)?.reported !== 'up');
  const off = [...view.devices.values()]
    .filter(d => d.answer?.kind === 'port' && !d.answer.details.admin_state_up && d.reported !== 'down')
    .map(d => d.name);
  const down = [...off, ...view.gone];
  if (up.length + down.length === 0) return;
  const words = new Map(up.map(name => [name, view.devices.get(name)?.answer]));
  const { taken, failed } = await server.report(up, down, refresh);
  for (const name of taken) {
    view.gone.delete(name);
    const device = view.devices.get(name);
    // A newer word of the server, taken in meanwhile, wants a report of its own.
    if (device && (!words.has(name) || words.get(name) === device.answer)) device.reported = words.has(name) ? 'up' : 'down';
  }
  if (failed.length > 0) throw new Error(`the server could not take the state of ${failed.join(', ')}`);
}
