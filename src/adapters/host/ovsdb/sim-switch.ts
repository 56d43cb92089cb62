// A simulated ovs-vswitchd: it takes up what the database says, makes and removes devices of its own, and tells what became of each port.
import type { OvsPicture } from '../../../contracts/host/ovsdb.ts';
import type { OvsRow } from '../../../contracts/host/ovsdb-tables.ts';
import type { SimServer } from './sim-server.ts';

export interface SimDevice {
  readonly mac: string;
  readonly mtu: number;
  readonly ifindex: number;
  readonly up: boolean;
}

/** What the switch does to the simulated kernel. */
export interface SimDevices {
  /** A device of the host's own namespace. */
  find(name: string): SimDevice | undefined;
  /** One that the switch made, wherever it is now. Undefined: the name is another's. */
  make(name: string): SimDevice | undefined;
  remove(name: string): void;
  /** Nobody serves it any more. */
  abandon(name: string): void;
}

const localPort = 65534;
const virtual = new Set(['patch', 'vxlan', 'gre', 'geneve', 'gretap', 'ip6gre']);

/** What the switch does besides the database: its flow tables are another simulator's. */
export interface SimSwitchEvents {
  /** It has taken what the database says. */
  taken(picture: OvsPicture): void;
  stopped(): void;
  started(): void;
}

export class SimSwitch {
  private readonly server: SimServer;
  private readonly devices: SimDevices;
  private readonly look: () => OvsPicture;
  private readonly events: SimSwitchEvents | undefined;
  /** Interfaces whose device it has opened: one that goes away leaves them without, and no error is told. */
  private readonly opened = new Set<string>();
  /** Devices that it made, and by interface the port number on its bridge. */
  private readonly made = new Map<string, SimDevice>();
  private readonly ofports = new Map<string, number>();
  private datapaths = 0;
  private due = false;
  private running = true;

  constructor(server: SimServer, devices: SimDevices, look: () => OvsPicture, events?: SimSwitchEvents) {
    this.server = server;
    this.devices = devices;
    this.look = look;
    this.events = events;
  }

  /** Soon, and once for what happens at the same time. */
  wake(): void {
    if (this.due || !this.running || this.server.rows('Open_vSwitch').size === 0) return;
    this.due = true;
    setImmediate(() => {
      this.due = false;
      if (this.running) void this.takeUp();
    });
  }

  /** Devices of its own stay behind, without anybody who serves them. */
  stop(): void {
    this.running = false;
    this.opened.clear();
    for (const name of this.made.keys()) this.devices.abandon(name);
    this.made.clear();
    this.events?.stopped();
  }

  start(): void {
    this.running = true;
    this.events?.started();
    this.wake();
  }

  private async takeUp(): Promise<void> {
    const picture = this.look();
    this.forget(picture);
    const operations: object[] = [];
    for (const bridge of picture.bridges.values()) {
      if (bridge.datapath_id === undefined)
        operations.push(set('Bridge', bridge, { datapath_id: (++this.datapaths).toString(16).padStart(16, '0') }));
      for (const port of bridge.ports.values()) for (const row of port.interfaces) operations.push(...this.wire(bridge.name, row, picture));
    }
    const told = { datapath_types: ['set', ['netdev', 'system']], iface_types: ['set', ['internal', 'patch', 'system', 'vxlan']] };
    operations.push(set('Open_vSwitch', picture.root, { cur_cfg: picture.root.next_cfg, ...told }));
    await this.server.transact(operations);
    if (this.running) this.events?.taken(this.look());
  }

  private forget(picture: OvsPicture): void {
    const rows = picture.tables.Interface;
    for (const id of this.ofports.keys()) if (!rows.has(id)) this.ofports.delete(id);
    for (const id of this.opened) if (!rows.has(id)) this.opened.delete(id);
    const names = new Set([...rows.values()].filter(isOwn).map(row => row.name));
    for (const name of [...this.made.keys()].filter(one => !names.has(one))) {
      this.made.delete(name);
      this.devices.remove(name);
    }
  }

  private wire(bridge: string, row: OvsRow<'Interface'>, picture: OvsPicture): object[] {
    const device = this.device(row);
    const error = this.error(row, device, picture);
    const none = ['set', []];
    const { mac_in_use, mtu, ifindex, admin_state } = row;
    const ofport = error === undefined || row.type === 'patch' ? this.ofport(bridge, row, picture) : -1;
    const seen = {
      mac_in_use: row.mac ?? device?.mac,
      mtu: row.mtu_request ?? device?.mtu,
      ifindex: device?.ifindex ?? 0,
      admin_state: device?.up || virtual.has(row.type) ? 'up' : 'down',
    };
    const now = JSON.stringify([row.ofport, row.error, mac_in_use, mtu, ifindex, admin_state]);
    if (JSON.stringify([ofport, error, seen.mac_in_use, seen.mtu, seen.ifindex, seen.admin_state]) === now) return [];
    const { mac_in_use: mac = none, mtu: size = none, ...rest } = seen;
    return [set('Interface', row, { ofport, error: error ?? none, mac_in_use: mac, mtu: size, link_state: seen.admin_state, ...rest })];
  }

  private device(row: OvsRow<'Interface'>): SimDevice | undefined {
    if (virtual.has(row.type)) return undefined;
    if (!isOwn(row)) return this.devices.find(row.name);
    const device = this.made.get(row.name) ?? this.devices.make(row.name);
    if (device) this.made.set(row.name, device);
    return device;
  }

  private error(row: OvsRow<'Interface'>, device: SimDevice | undefined, picture: OvsPicture): string | undefined {
    if (row.type === 'patch') {
      const { peer } = row.options;
      return peer !== undefined && picture.port(peer)?.interfaces[0]?.options['peer'] === row.name
        ? undefined
        : `No usable peer '${peer ?? ''}' exists in 'system' datapath.`;
    }
    if (virtual.has(row.type)) return row.options['remote_ip'] === undefined ? `could not set configuration (Invalid argument)` : undefined;
    if (row.type !== '' && row.type !== 'system' && !isOwn(row))
      return `could not open network device ${row.name} (Address family not supported by protocol)`;
    if (isOwn(row) && !device) return `could not open network device ${row.name} (Invalid argument)`;
    if (device) this.opened.add(row._uuid);
    return this.opened.has(row._uuid) ? undefined : `could not open network device ${row.name} (No such device)`;
  }

  private ofport(bridge: string, row: OvsRow<'Interface'>, picture: OvsPicture): number {
    if (row.name === bridge) return localPort;
    const has = this.ofports.get(row._uuid) ?? row.ofport;
    const others = [...(picture.bridges.get(bridge)?.ports.values() ?? [])]
      .flatMap(port => port.interfaces)
      .filter(one => one._uuid !== row._uuid);
    const taken = new Set(others.map(one => this.ofports.get(one._uuid)));
    const wanted = [row.ofport_request, has].find(number => number !== undefined && number > 0 && !taken.has(number));
    let free = wanted ?? 1;
    while (taken.has(free)) free++;
    this.ofports.set(row._uuid, free);
    return free;
  }
}

const isOwn = (row: OvsRow<'Interface'>): boolean => row.type === 'internal' || row.type === 'tap';

const set = (table: string, row: { readonly _uuid: string }, values: object): object => ({
  op: 'update',
  table,
  where: [['_uuid', '==', ['uuid', row._uuid]]],
  row: values,
});
