// PostgreSQL as Debian packages it, for tests. What is not written through to the disk is in the system's memory, which outlives kill -9.
import { join } from 'node:path';
import { type DatabaseServer, type Kind, missing, programPath, startServer } from './server.ts';

export const postgresKind: Kind = {
  name: 'postgres',
  scheme: 'postgresql+psycopg2',
  needs: [['postgresql', ['postgres', 'initdb', 'psql']]],
  user: 'postgres',
  prepare: folder => [programPath('initdb')!, '-D', join(folder, 'data'), '-U', 'weft', '-A', 'trust', '-E', 'UTF8', '--no-sync'],
  serve: (folder, port) => [
    ...[programPath('postgres')!, '-D', join(folder, 'data'), '-k', folder, '-p', String(port)],
    ...['-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'],
  ],
  client: (folder, port, database) => [
    ...[programPath('psql')!, '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', folder, '-p', String(port), '-U', 'weft'],
    ...['-d', database === '' ? 'postgres' : database],
  ],
};

export const postgresMissing = (): string | undefined => missing(postgresKind);

export const startPostgres = (): Promise<DatabaseServer> => startServer(postgresKind);
