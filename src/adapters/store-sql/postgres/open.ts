import type { Store } from '../../../contracts/store.ts';
import type { TableDef } from '../../../model/kit/table.ts';
import type { SchemaDesk } from '../common/inspect.ts';
import type { SchemaOptions } from '../common/state.ts';
import { remoteDesk } from '../remote/inspect.ts';
import { openRemoteStore, type RemoteStoreOptions } from '../remote/open.ts';
import { postgresEngine } from './engine.ts';

/** `url` as in `[database] connection`. */
export function openPostgresStore(url: string, options: RemoteStoreOptions): Promise<Store> {
  return openRemoteStore(url, options, postgresEngine);
}

export function postgresDesk(url: string, tables: readonly TableDef[], options: SchemaOptions): SchemaDesk {
  return remoteDesk(url, tables, options, postgresEngine);
}
