// What a real Placement and a real Nova know of segments.
import { CloudWatch } from './cloud-watch.ts';

interface SeenAggregate {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly availability_zone: unknown;
  readonly metadata: unknown;
}

export interface SeenSegment {
  readonly provider: { readonly name: string; readonly parent: unknown; readonly traits: readonly string[] };
  readonly inventories: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Those of Nova that the provider is in. */
  readonly aggregates: readonly SeenAggregate[];
  /** Those with the segment's name that the provider is not in, and those of the provider that Nova does not know. */
  readonly stray: readonly string[];
}

interface Aggregate extends SeenAggregate {
  readonly uuid: string;
}

export class SegmentWatch extends CloudWatch {
  async aggregates(): Promise<readonly Aggregate[]> {
    return (await this.nova('GET', 'os-aggregates'))['aggregates'] as Aggregate[];
  }

  /** `names`: what segments are called here, by id. A segment of which nothing is known is not in it; its id is SEGMENT. */
  async seen(names: ReadonlyMap<string, string>): Promise<Record<string, SeenSegment>> {
    const aggregates = await this.aggregates();
    const { resource_providers } = (await this.placement('GET', 'resource_providers')) as {
      resource_providers: { uuid: string; name: string; parent_provider_uuid: unknown }[];
    };
    const out: Record<string, SeenSegment> = {};
    for (const [id, called] of names) {
      const found = resource_providers.find(p => p.uuid === id);
      const named = aggregates.filter(a => a.name.includes(id));
      if (found) out[called] = await this.segment(id, found, aggregates);
      else if (named.length > 0) throw new Error(`${called} has an aggregate, and no provider`);
    }
    return out;
  }

  private async segment(
    id: string,
    { name, parent_provider_uuid }: { name: string; parent_provider_uuid: unknown },
    all: readonly Aggregate[],
  ): Promise<SeenSegment> {
    const of = async <T>(part: string): Promise<T> => (await this.placement('GET', `resource_providers/${id}/${part}`))[part] as T;
    const own = await of<string[]>('aggregates');
    const plain = (text: string): string => text.replaceAll(id, 'SEGMENT');
    const shown = (a: Aggregate): SeenAggregate => ({
      name: plain(a.name),
      hosts: [...a.hosts].sort(),
      availability_zone: a.availability_zone,
      metadata: a.metadata,
    });
    const unknown = own.filter(uuid => !all.some(a => a.uuid === uuid));
    return {
      provider: { name: plain(name), parent: parent_provider_uuid, traits: await of<string[]>('traits') },
      inventories: await of('inventories'),
      aggregates: all.filter(a => own.includes(a.uuid)).map(shown),
      stray: [...all.filter(a => a.name.includes(id) && !own.includes(a.uuid)).map(a => plain(a.name)), ...unknown],
    };
  }
}
