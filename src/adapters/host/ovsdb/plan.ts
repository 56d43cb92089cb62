// From what is wanted and what there is to the operations of one transaction. Pure. What it relies on is said in the transaction, too: where it
// is so no more, nothing is done, and it is planned anew.
import {
  type OvsBridge,
  OvsdbRefusal,
  type OvsOperation,
  type OvsPicture,
  type OvsPort,
  type OvsWanted,
  type WantedBridge,
  type WantedController,
  type WantedPort,
  type WantedQos,
} from '../../../contracts/host/ovsdb.ts';
import type { OvsRow } from '../../../contracts/host/ovsdb-tables.ts';
import { Steps } from './plan-steps.ts';
import { same } from './values.ts';

export interface Plan {
  readonly guards: readonly OvsOperation[];
  /** None: it is so already. */
  readonly operations: readonly OvsOperation[];
  readonly absent: readonly string[];
}

/** Throws OvsdbRefusal for what contradicts itself or what is there. */
export function planOf(wanted: OvsWanted, picture: OvsPicture): Plan {
  const planning = new Planning(wanted, picture);
  planning.all();
  const { guards, operations } = planning.steps;
  return { guards, operations, absent: planning.absent };
}

class Planning {
  readonly steps = new Steps();
  readonly absent: string[] = [];
  private readonly wanted: OvsWanted;
  private readonly picture: OvsPicture;

  constructor(wanted: OvsWanted, picture: OvsPicture) {
    this.wanted = wanted;
    this.picture = picture;
  }

  all(): void {
    const { steps, picture, wanted } = this;
    steps.set('Open_vSwitch', picture.root, wanted.root ?? {});
    for (const [target, manager] of Object.entries(wanted.managers ?? {})) this.manager(target, manager);
    for (const [name, bridge] of Object.entries(wanted.bridges ?? {})) {
      const there = picture.bridges.get(name);
      if (bridge === null) {
        if (there) steps.members('Open_vSwitch', picture.root, 'bridges', { delete: [there._uuid] });
      } else if (there) this.change(there, bridge);
      else if (bridge.make === false) this.absent.push(name);
      else this.make(name, bridge);
    }
    this.sweep();
  }

  private manager(target: string, wanted: { readonly inactivity_probe?: number | null } | null): void {
    const { steps, picture } = this;
    const there = picture.managers.find(one => one.target === target);
    if (there && wanted) steps.set('Manager', there, wanted);
    else if (there) steps.members('Open_vSwitch', picture.root, 'manager_options', { delete: [there._uuid] });
    else if (wanted) {
      const made = steps.insert('Manager', { target, ...wanted });
      steps.members('Open_vSwitch', picture.root, 'manager_options', { insert: [made] });
    }
  }

  private make(name: string, { make: _, ports = {}, controllers = [], ...bridge }: WantedBridge): void {
    const { steps, picture } = this;
    const local: WantedPort = ports[name] ?? {};
    const all = { ...ports, [name]: { ...local, make: true, interface: { type: 'internal', ...local.interface } } };
    const made = steps.insert('Bridge', {
      name,
      ...bridge,
      controller: ['set', controllers.map(controller => steps.insert('Controller', controller))],
      ports: ['set', this.newPorts(name, all)],
    });
    steps.members('Open_vSwitch', picture.root, 'bridges', { insert: [made] });
  }

  private change(there: OvsBridge, { make: _, ports = {}, controllers, protocols = [], ...bridge }: WantedBridge): void {
    const { steps } = this;
    const missing = protocols.filter(protocol => !there.protocols.includes(protocol));
    steps.set('Bridge', there, bridge);
    steps.members('Bridge', there, 'protocols', { insert: missing });
    if (controllers) this.controllers(there, controllers);
    const gone: string[] = [];
    for (const [name, wanted] of Object.entries(ports)) {
      const port = there.ports.get(name);
      if (port && wanted) this.changePort(port, wanted);
      else if (port) gone.push(port._uuid);
    }
    const fresh = Object.entries(ports).filter(([name, wanted]) => wanted && !there.ports.has(name));
    steps.members('Bridge', there, 'ports', { delete: gone, insert: this.newPorts(there.name, Object.fromEntries(fresh)) });
  }

  /** One that is as wanted stays: whoever is connected to it does not notice. */
  private controllers(there: OvsBridge, wanted: readonly WantedController[]): void {
    const { steps } = this;
    const kept = wanted.map(({ target }) => there.controllers.find(one => one.target === target));
    wanted.forEach((controller, i) => {
      const row = kept[i];
      if (row) steps.set('Controller', row, controller);
    });
    if (kept.every(Boolean) && there.controllers.every(one => kept.includes(one))) return;
    const refs = wanted.map((controller, i) => (kept[i] ? ['uuid', kept[i]._uuid] : steps.insert('Controller', controller)));
    const now = there.controllers.map(one => ['uuid', one._uuid]);
    steps.guard('Bridge', there, [['controller', '==', ['set', now]]]);
    steps.put('Bridge', there, 'controller', ['set', refs]);
  }

  /** References to the ports that are made. */
  private newPorts(bridge: string, ports: Readonly<Record<string, WantedPort | null>>): unknown[] {
    return Object.entries(ports).flatMap(([name, wanted]) => {
      if (wanted === null) return [];
      const elsewhere = this.picture.port(name);
      if (wanted.make === false) this.absent.push(`${bridge}/${name}`);
      else if (elsewhere && !this.leaves(elsewhere))
        throw conflict(`port ${name} is on bridge ${elsewhere.bridge}, and wanted on ${bridge}`);
      else return [this.newPort(name, wanted)];
      return [];
    });
  }

  private leaves({ bridge, name }: OvsPort): boolean {
    const wanted = this.wanted.bridges?.[bridge];
    return wanted === null || wanted?.ports?.[name] === null;
  }

  private newPort(name: string, { make: _, qos, interface: device, ...port }: WantedPort): unknown {
    const { steps } = this;
    const made = steps.insert('Interface', { name, ...device });
    return steps.insert('Port', { name, interfaces: made, ...port, ...(qos ? { qos: this.newQos(qos) } : {}) });
  }

  private changePort(there: OvsPort, { make: _, qos, interface: device, ...port }: WantedPort): void {
    const { steps } = this;
    const { qos: old } = there;
    steps.set('Port', there, port);
    if (device) {
      const row = there.interfaces.find(one => one.name === there.name);
      if (!row) throw conflict(`port ${there.name} is a bond, without an interface of its name`);
      steps.set('Interface', row, device);
    }
    if (qos === undefined || (qos === null && !old) || (qos && old && sameQos(old, qos))) return;
    steps.put('Port', there, 'qos', qos === null ? ['set', []] : this.newQos(qos));
    if (old) this.dropQos(this.picture.tables.QoS.get(old._uuid), new Set([there._uuid]));
  }

  private newQos({ queues = {}, ...qos }: WantedQos): unknown {
    const { steps } = this;
    const made = Object.entries(queues).map(([number, queue]) => [Number(number), steps.insert('Queue', queue)]);
    return steps.insert('QoS', { ...qos, queues: ['map', made] });
  }

  /** With its queues, unless another port refers to it; a queue that another QoS has stays. */
  private dropQos(row: OvsRow<'QoS'> | undefined, but: ReadonlySet<string> = new Set()): void {
    const { steps, picture } = this;
    if (!row || [...picture.tables.Port.values()].some(port => port.qos === row._uuid && !but.has(port._uuid))) return;
    steps.delete('QoS', row);
    const shared = new Set([...picture.tables.QoS.values()].filter(one => one !== row).flatMap(one => Object.values(one.queues)));
    for (const id of new Set(Object.values(row.queues))) {
      const queue = picture.tables.Queue.get(id);
      if (queue && !shared.has(id)) steps.delete('Queue', queue);
    }
  }

  private sweep(): void {
    const { orphans } = this.wanted;
    if (!orphans) return;
    const marked = ({ external_ids }: { readonly external_ids: Readonly<Record<string, string>> }): boolean =>
      Object.entries(orphans).every(([k, v]) => external_ids[k] === v);
    for (const row of this.picture.tables.QoS.values()) if (marked(row)) this.dropQos(row);
  }
}

function sameQos(there: NonNullable<OvsPort['qos']>, wanted: WantedQos): boolean {
  const wantedQueues = wanted.queues ?? {};
  return (
    there.type === wanted.type &&
    same(there.other_config, wanted.other_config ?? {}) &&
    same(there.external_ids, wanted.external_ids ?? {}) &&
    Object.keys(there.queues).length === Object.keys(wantedQueues).length &&
    Object.entries(wantedQueues).every(([number, queue]) => {
      const row = there.queues[number];
      const { dscp, other_config = {}, external_ids = {} } = queue;
      return row && row.dscp === dscp && same(row.other_config, other_config) && same(row.external_ids, external_ids);
    })
  );
}

const conflict = (words: string): OvsdbRefusal => new OvsdbRefusal('conflict', words);
