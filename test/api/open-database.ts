// A store over a database that is named as `[database] connection` names it.
import type { Store } from '../../src/contracts/store.ts';
import { openStore } from '../../src/main/store.ts';
import { type DatabaseConfig, defaultConfig } from '../../src/server/context.ts';

export const databaseAt = (connection: string): DatabaseConfig => ({ ...defaultConfig.database, connection });

export const openDatabase = (connection: string): Promise<Store> => openStore(databaseAt(connection), '');
