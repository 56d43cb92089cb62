// Versioned objects as Neutron's agents have them: asked for on q-plugin, and told on a topic for each type and version.
import type { Bus, Json } from '../../contracts/bus.ts';
import { decodeObject, type WireObject } from '../../domain/objects/decode.ts';
import { resourceVersions } from './resource-versions.ts';

export type ObjectName = keyof typeof resourceVersions;
export type ObjectEvent = 'created' | 'updated' | 'deleted';

/** Hears of objects that changed; answers whether anything is to be done. Of what was deleted little more than the id is told. */
export type ObjectListener = (event: ObjectEvent, objects: readonly WireObject[]) => boolean;

/** What an agent knows of objects beside its ports. */
export interface ObjectPart {
  readonly listens: Readonly<Partial<Record<ObjectName, ObjectListener>>>;
  /** Asks for what is not known or stale, after ports were asked for; `again` also for what the server would not tell. */
  refresh(again: boolean): Promise<void>;
  /** What was told may be old: messages were lost. */
  touchAll(): void;
}

/** Questions at a time. */
const AT_ONCE = 20;

export class Resources {
  private readonly bus: Bus;

  constructor(bus: Bus) {
    this.bus = bus;
  }

  /** By its id; a trunk by that of its parent port. Undefined where there is none. Rejects as `Bus.call`. */
  async pull(type: ObjectName, resource_id: string): Promise<WireObject | undefined> {
    return decodeObject(await this.ask('pull', type, { resource_id }));
  }

  /** By fields, as Neutron filters its objects: a value, or a list of which one fits. */
  async bulkPull(type: ObjectName, filter_kwargs: Readonly<Record<string, Json>>): Promise<WireObject[]> {
    const found = await this.ask('bulk_pull', type, { filter_kwargs });
    return Array.isArray(found) ? found.flatMap(item => decodeObject(item) ?? []) : [];
  }

  /** Some at a time; the outcomes in the order of the ids. */
  async pullEach(type: ObjectName, ids: readonly string[]): Promise<PromiseSettledResult<WireObject | undefined>[]> {
    const outcomes: PromiseSettledResult<WireObject | undefined>[] = [];
    for (let from = 0; from < ids.length; from += AT_ONCE)
      outcomes.push(...(await Promise.allSettled(ids.slice(from, from + AT_ONCE).map(id => this.pull(type, id)))));
    return outcomes;
  }

  private ask(method: string, resource_type: ObjectName, args: Readonly<Record<string, Json>>): Promise<Json> {
    return this.bus.call({ topic: 'q-plugin', version: '1.1' }, method, {
      resource_type,
      version: resourceVersions[resource_type],
      ...args,
    });
  }
}

const events: ReadonlySet<unknown> = new Set<ObjectEvent>(['created', 'updated', 'deleted']);

/** Has each part hear of its types, until disposed. */
export async function serveObjects(bus: Bus, host: string, parts: readonly ObjectPart[], mark: () => void): Promise<AsyncDisposable> {
  const names = new Set(parts.flatMap(part => Object.keys(part.listens) as ObjectName[]));
  const served = await Promise.all(
    [...names].map(name =>
      bus.serve({
        topic: `neutron-vo-${name}-${resourceVersions[name]}`,
        server: host,
        agent: true,
        endpoints: [{ version: '1.1', methods: { push: args => push(name, args, parts, mark) } }],
      }),
    ),
  );
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(served.map(s => s[Symbol.asyncDispose]()));
    },
  };
}

function push(
  name: ObjectName,
  { resource_list, event_type }: Readonly<Record<string, Json>>,
  parts: readonly ObjectPart[],
  mark: () => void,
): null {
  if (!Array.isArray(resource_list) || !events.has(event_type)) return null;
  const objects = resource_list.flatMap(item => decodeObject(item) ?? []).filter(object => object.name === name);
  // Each part hears of it.
  const heard = parts.map(part => part.listens[name]?.(event_type as ObjectEvent, objects) ?? false);
  if (heard.includes(true)) mark();
  return null;
}
