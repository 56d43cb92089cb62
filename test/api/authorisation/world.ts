// The families of objects that the walk visits, made from the samples.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Target } from '../../../src/domain/policy/check.ts';
import type { Resource } from '../../../src/model/kit/resource.ts';
import { extensions, resources } from '../../../src/model/registry.ts';
import type { Made } from '../client.ts';
import { beat, type Harness, start } from '../harness.ts';
import { type At, type Family, type Kind, kinds, type Sample } from './sample.ts';

/** An object, where it is found, and what policy may ask about it. */
export interface Thing {
  readonly resource: Resource;
  readonly sample: Sample;
  readonly what: string;
  readonly id: string;
  /** Its collection's URL, with its parent's id if it has one. */
  readonly collection: string;
  readonly target: Target;
  /** The object that it is below. */
  readonly above?: Thing;
  /** Where it was made; undefined for what the server has made. */
  readonly at?: At;
}

export const named = (name: string): Resource => resources.find(r => r.name === name)!;
export const pathOf = ({ collection, id }: Pick<Thing, 'collection' | 'id'>): string => `${collection}/${id}`;

/** The policy action of a verb: `create_network`, `create_floatingip_port_forwarding`. */
export function actionOf({ policyName }: Resource, verb: string): string {
  const short = verb === 'list' || verb === 'show' ? 'get' : verb;
  return `${short}_${policyName}`;
}

async function readSamples(): Promise<Sample[]> {
  const folder = join(import.meta.dirname, 'samples');
  const files = readdirSync(folder).toSorted();
  const lists = await Promise.all(files.map(async file => ((await import(join(folder, file))) as { samples: readonly Sample[] }).samples));
  return lists.flat();
}

function needsOf(sample: Sample): string[] {
  const parent = named(sample.resource)?.parent?.resource;
  return [...(sample.after ?? []), ...Object.keys(sample.on ?? {}), ...(parent ? [parent] : [])];
}

/** Samples after what they stand on. */
function inOrder(samples: readonly Sample[]): Sample[] {
  const ordered: Sample[] = [];
  const visit = (sample: Sample, path: readonly string[]): void => {
    if (ordered.includes(sample)) return;
    if (path.includes(sample.resource)) throw new Error(`samples wait for each other: ${path.join(', ')}`);
    for (const need of needsOf(sample)) {
      const other = samples.find(s => s.resource === need);
      if (!other) throw new Error(`the sample of ${sample.resource} needs one of ${need}`);
      visit(other, [...path, sample.resource]);
    }
    ordered.push(sample);
  };
  for (const sample of samples) visit(sample, []);
  return ordered;
}

const samplesRead = await readSamples();
export const samples: readonly Sample[] = inOrder(samplesRead);
export const has = (sample: Sample, kind: Kind): boolean => (sample.kinds ?? ['own', 'foreign']).includes(kind);

let counter = 0;

export class World {
  readonly things: Thing[] = [];
  private readonly families = new Map<Kind, Record<string, Made>>();
  private readonly undoing = new Map<string, () => Promise<void>>();
  private readonly h: Harness;

  constructor(h: Harness) {
    this.h = h;
  }

  at(kind: Kind): At {
    const { h } = this;
    const project = kind === 'foreign' ? h.other.project : kind === 'own' || kind === 'guest' ? h.member.project : h.admin.project;
    return { kind, project, made: this.family(kind), external: this.family('external'), n: ++counter };
  }

  private family(kind: Kind): Family {
    return this.families.get(kind) ?? (kind === 'guest' ? { ...this.families.get('shared') } : {});
  }

  collection(resource: Resource, made: Family): string {
    if (!resource.parent || resource.aliasOf) return resource.path;
    const parent = made[resource.parent.resource]!;
    return `${this.collection(named(resource.parent.resource), made)}/${parent.id}/${resource.path}`;
  }

  private above({ parent }: Resource, made: Family): { readonly above?: Thing } {
    const above = this.things.find(t => t.resource.name === parent?.resource && t.id === made[t.resource.name]?.id);
    return above ? { above } : {};
  }

  /** What policy may ask about an object, made or about to be. */
  target(sample: Sample, at: At, object: Target): Target {
    const { parent } = named(sample.resource);
    const ext = parent ? { 'ext_parent:project_id': at.made[parent.resource]!.project_id } : {};
    return { ...ext, ...sample.target?.(at), ...object };
  }

  /** One object of a family, made by the administrator. */
  async make(sample: Sample, kind: Kind): Promise<Thing> {
    const at = this.at(kind);
    const resource = named(sample.resource);
    const prepared = `${kind} ${sample.resource}`;
    if (sample.prepare && !this.undoing.has(prepared)) this.undoing.set(prepared, await sample.prepare(at, this.h.admin));
    const collection = this.collection(resource, at.made);
    const project = resource.fields.project_id?.post ? { project_id: at.project } : {};
    const made = sample.make
      ? await sample.make(at, this.h.admin)
      : await this.h.admin.make(collection, resource.bodyName, { ...project, ...sample.body!(at) });
    this.families.set(kind, { ...at.made, [resource.name]: made });
    const target = this.target(sample, at, made);
    return {
      resource,
      sample,
      what: `${kind} ${resource.name}`,
      id: sample.id?.(at) ?? String(made[resource.key]),
      collection,
      target,
      at,
      ...this.above(resource, at.made),
    };
  }

  /** The last object of a sample in a family has gone. */
  async undo({ resource }: Sample, kind: Kind): Promise<void> {
    await this.undoing.get(`${kind} ${resource}`)?.();
  }

  /** What is made by another URL, and found by the short one, too. */
  private otherUrls(sample: Sample): Thing[] {
    const resource = named(sample.resource);
    const same = this.things.filter(t => t.resource.name === resource.aliasOf);
    return same.map(t => ({ ...t, resource, sample, what: `${t.at!.kind} ${resource.name}`, collection: resource.path }));
  }

  async build(): Promise<void> {
    for (const kind of kinds)
      for (const sample of samples) if ((sample.body || sample.make) && has(sample, kind)) this.things.push(await this.make(sample, kind));
    for (const sample of samples.filter(s => !s.body && !s.make && !s.relative && !named(s.resource).aliasOf)) {
      const resource = named(sample.resource);
      const collection = this.collection(resource, this.family('own'));
      for (const found of await this.h.admin.list(collection)) {
        const what = `${resource.name} ${found.agent_type ?? found.name ?? found.id}`;
        this.things.push({
          resource,
          sample,
          what,
          id: String(found[resource.key]),
          collection,
          target: found,
          ...(resource.parent ? { at: this.at('own') } : {}),
        });
      }
    }
    for (const sample of samples) this.things.push(...this.otherUrls(sample));
  }
}

/** Everything that an operator may switch on. */
export const allPlugins: readonly string[] = [...new Set(extensions.flatMap(({ plugin }) => plugin ?? []))];

/** A server without quotas, and one object of everything in each family. */
export async function startWorld(): Promise<{ readonly h: Harness; readonly things: readonly Thing[] }> {
  await using stack = new AsyncDisposableStack();
  const config = { quotas: Object.fromEntries(resources.map(r => [r.name, -1])), agentDownTime: 3600, servicePlugins: allPlugins };
  const h = stack.use(await start(config));
  for (const host of ['h1', 'h22', 'other1', 'other22']) await beat(h, host);
  const world = new World(h);
  await world.build();
  // A server that lives on would keep a test that has failed from ending.
  stack.move();
  return { h, things: world.things };
}
