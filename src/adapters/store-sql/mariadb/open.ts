import type { Store } from '../../../contracts/store.ts';
import { openRemoteStore, type RemoteStoreOptions } from '../remote/open.ts';
import { mariadbEngine } from './engine.ts';

/** `url` as in `[database] connection`. */
export function openMariadbStore(url: string, options: RemoteStoreOptions): Promise<Store> {
  return openRemoteStore(url, options, mariadbEngine);
}
