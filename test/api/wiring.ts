// An API server over a store: what src/main/server.ts wires, but for the bus.
import { randomUUID } from 'node:crypto';
import { systemClock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import type { Store } from '../../src/contracts/store.ts';
import { drivers } from '../../src/drivers/all.ts';
import { policies } from '../../src/model/policies.ts';
import { extensions, resources } from '../../src/model/registry.ts';
import { putFirstTemplates } from '../../src/server/commands/default-security-group-rules.ts';
import { showDefaultRanges } from '../../src/server/commands/network-segment-ranges.ts';
import { defaultConfig, type ServerConfig, type Services } from '../../src/server/context.ts';
import { buildHttpServer } from '../../src/server/http/server.ts';
import { offer } from '../../src/server/offer.ts';
import { buildPolicy } from '../../src/server/policy.ts';
import { PrintedObjects, PrintedPages } from '../../src/server/printed.ts';
import { type Api, client } from './client.ts';
import { openDatabase } from './open-database.ts';
import { identity } from './people.ts';
import { refuseWide, watchLocks } from './wide-locks.ts';

/** What it logs as errors goes to stderr. */
export function servicesOver(store: Store, config: Partial<ServerConfig> = {}, more: Partial<Services> = {}): Services {
  const log = textLog({ sink: { write: line => void process.stderr.write(line) }, level: 'error' });
  const chosen = {
    random: Math.random,
    newId: randomUUID,
    policy: buildPolicy(policies),
    drivers,
    printed: new PrintedObjects(),
    pages: new PrintedPages(),
  };
  return { store, clock: systemClock, log, ...chosen, config: { ...defaultConfig, ...config }, ...more };
}

export interface Served extends AsyncDisposable {
  readonly url: string;
}

export async function serveOver(store: Store, config: Partial<ServerConfig> = {}, more: Partial<Services> = {}): Promise<Served> {
  const wide = watchLocks(store);
  const services = servicesOver(store, config, more);
  await putFirstTemplates(services);
  await showDefaultRanges(services);
  const app = buildHttpServer({ services, api: offer(services, { resources, extensions }), identity });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { url, [Symbol.asyncDispose]: () => app.close().then(() => refuseWide(wide)) };
}

export interface Beside extends AsyncDisposable {
  readonly store: Store;
  readonly services: Services;
  as(who: string): Api;
}

/** A server without jobs on the database of another one: all that its store is asked is asked by requests, so that it can be counted. */
export async function beside({ services: { config } }: { readonly services: Services }): Promise<Beside> {
  await using stack = new AsyncDisposableStack();
  const store = stack.use(await openDatabase(config.database.connection));
  const { url } = stack.use(await serveOver(store, config));
  const owned = stack.move();
  return {
    store,
    services: servicesOver(store, config),
    as: who => client(url, who),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
