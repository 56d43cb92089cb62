import type { Store } from '../../../contracts/store.ts';
import { openRemoteStore, type RemoteStoreOptions } from '../remote/open.ts';
import { postgresEngine } from './engine.ts';

/** `url` as in `[database] connection`. */
export function openPostgresStore(url: string, options: RemoteStoreOptions): Promise<Store> {
  return openRemoteStore(url, options, postgresEngine);
}
