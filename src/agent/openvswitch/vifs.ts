// Ports of the integration bridge that say whose they are, as Nova and the drivers of Neutron's other agents plug them.
import type { OvsPicture, OvsPort } from '../../contracts/host/ovsdb.ts';
import type { Vif } from '../desired/openvswitch/plan.ts';

const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);

/** By device. Of two ports that name one owner the one that the switch serves counts, and then the first by name: `twins` are the others. */
export function vifsOf(picture: OvsPicture, bridge: string): { readonly vifs: Map<string, Vif>; readonly twins: Vif[] } {
  const vifs = new Map<string, Vif>();
  const twins: Vif[] = [];
  const ports = [...(picture.bridges.get(bridge)?.ports.values() ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const port of ports) {
    const vif = vifOf(port);
    if (!vif) continue;
    const other = vifs.get(vif.device);
    if (other && (serves(other) || !serves(vif))) twins.push(vif);
    else {
      if (other) twins.push(other);
      vifs.set(vif.device, vif);
    }
  }
  return { vifs, twins };
}

const serves = ({ ofport }: Vif): boolean => ofport !== undefined && ofport > 0;

function vifOf(port: OvsPort): Vif | undefined {
  const named = port.interfaces.find(i => i.external_ids['iface-id'] !== undefined);
  const device = named?.external_ids['iface-id'];
  if (!named || device === undefined || !isUuid(device)) return undefined;
  return { device, row: named._uuid, name: port.name, ofport: named.ofport, tag: port.tag, otherConfig: port.other_config };
}

/** The number of a bridge's port; undefined while the switch has not given it one. */
export function ofportOf(picture: OvsPicture, bridge: string, port: string): number | undefined {
  const ofport = picture.bridges.get(bridge)?.ports.get(port)?.interfaces[0]?.ofport;
  return ofport !== undefined && ofport > 0 ? ofport : undefined;
}
