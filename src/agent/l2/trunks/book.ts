// What the agent knows of trunks, by the parents that are here: the server's word, what was bound, and what the server was told.
import type { WireObject } from '../../../domain/objects/decode.ts';
import { readTrunk, type Trunk } from '../../desired/trunk.ts';
import type { TrunkServer, TrunkStatus } from './server.ts';

export interface Entry {
  readonly parent: string;
  token: unknown;
  /** Grows with whatever makes the server's last word stale; `asked` is its value when that word was asked for. */
  heard: number;
  asked: number;
  /** Null: the parent has no trunk. Undefined: the server has not said. */
  trunk: Trunk | null | undefined;
  /** MACs of the subports that the server has bound to this host since the parent came. */
  readonly macs: Map<string, string>;
  /** Subports that it did not, since its last word. */
  readonly unbound: Set<string>;
  /** The trunk's status as the server has it from us; undefined: it may have another. */
  told: TrunkStatus | undefined;
  /** Nothing is left of a trunk that is no more. */
  cleared: boolean;
}

export class TrunkBook {
  private readonly entries = new Map<string, Entry>();

  all(): Entry[] {
    return [...this.entries.values()];
  }

  /** Parents that are here now. Of one that came anew nothing is known. */
  keep(parents: ReadonlyMap<string, unknown>): void {
    for (const parent of this.entries.keys()) if (!parents.has(parent)) this.entries.delete(parent);
    for (const [parent, token] of parents) if (this.entries.get(parent)?.token !== token) this.entries.set(parent, fresh(parent, token));
  }

  touchAll(): void {
    for (const entry of this.entries.values()) entry.heard++;
  }

  /** A trunk, or some of its subports, came or went; answers whether it concerns a parent that is here. */
  hear(objects: readonly WireObject[]): boolean {
    const concerned = objects.flatMap(({ name, data }) =>
      this.all().filter(({ parent, trunk }) =>
        name === 'Trunk' ? data['port_id'] === parent || data['id'] === trunk?.id : trunk === undefined || data['trunk_id'] === trunk?.id,
      ),
    );
    for (const entry of concerned) entry.heard++;
    return concerned.length > 0;
  }

  /** Asks for what is stale; rejects when the server did not answer, and then it stays so. */
  async refresh(server: TrunkServer): Promise<void> {
    const stale = this.all()
      .filter(e => e.heard > e.asked)
      .map(entry => ({ entry, heard: entry.heard }));
    if (stale.length === 0) return;
    const trunks = await server.trunksOf(
      stale.map(s => s.entry.parent),
      readTrunk,
    );
    for (const { entry, heard } of stale) take(entry, trunks.get(entry.parent) ?? null, heard);
  }
}

const fresh = (parent: string, token: unknown): Entry => ({
  parent,
  token,
  heard: 1,
  asked: 0,
  trunk: undefined,
  macs: new Map(),
  unbound: new Set(),
  told: undefined,
  cleared: false,
});

function take(entry: Entry, trunk: Trunk | null, heard: number): void {
  if (entry.trunk?.id !== trunk?.id) entry.macs.clear();
  entry.asked = heard;
  entry.trunk = trunk;
  entry.unbound.clear();
  entry.cleared = false;
  const ids = new Set(trunk?.sub_ports.map(s => s.port_id));
  for (const id of entry.macs.keys()) if (!ids.has(id)) entry.macs.delete(id);
  if (trunk?.status !== entry.told) entry.told = undefined;
}
