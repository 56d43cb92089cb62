// One simulated ovs-vswitchd for both doors: the flow tables have the bridges and ports that the simulated database has.
import type { SwitchPort } from '../../../contracts/host/openflow.ts';
import type { OvsBridge } from '../../../contracts/host/ovsdb.ts';
import type { SimSwitchEvents } from '../ovsdb/sim-switch.ts';
import type { SimOpenflow } from './sim.ts';

const LOCAL = 65_534;

export function switchEvents(openflow: SimOpenflow): SimSwitchEvents {
  const modes = new Map<string, string>();
  return {
    taken: ({ bridges }) => {
      for (const name of openflow.bridges.keys()) {
        if (bridges.has(name)) continue;
        openflow.removeBridge(name);
        modes.delete(name);
      }
      for (const [name, bridge] of bridges) mirror(openflow, name, bridge, modes);
    },
    stopped: () => openflow.stop(),
    started: () => openflow.start(),
  };
}

function mirror(openflow: SimOpenflow, name: string, bridge: OvsBridge, modes: Map<string, string>): void {
  openflow.addBridge(name);
  const mode = `${bridge.fail_mode ?? 'standalone'} ${bridge.controllers.length > 0}`;
  if ((modes.get(name) ?? mode) !== mode) openflow.flush(name);
  modes.set(name, mode);
  const wanted = portsOf(bridge);
  const found = openflow.bridges.get(name)?.ports ?? new Map<string, SwitchPort>();
  for (const port of wanted.values()) if (JSON.stringify(found.get(port.name)) !== JSON.stringify(port)) openflow.addPort(name, port);
  for (const port of [...found.keys()]) if (!wanted.has(port)) openflow.removePort(name, port);
}

/** Ports are the interfaces that have a number. */
function portsOf(bridge: OvsBridge): Map<string, SwitchPort> {
  const rows = [...bridge.ports.values()].flatMap(port => port.interfaces);
  const ports = rows.flatMap(({ name, ofport, mac_in_use, link_state }): SwitchPort[] =>
    ofport === undefined || ofport <= 0
      ? []
      : [{ port: ofport === LOCAL ? 'local' : ofport, name, mac: mac_in_use ?? '00:00:00:00:00:00', up: link_state === 'up' }],
  );
  return new Map(ports.map(port => [port.name, port]));
}
