import type { Store } from '../../../contracts/store.ts';
import type { TableDef } from '../../../model/kit/table.ts';
import type { SchemaDesk } from '../common/inspect.ts';
import type { SchemaOptions } from '../common/state.ts';
import { remoteDesk } from '../remote/inspect.ts';
import { openRemoteStore, type RemoteStoreOptions } from '../remote/open.ts';
import { mariadbEngine } from './engine.ts';

/** `url` as in `[database] connection`. */
export function openMariadbStore(url: string, options: RemoteStoreOptions): Promise<Store> {
  return openRemoteStore(url, options, mariadbEngine);
}

export function mariadbDesk(url: string, tables: readonly TableDef[], options: SchemaOptions): SchemaDesk {
  return remoteDesk(url, tables, options, mariadbEngine);
}
