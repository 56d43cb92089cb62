// The Open vSwitch agent's side of trunks: Nova plugs a parent into a bridge of the trunk, and patches lead from there to the integration bridge.
import { interfaceProblem, type OvsBridge, OvsdbRefusal, type OvsdbSession, type OvsPicture } from '../../contracts/host/ovsdb.ts';
import type { Clock } from '../../engine/clock.ts';
import { type PatchNames, parentPatch, subPortPatch } from '../desired/openvswitch/trunk-names.ts';
import type { Trunk } from '../desired/trunk.ts';
import { type BoundSubPort, CannotWire, type TrunkHost } from '../l2/trunks/host.ts';
import { instancePorts, isIn, orphans, type ParentVif, parentVifs, staleSubPorts, trunkBridges, wantedTrunk } from './trunk-bridges.ts';
import { removeTrunkBridge } from './trunk-removal.ts';

/** How long a bridge waits for its instance, and for one that was there and may only be plugged anew: Neutron's. */
const WAIT_FIRST_MS = 60_000;
const WAIT_AGAIN_MS = 6_000;

const comment = 'neutron-openvswitch-agent: trunks';

export interface OvsTrunkGiven {
  readonly session: OvsdbSession;
  readonly integrationBridge: string;
  readonly clock: Clock;
}

export class OvsTrunkHost implements TrunkHost {
  private readonly given: OvsTrunkGiven;
  /** Rows of bridges without an instance, and since when. */
  private readonly empty = new Map<string, number>();

  constructor(given: OvsTrunkGiven) {
    this.given = given;
  }

  async parents(): Promise<ReadonlyMap<string, string>> {
    return new Map(parentVifs(await this.given.session.picture()).map(p => [p.device, p.row]));
  }

  async clear(trunks: ReadonlyMap<string, Trunk | null>): Promise<void> {
    const { session, integrationBridge } = this.given;
    const picture = await session.picture();
    const parents = parentVifs(picture).flatMap((p): [ParentVif, Trunk | null][] => {
      const trunk = trunks.get(p.device);
      return trunk === undefined ? [] : [[p, trunk && isIn(p, trunk) ? trunk : null]];
    });
    const stale = staleSubPorts(integrationBridge, picture, parents);
    if (stale) await session.apply(stale, { taken: false, comment });
  }

  async wire(trunk: Trunk, subPorts: readonly BoundSubPort[]): Promise<ReadonlyMap<string, string>> {
    const { session, integrationBridge } = this.given;
    const picture = await session.picture();
    const parents = parentVifs(picture).filter(p => p.device === trunk.port_id);
    const parent = parents.find(p => isIn(p, trunk));
    if (!parent && parents[0])
      throw new CannotWire(`the parent is plugged into ${parents[0].bridge.name}, which is not the bridge of trunk ${trunk.id}`);
    // It has gone meanwhile: the next pass will miss it.
    if (!parent) return new Map();
    if (!picture.bridges.has(integrationBridge)) throw new Error(`there is no bridge ${integrationBridge} yet`);
    const macs = new Map(subPorts.map(s => [s.port_id, s.mac]));
    try {
      const { picture: now } = await session.apply(wantedTrunk({ integrationBridge, picture, parent, trunk, macs }), { comment });
      return brokenPatches(now, trunk, subPorts);
    } catch (error) {
      if (error instanceof OvsdbRefusal) throw new CannotWire(error.message);
      throw error;
    }
  }

  async sweep(): Promise<number | undefined> {
    const { session, integrationBridge, clock } = this.given;
    const picture = await session.picture();
    const alone = orphans(integrationBridge, picture);
    if (alone) await session.apply(alone, { taken: false, comment });
    const dangling = trunkBridges(picture).filter(b => instancePorts(b).length === 0);
    this.note(dangling);
    const waits: number[] = [];
    for (const bridge of dangling) {
      const left = (this.empty.get(bridge._uuid) ?? 0) + patience(bridge) - clock.now();
      if (left > 0) waits.push(left);
      else await removeTrunkBridge(session, bridge, picture, integrationBridge);
    }
    return waits.length === 0 ? undefined : Math.min(...waits);
  }

  private note(dangling: readonly OvsBridge[]): void {
    const rows = new Set(dangling.map(b => b._uuid));
    for (const row of this.empty.keys()) if (!rows.has(row)) this.empty.delete(row);
    for (const row of rows) if (!this.empty.has(row)) this.empty.set(row, this.given.clock.now());
  }
}

/** One that has patches had an instance. */
const patience = (bridge: OvsBridge): number => (bridge.ports.size > 1 ? WAIT_AGAIN_MS : WAIT_FIRST_MS);

/** Throws where the parent's own patch does not work. */
function brokenPatches(picture: OvsPicture, trunk: Trunk, subPorts: readonly BoundSubPort[]): Map<string, string> {
  const why = ({ int, trunk: end }: PatchNames): string | undefined =>
    [int, end].flatMap(name => {
      const [device] = picture.port(name)?.interfaces ?? [];
      return (device ? interfaceProblem(device) : `there is no port ${name}`) ?? [];
    })[0];
  const parent = why(parentPatch(trunk.port_id));
  if (parent !== undefined) throw new CannotWire(parent);
  return new Map(
    subPorts.flatMap(({ port_id }): [string, string][] => {
      const reason = why(subPortPatch(port_id));
      return reason === undefined ? [] : [[port_id, reason]];
    }),
  );
}
