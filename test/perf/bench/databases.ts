// Database servers that write through to the disk, as in use and unlike those of tests.
import { mariadbKind } from '../../../src/contracts/store-suite/servers/mariadb.ts';
import { postgresKind } from '../../../src/contracts/store-suite/servers/postgres.ts';
import { type DatabaseServer, type Kind, startServer } from '../../../src/contracts/store-suite/servers/server.ts';

/** What is said last counts. The real server's script sets the same of MariaDB. */
const durable: Readonly<Record<Kind['name'], readonly string[]>> = {
  mariadb: [
    '--innodb-flush-method=fsync',
    '--innodb-flush-log-at-trx-commit=1',
    '--innodb-buffer-pool-size=512M',
    '--innodb-log-file-size=96M',
    '--max-connections=500',
  ],
  postgres: ['-c', 'fsync=on', '-c', 'synchronous_commit=on', '-c', 'shared_buffers=512MB'],
};

export async function startDurable(name: Kind['name']): Promise<DatabaseServer> {
  const kind = name === 'mariadb' ? mariadbKind : postgresKind;
  const server = await startServer({ ...kind, serve: (folder, port) => [...kind.serve(folder, port), ...durable[name]] });
  if (name === 'mariadb')
    await server.admin("CREATE USER IF NOT EXISTS weft@'%' IDENTIFIED BY 'secret'; GRANT ALL ON `weft\\_%`.* TO weft@'%';");
  return server;
}
