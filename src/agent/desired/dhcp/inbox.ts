// Folds the messages that wait for one network into what is to be done: once, however many there are.
import type { DhcpNetwork, DhcpPort } from './wire.ts';

export type NetworkEvent =
  /** The whole network as the server answered it. */
  | { readonly kind: 'view'; readonly network: DhcpNetwork }
  /** network_create_end: it is ours (again). */
  | { readonly kind: 'scheduled' }
  /** Something about the network or its subnets changed: ask the server. */
  | { readonly kind: 'changed' }
  /** Deleted, or no longer ours. */
  | { readonly kind: 'removed' }
  | { readonly kind: 'port'; readonly port: DhcpPort }
  | { readonly kind: 'port-gone'; readonly port_id: string }
  /** Look again at what is there: a process died, or an earlier pass failed. */
  | { readonly kind: 'look' };

export interface Message {
  readonly event: NetworkEvent;
  readonly priority: number;
  readonly arrival: number;
}

export interface Folded {
  readonly network: DhcpNetwork | undefined;
  /** The server has to be asked before anything else. */
  readonly fetch: boolean;
  /** Take away what is there, before whatever else is to be done. */
  readonly remove: boolean;
  /** Ports of messages, with the priority of the most urgent one. */
  readonly ports: ReadonlyMap<string, number>;
  /** All ports of the network are to be reported. */
  readonly whole: boolean;
  readonly gone: ReadonlySet<string>;
}

/** `priority` 5 is for the one agent that shall report the port first. */
export const URGENT = 5;

/**
 * In the order of (priority, arrival); but what had arrived before a removal dies with it, and a network that was scheduled to us
 * after its removal stays. `gone` holds ports that are known to be deleted: a late message does not bring them back.
 */
export function fold(known: DhcpNetwork | undefined, messages: readonly Message[], deviceId: string, gone: ReadonlySet<string>): Folded {
  const removal = messages.reduce((last, m) => (m.event.kind === 'removed' ? Math.max(last, m.arrival) : last), -1);
  const rescheduled = messages.some(m => m.event.kind === 'scheduled' && m.arrival > removal);
  const remove = removal >= 0 && !rescheduled;
  const state = new Folding(remove ? undefined : known, deviceId, gone);
  const live = messages.filter(m => m.arrival > removal || (rescheduled && m.event.kind !== 'removed'));
  for (const message of [...live].sort((a, b) => a.priority - b.priority || a.arrival - b.arrival)) state.take(message);
  return state.result(remove);
}

class Folding {
  private network: DhcpNetwork | undefined;
  private readonly deviceId: string;
  private readonly gone: Set<string>;
  private readonly ports = new Map<string, number>();
  private fetch = false;
  private whole = false;

  constructor(network: DhcpNetwork | undefined, deviceId: string, gone: ReadonlySet<string>) {
    this.network = network;
    this.deviceId = deviceId;
    this.gone = new Set(gone);
  }

  take({ event, priority }: Message): void {
    switch (event.kind) {
      case 'view':
        this.network = { ...event.network, ports: event.network.ports.filter(p => !this.gone.has(p.id)) };
        this.whole = true;
        return;
      case 'scheduled':
      case 'changed':
        this.fetch = true;
        this.whole = true;
        return;
      case 'port':
        this.port(event.port, priority);
        return;
      case 'port-gone':
        this.portGone(event.port_id);
        return;
      case 'removed':
      case 'look':
        return;
    }
  }

  private port(port: DhcpPort, priority: number): void {
    if (this.gone.has(port.id) || port.network_id !== this.network?.id) return;
    const was = this.network.ports.find(p => p.id === port.id);
    if (was && isOlder(port, was)) return;
    const others = this.network.ports.filter(p => p.id !== port.id);
    // A port keeps its place: the files then change in one line.
    const at = was ? this.network.ports.indexOf(was) : others.length;
    this.network = { ...this.network, ports: others.toSpliced(at, 0, port) };
    this.ports.set(port.id, Math.min(priority, this.ports.get(port.id) ?? priority));
  }

  private portGone(id: string): void {
    this.gone.add(id);
    this.ports.delete(id);
    const was = this.network?.ports.find(p => p.id === id);
    if (!was || !this.network) return;
    this.network = { ...this.network, ports: this.network.ports.filter(p => p.id !== id) };
    // Our own port is gone: what the server knows now decides whether there is to be a new one.
    if (was.device_id === this.deviceId) this.fetch = true;
  }

  result(remove: boolean): Folded {
    return { network: this.network, fetch: this.fetch, remove, ports: this.ports, whole: this.whole, gone: this.gone };
  }
}

function isOlder(port: DhcpPort, than: DhcpPort): boolean {
  return port.revision_number !== undefined && than.revision_number !== undefined && port.revision_number < than.revision_number;
}
