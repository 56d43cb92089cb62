// A typed client of one collection: the verbs of its resource, its actions and tags, and the collections below its objects.
import type { Resource } from '../model/kit/resource.ts';
import type { Create, ListOptions, Shown, Update } from './types.ts';

/** How requests are sent; ApiClient fits. */
export interface Transport {
  request<T>(
    method: string,
    path: string,
    body?: { readonly [key: string]: unknown },
    headers?: Readonly<Record<string, string>>,
  ): Promise<T>;
}

export interface Guarded {
  /** Refused with 412 where the object has another revision. */
  readonly revision?: number;
}

export interface Paged {
  /** Objects per request at the most; 500 by default. */
  readonly page?: number;
}

export interface Collection<R extends Resource> {
  /** All at once. */
  list<K extends keyof Shown<R> = keyof Shown<R>>(options?: ListOptions<R, K>): Promise<Pick<Shown<R>, K>[]>;
  /** One after the other, read in pages as they are needed. */
  each<K extends keyof Shown<R> = keyof Shown<R>>(options?: ListOptions<R, K> & Paged): AsyncGenerator<Pick<Shown<R>, K>, void, undefined>;
  show(id: string): Promise<Shown<R>>;
  create(attributes: Create<R>): Promise<Shown<R>>;
  /** All or none. */
  createMany(items: readonly Create<R>[]): Promise<Shown<R>[]>;
  update(id: string, attributes: Update<R>, guard?: Guarded): Promise<Shown<R>>;
  delete(id: string, guard?: Guarded): Promise<void>;
  /** An action of the resource: `add_router_interface`. */
  act<T = unknown>(id: string, action: string, body?: { readonly [key: string]: unknown }): Promise<T>;
  tags(id: string): Promise<string[]>;
  setTags(id: string, tags: readonly string[]): Promise<string[]>;
  /** A collection that is reached through an object of this one. */
  below<S extends Resource>(id: string, resource: S): Collection<S>;
}

export function collection<R extends Resource>(api: Transport, resource: R): Collection<R> {
  if (resource.parent && !resource.aliasOf) throw new Error(`${resource.plural} are below a ${resource.parent.resource}: use below()`);
  return at(api, resource, `/${resource.path}`);
}

type Body = Readonly<Record<string, unknown>>;

function at<R extends Resource>(api: Transport, resource: R, url: string): Collection<R> {
  const { name, bodyName, plural } = resource;
  const member = (id: string): string => `${url}/${encodeURIComponent(id)}`;
  const one = (body: Body): Shown<R> => body[bodyName] as Shown<R>;
  const send = (method: string, path: string, body?: Body, guard?: Guarded): Promise<Body> =>
    api.request<Body>(method, path, body, guard?.revision === undefined ? {} : { 'if-match': `revision_number=${guard.revision}` });
  const page = async (query: readonly Pair[]): Promise<Page> => {
    const body = await send('GET', `${url}${queryText(query)}`);
    return { objects: body[plural] as never[], marker: nextMarker(body[`${plural}_links`]) };
  };
  /** The server may give fewer at once than were asked for, and says where it goes on. */
  async function* pages(query: readonly Pair[]): AsyncGenerator<never[], void, undefined> {
    for (let marker: Pair[] = []; ; ) {
      const { objects, marker: next } = await page([...query, ...marker]);
      yield objects;
      if (objects.length === 0 || next === undefined) return;
      marker = [['marker', next]];
    }
  }

  return {
    async list(options) {
      const all: never[] = [];
      for await (const objects of pages(pairsOf(options))) for (const object of objects) all.push(object);
      return all;
    },
    async *each(options) {
      for await (const objects of pages([...pairsOf(options), ['limit', String(options?.page ?? 500)]])) yield* objects;
    },
    show: async id => one(await send('GET', member(id))),
    create: async attributes => one(await send('POST', url, { [bodyName]: attributes })),
    createMany: async items => (await send('POST', url, { [plural]: items }))[plural] as Shown<R>[],
    update: async (id, attributes, guard) => one(await send('PUT', member(id), { [bodyName]: attributes }, guard)),
    delete: async (id, guard) => void (await send('DELETE', member(id), undefined, guard)),
    act: async <T>(id: string, action: string, body?: Body) =>
      (await send(resource.actions[action] ?? 'PUT', `${member(id)}/${action}`, body)) as T,
    tags: async id => (await send('GET', `${member(id)}/tags`))['tags'] as string[],
    setTags: async (id, tags) => (await send('PUT', `${member(id)}/tags`, { tags }))['tags'] as string[],
    below: (id, inner) => {
      if (inner.parent?.resource !== name) throw new Error(`${inner.plural} are not below a ${name}`);
      return at(api, inner, `${member(id)}/${inner.path}`);
    },
  };
}

type Pair = readonly [string, string];

interface Page {
  readonly objects: never[];
  /** Of the page behind it; undefined where this is the last. */
  readonly marker: string | undefined;
}

function nextMarker(links: unknown): string | undefined {
  const next = ((links ?? []) as readonly { readonly rel: string; readonly href: string }[]).find(link => link.rel === 'next');
  return next && (new URL(next.href).searchParams.get('marker') ?? undefined);
}

interface Options {
  readonly filters?: Readonly<Record<string, unknown>>;
  readonly fields?: readonly PropertyKey[];
  readonly sort?: readonly (readonly [PropertyKey, string])[];
}

function pairsOf({ filters = {}, fields = [], sort = [] }: Options = {}): Pair[] {
  return [
    ...Object.entries(filters).flatMap(([name, given]) => [given].flat().map((value): Pair => [name, String(value)])),
    ...fields.map((field): Pair => ['fields', String(field)]),
    ...sort.flatMap(([key, direction]): Pair[] => [
      ['sort_key', String(key)],
      ['sort_dir', direction],
    ]),
  ];
}

function queryText(pairs: readonly Pair[]): string {
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs as [string, string][]).toString()}`;
}
