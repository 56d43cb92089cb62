// What an L2 agent asks the server of trunks (topic and namespace `trunk`), as Neutron's agents do.
import type { Bus } from '../../../contracts/bus.ts';
import { encode } from '../../../domain/objects/encode.ts';
import type { SubPort, Trunk } from '../../desired/trunk.ts';
import type { Resources } from '../resources.ts';

const target = { topic: 'trunk', namespace: 'trunk', version: '1.0' } as const;
const SUBPORT_MINOR = 0;

/** Parents per question. */
const QUESTION = 100;

export type TrunkStatus = 'ACTIVE' | 'DEGRADED' | 'ERROR';

export class TrunkServer {
  private readonly bus: Bus;
  private readonly resources: Pick<Resources, 'bulkPull'>;

  constructor(bus: Bus, resources: Pick<Resources, 'bulkPull'>) {
    this.bus = bus;
    this.resources = resources;
  }

  /** Trunks of these parents, as the server describes them; of those that have none nothing. */
  async trunksOf(
    parents: readonly string[],
    read: (object: Awaited<ReturnType<Resources['bulkPull']>>[number]) => Trunk | undefined,
  ): Promise<Map<string, Trunk>> {
    const questions = Array.from({ length: Math.ceil(parents.length / QUESTION) }, (_, i) =>
      parents.slice(i * QUESTION, (i + 1) * QUESTION),
    );
    const answers = await Promise.all(questions.map(port_id => this.resources.bulkPull('Trunk', { port_id })));
    return new Map(
      answers
        .flat()
        .flatMap(object => read(object) ?? [])
        .map(trunk => [trunk.port_id, trunk]),
    );
  }

  /**
   * Binds subports to where the parent is, and sets the trunk to BUILD. Answers the MACs of those that are bound; none where one of them cannot be:
   * then the trunk is in ERROR. Undefined: there is no such trunk.
   */
  async bind({ id }: Trunk, subPorts: readonly SubPort[]): Promise<Map<string, string> | undefined> {
    const subports = subPorts.map(s => encode('SubPort', { ...s, segmentation_type: 'vlan', trunk_id: id }, SUBPORT_MINOR));
    const answer: unknown = await this.bus.call(target, 'update_subport_bindings', { subports });
    const ports = ((answer ?? {}) as Readonly<Record<string, unknown>>)[id];
    if (!Array.isArray(ports)) return undefined;
    return new Map(
      (ports as readonly unknown[]).flatMap((port): [string, string][] => {
        const { id: portId, mac_address } = (port ?? {}) as { readonly id?: unknown; readonly mac_address?: unknown };
        return typeof portId === 'string' && typeof mac_address === 'string' ? [[portId, mac_address]] : [];
      }),
    );
  }

  async status({ id }: Trunk, status: TrunkStatus): Promise<void> {
    await this.bus.call(target, 'update_trunk_status', { trunk_id: id, status });
  }
}
