// Two API servers on one database in this process: before a read or a commit of the one, something happens at the other.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '../../src/contracts/store.ts';
import type { ServerConfig, Services } from '../../src/server/context.ts';
import { type Api, client } from './client.ts';
import { newDatabase } from './database.ts';
import { openDatabase } from './open-database.ts';
import { Interrupted } from './reads.ts';
import { serveOver, servicesOver } from './wiring.ts';

export interface Interleaving extends AsyncDisposable {
  readonly store: Store;
  readonly interrupted: Interrupted;
  /** Of the server that is interrupted, and as agents call it. */
  one(who: string): Api;
  readonly services: Services;
  /** Of the other. */
  other(who: string): Api;
}

export async function interleave(config: Partial<ServerConfig> = {}): Promise<Interleaving> {
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), 'weft-interleaved-'));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const where = await newDatabase(dir);
  const open = async (): Promise<Store> => stack.use(await openDatabase(where));
  const [store, interrupted] = [await open(), new Interrupted(await open())];
  const [one, other] = [stack.use(await serveOver(interrupted.store, config)), stack.use(await serveOver(store, config))];
  const owned = stack.move();
  return {
    ...{ store, interrupted, services: servicesOver(interrupted.store, config) },
    one: who => client(one.url, who),
    other: who => client(other.url, who),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export interface Round {
  /** By the one server. */
  readonly act: () => Promise<unknown>;
  /** By the other, in the middle of that. */
  readonly change: () => Promise<unknown>;
  readonly check: (call: number) => Promise<void>;
}

/** Nothing takes more calls; a test whose rounds take ever more never ends. */
const mostCalls = 300;

/** One round for each call of the store that what the one server does takes; answers how many there were. */
export async function beforeEachCall({ interrupted }: Interleaving, prepare: () => Promise<Round>): Promise<number> {
  for (let call = 1; call < mostCalls; call++) {
    const { act, change, check } = await prepare();
    interrupted.before(call, change);
    await act();
    const { happened } = interrupted;
    interrupted.before(0, async () => {});
    await check(call);
    if (!happened) return call - 1;
  }
  throw new Error(`more than ${mostCalls} calls`);
}
