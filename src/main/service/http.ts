// The API of a server on a port, or on a socket that somebody else made.
import type { Server } from 'node:http';
import type { Identity, IdentityApi } from '../../contracts/identity.ts';
import type { Extension } from '../../model/kit/resource.ts';
import { extensions, resources } from '../../model/registry.ts';
import type { Services } from '../../server/context.ts';
import { type DrainOptions, draining } from '../../server/http/drain.ts';
import { buildHttpServer } from '../../server/http/server.ts';
import { offer } from '../../server/offer.ts';
import { type BusWatch, healthOptions } from './health.ts';
import { readTls } from './tls.ts';

export type ServerIdentity = Identity & Partial<Pick<IdentityApi, 'handle'>> & Partial<Disposable>;

export interface HttpOptions {
  /** `port` 0: any free one. `fd`: a socket that is there already. */
  readonly at: { readonly host: string; readonly port: number } | { readonly fd: number };
  /** Made once it listens, since it needs to know its own URL. */
  readonly identity: (url: string) => Promise<ServerIdentity>;
  /** In place of those of the model. */
  readonly extensions?: readonly Extension[];
  readonly bus: BusWatch;
}

export interface RunningHttp {
  /** As it listens. */
  readonly url: string;
  /** Reads certificate and key again. Answers what was wrong: then the old ones stay. */
  reload(): readonly string[];
  /** Once; afterwards it is closed. */
  drain(options: DrainOptions): Promise<void>;
}

export async function listenHttp(services: Services, options: HttpOptions): Promise<RunningHttp> {
  // It is made for the URL, which is known once the port is: whoever asks before that is there waits for it.
  const opening = Promise.withResolvers<ServerIdentity>();
  let identity: ServerIdentity | undefined;
  let isLeaving = (): boolean => false;
  const tls = readTls(services.config.tls);
  const app = buildHttpServer({
    services,
    api: offer(services, { resources, extensions: options.extensions ?? extensions }),
    identity: {
      get authUri() {
        return identity?.authUri ?? '';
      },
      get everybody() {
        return identity?.everybody;
      },
      validate: async (token, use) => (await opening.promise).validate(token, use),
      handle: async request => (await opening.promise).handle?.(request) ?? { status: 404, headers: {} },
    },
    isLeaving: () => isLeaving(),
    health: healthOptions(services, options.bus),
    tls,
  });
  const end = draining(app.server);
  isLeaving = () => end.leaving;
  const url = await app.listen('fd' in options.at ? { host: '', ...options.at } : options.at);
  try {
    opening.resolve(options.identity(url));
    identity = await opening.promise;
  } catch (error) {
    await app.close();
    throw error;
  }
  return {
    url,
    reload: () => (tls ? newCertificate(app.server, services) : []),
    async drain(how) {
      await end.drain(how);
      await app.close();
      identity?.[Symbol.dispose]?.();
    },
  };
}

function newCertificate(server: Server, { config, log }: Services): string[] {
  try {
    if (server instanceof process.getBuiltinModule('node:tls').Server) server.setSecureContext(readTls(config.tls) ?? {});
    return [];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    log.error(`TLS: the certificate stays as it was: ${why}`);
    return [`TLS: ${why}`];
  }
}
