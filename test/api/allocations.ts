// What instances have in Placement, as far as ports' policies change it: every change is of the generation that was read, and of a provider that has room.
import { type Allocation, type Allocations, CloudUnavailable, PlacementRefused } from '../../src/contracts/cloud.ts';

export class AllocationsSim implements Allocations {
  readonly consumers = new Map<string, Allocation>();
  /** Of each resource class of each provider. */
  room = 10_000;
  writes = 0;
  /** Called before a write arrives. */
  meanwhile: () => Promise<void> = async () => {};
  /** The next write does not arrive, its answer does not come back, either is so in a service that is broken, or it is sent again. */
  fails: 'before' | 'after' | 'broken before' | 'broken after' | 'repeated' | undefined;

  give(consumer: string, resources: Allocation['resources']): void {
    const generation = (this.consumers.get(consumer)?.generation ?? 0) + 1;
    this.consumers.set(consumer, { resources, generation, project_id: 'p', user_id: 'u' });
  }

  has(consumer: string): unknown {
    return this.consumers.get(consumer)?.resources;
  }

  async read(consumer: string): Promise<Allocation | undefined> {
    return this.consumers.get(consumer);
  }

  async write(consumer: string, allocation: Allocation): Promise<boolean> {
    const { fails } = this;
    this.fails = undefined;
    await this.meanwhile();
    if (fails === 'broken before') throw new PlacementRefused(500, 'its database is away');
    if (fails === 'before') throw new CloudUnavailable('it did not arrive');
    if (this.consumers.get(consumer)?.generation !== allocation.generation) return false;
    const used = Object.values(allocation.resources).flatMap(own => Object.values(own));
    if (used.some(amount => amount > this.room)) throw new PlacementRefused(409, 'there is no room');
    this.writes++;
    this.give(consumer, allocation.resources);
    if (fails === 'after') throw new CloudUnavailable('its answer did not arrive');
    if (fails === 'broken after') throw new PlacementRefused(500, 'its database went away');
    // The second time it is of a generation that was.
    return fails !== 'repeated';
  }
}
