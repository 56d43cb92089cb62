// MariaDB as Debian packages it, for tests. What is not written through to the disk is in the system's memory, which outlives kill -9.
import { join } from 'node:path';
import { type DatabaseServer, type Kind, missing, programPath, startServer } from './server.ts';

const settings = [
  '--innodb-flush-method=nosync',
  '--innodb-buffer-pool-size=64M',
  '--innodb-log-file-size=32M',
  '--performance-schema=off',
];
const grant = "CREATE USER IF NOT EXISTS weft@'%' IDENTIFIED BY 'secret'; GRANT ALL ON `weft\\_%`.* TO weft@'%';";

/** A server that starts clears the folder of temporary tables, whosever they are. */
const places = (folder: string): string[] => [`--datadir=${join(folder, 'data')}`, `--tmpdir=${folder}`];

export const mariadbKind: Kind = {
  name: 'mariadb',
  scheme: 'mysql+pymysql',
  needs: [['mariadb-server', ['mariadbd', 'mariadb-install-db', 'mariadb']]],
  user: 'mysql',
  prepare: folder => [
    programPath('mariadb-install-db')!,
    '--no-defaults',
    ...places(folder),
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--skip-name-resolve',
    ...settings,
  ],
  serve: (folder, port) => [
    programPath('mariadbd')!,
    '--no-defaults',
    ...places(folder),
    `--socket=${join(folder, 'socket')}`,
    `--pid-file=${join(folder, 'pid')}`,
    '--bind-address=127.0.0.1',
    `--port=${port}`,
    '--skip-name-resolve',
    ...settings,
  ],
  client: (folder, _port, database) => [
    programPath('mariadb')!,
    '--no-defaults',
    `--socket=${join(folder, 'socket')}`,
    '--user=root',
    '--batch',
    '--skip-column-names',
    ...(database === '' ? [] : [database]),
  ],
};

export const mariadbMissing = (): string | undefined => missing(mariadbKind);

export async function startMariadb(): Promise<DatabaseServer> {
  const server = await startServer(mariadbKind);
  await server.admin(grant);
  return server;
}
