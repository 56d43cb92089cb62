// Placement and Nova as far as they are told of segments: they keep what they are told, and a call may be the last that comes, or whose answer comes back.
import { randomUUID } from 'node:crypto';
import {
  type Aggregate,
  CloudUnavailable,
  type NovaAggregates,
  NovaRefused,
  PlacementRefused,
  type SegmentPlacement,
} from '../../src/contracts/cloud.ts';

interface Provider {
  readonly name: string;
  readonly inventories: Record<string, Readonly<Record<string, number>>>;
  readonly aggregates: Set<string>;
}

export class SegmentCloudSim {
  readonly providers = new Map<string, Provider>();
  readonly aggregates = new Map<number, Aggregate>();
  /** Hosts with a compute. */
  readonly hosts = new Set<string>();
  calls = 0;
  /** The number of the call that fails, before or after it has done what it is for. */
  fails: { readonly call: number; readonly when: 'before' | 'after' } | undefined;
  /** Called before each. */
  meanwhile: (name: string) => Promise<void> = async () => {};
  private nextId = 1;

  readonly placement: SegmentPlacement = {
    keepInventory: ({ uuid, name }, { resource_class, set, defaults }) =>
      this.call('keepInventory', () => {
        const provider = this.providers.get(uuid) ?? { name, inventories: {}, aggregates: new Set() };
        provider.inventories[resource_class] = { ...defaults, ...provider.inventories[resource_class], ...set };
        this.providers.set(uuid, provider);
      }),
    aggregatesOf: uuid => this.call('aggregatesOf', () => [...(this.providers.get(uuid)?.aggregates ?? [])]),
    addAggregate: (uuid, aggregate) =>
      this.call('addAggregate', () => {
        const provider = this.providers.get(uuid);
        if (!provider) throw new PlacementRefused(404, 'no such provider');
        provider.aggregates.add(aggregate);
      }),
    removeProvider: uuid => this.call('removeProvider', () => void this.providers.delete(uuid)),
  };

  readonly nova: NovaAggregates = {
    list: () => this.call('list', () => [...this.aggregates.values()]),
    create: name =>
      this.call('create', () => {
        if ([...this.aggregates.values()].some(a => a.name === name)) throw new NovaRefused(409, 'the name is taken');
        const made = { id: this.nextId++, uuid: randomUUID(), name, hosts: [] };
        this.aggregates.set(made.id, made);
        return made;
      }),
    addHost: (id, host) =>
      this.call('addHost', () => {
        if (!this.hosts.has(host)) return false;
        this.setHosts(id, hosts => [...new Set([...hosts, host])]);
        return true;
      }),
    removeHost: (id, host) => this.call('removeHost', () => this.setHosts(id, hosts => hosts.filter(h => h !== host))),
    delete: id =>
      this.call('delete', () => {
        if ((this.aggregates.get(id)?.hosts.length ?? 0) > 0) throw new NovaRefused(400, 'there are hosts in it');
        this.aggregates.delete(id);
      }),
    computeHosts: () => this.call('computeHosts', () => this.hosts),
  };

  /** By the id of a segment. */
  get told(): Record<string, unknown> {
    const out: Record<string, unknown> = {};
    for (const [id, { inventories, aggregates, name }] of this.providers) {
      const { total, reserved } = inventories['IPV4_ADDRESS'] ?? {};
      const own = [...this.aggregates.values()].filter(a => aggregates.has(a.uuid));
      out[id] = { name, total, reserved, aggregates: own.map(a => [a.name, ...[...a.hosts].sort()]) };
    }
    const strays = [...this.aggregates.values()].filter(a => ![...this.providers.values()].some(p => p.aggregates.has(a.uuid)));
    return strays.length === 0 ? out : { ...out, strays };
  }

  private setHosts(id: number, change: (hosts: readonly string[]) => readonly string[]): void {
    const aggregate = this.aggregates.get(id);
    if (!aggregate) throw new NovaRefused(404, 'no such aggregate');
    this.aggregates.set(id, { ...aggregate, hosts: change(aggregate.hosts) });
  }

  private async call<T>(name: string, act: () => T): Promise<T> {
    const number = ++this.calls;
    await this.meanwhile(name);
    const when = this.fails?.call === number ? this.fails.when : undefined;
    if (when === 'before') throw new CloudUnavailable(`${name} did not arrive`);
    const answer = act();
    if (when === 'after') throw new CloudUnavailable(`the answer to ${name} did not arrive`);
    return answer;
  }
}
