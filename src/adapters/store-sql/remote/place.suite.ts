// A place of the contract suite on a database server: a database of its own for each test, on one server for the file.
import { after } from 'node:test';
import type { Store } from '../../../contracts/store.ts';
import type { StorePlace, UnderWay } from '../../../contracts/store-suite/place.ts';
import type { DatabaseServer } from '../../../contracts/store-suite/servers/server.ts';
import type { Engine } from './engine.ts';
import type { RemoteStoreOptions } from './open.ts';
import { parseUrl } from './url.ts';

export interface Ground {
  readonly name: string;
  /** Why there is no server here. */
  readonly missing: string | undefined;
  start(): Promise<DatabaseServer>;
  open(url: string, options: RemoteStoreOptions): Promise<Store>;
  readonly engine: Engine;
  /** Where another process finds `opens`. */
  readonly module: string;
  readonly opens: string;
}

/** Skipped with a sentence how to get what is missing, except where all must be there. */
export const skipOf = ({ missing }: Ground): string | false => (process.env['CI'] ? false : (missing ?? false));

/** One server for all tests of a file, started when the first asks. */
export function serverOf(ground: Ground): () => Promise<DatabaseServer> {
  let server: Promise<DatabaseServer> | undefined;
  after(async () => (await server)?.[Symbol.asyncDispose]());
  return () => {
    server ??= ground.start();
    return server;
  };
}

export async function remotePlace(ground: Ground, server: DatabaseServer): Promise<StorePlace> {
  const where = await server.database();
  return {
    open: tables => ground.open(where, { tables }),
    elsewhere: { module: ground.module, opens: ground.opens, where },
    underWay: id => underWay(ground.engine, where, id),
    [Symbol.asyncDispose]: async () => {},
  };
}

export async function underWay(engine: Engine, url: string, id: string): Promise<UnderWay> {
  const location = parseUrl(url);
  const session = await engine.connect(location, location.nodes[0]!);
  await session.begin();
  await engine.appendOutbox(session, [[new Date().toISOString(), 'thing', id, 'created', 1, '{}']]);
  return {
    end: async how => void (await session[how]()),
    [Symbol.asyncDispose]: async () => session.destroy(),
  };
}
