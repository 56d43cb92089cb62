// What Open vSwitch's database and the links of the host say of a port's device at one moment.
import type { Link } from '../../contracts/host/links.ts';
import type { OvsPicture, OvsPort } from '../../contracts/host/ovsdb.ts';
import { DEAD_VLAN } from '../desired/openvswitch/tables.ts';
import type { Outside, PortDevice, Verdict } from './driver.ts';
import { judgePair } from './linuxbridge.ts';
import { keyIn, keyOf, outerName } from './names.ts';
import { madeBySwitch } from './switch-ports.ts';

export interface SwitchPlace {
  readonly bridge: string;
  readonly useVeth: boolean;
}

export const portName = (device: PortDevice, { useVeth }: SwitchPlace): string => (useVeth ? outerName(device.portId) : device.name);

export const idsOf = ({ portId, mac }: PortDevice): Record<string, string> => ({
  'iface-id': portId,
  'iface-status': 'active',
  'attached-mac': mac,
});

export class SwitchSeen implements Outside {
  readonly picture: OvsPicture;
  private readonly place: SwitchPlace;
  private readonly links: ReadonlyMap<string, Link>;

  constructor(place: SwitchPlace, picture: OvsPicture, links: ReadonlyMap<string, Link>) {
    this.place = place;
    this.picture = picture;
    this.links = links;
  }

  judge(device: PortDevice, inside: Link | undefined): Verdict {
    const port = this.port(device);
    if (!port) return { kind: 'anew' };
    const said = Object.entries(idsOf(device)).every(([key, word]) => port.interfaces[0]?.external_ids[key] === word);
    if (this.place.useVeth) {
      const pair = judgePair(device, inside, this.links.get(outerName(device.portId)));
      return pair.kind === 'whole' && !said ? { kind: 'adjust' } : pair;
    }
    const served = inside && madeBySwitch.has(inside.kind) && inside.mac === device.mac && !inside.noCarrier;
    if (!served || this.strays(device)) return { kind: 'anew' };
    return said ? { kind: 'whole' } : { kind: 'adjust' };
  }

  wired(device: PortDevice): boolean {
    const port = this.port(device);
    const ofport = port?.interfaces[0]?.ofport ?? -1;
    return ofport > 0 && port?.tag !== undefined && port.tag !== DEAD_VLAN;
  }

  /** The switch has made the device, again perhaps, and it is not in its namespace: what is there is dead. */
  strays(device: PortDevice): boolean {
    return !this.place.useVeth && madeBySwitch.has(this.links.get(device.name)?.kind ?? '');
  }

  /** The port as it is to be made; of another owner, kind or bridge it is none. */
  port(device: PortDevice): OvsPort | undefined {
    const port = this.picture.port(portName(device, this.place));
    const [row] = port?.interfaces ?? [];
    const kinds = this.place.useVeth ? ['', 'system'] : ['internal'];
    const fits = port?.bridge === this.place.bridge && row !== undefined && kinds.includes(row.type);
    return fits && row.external_ids['iface-id'] === device.portId ? port : undefined;
  }

  /** Names of the ports of the bridge that a driver has made for the port of this key. */
  madeFor(key: string): string[] {
    const ports = [...(this.picture.bridges.get(this.place.bridge)?.ports.values() ?? [])];
    return ports.filter(p => keyIn(p.name) === key && keyOf(p.interfaces[0]?.external_ids['iface-id'] ?? '') === key).map(p => p.name);
  }
}
