// What a database server says that it was asked: for tests that count, and so need not believe what the store counts itself.
import { databaseServer } from './database.ts';

/** Statements so far of whoever uses that database; beginnings and ends of transactions are statements, too. Undefined for SQLite. */
export type Asked = (url: string) => Promise<number | undefined>;

const name = (url: string): string => new URL(url).pathname.slice(1);

/** To be called before anybody is connected: PostgreSQL starts anew with what counts. */
export async function countAsked(): Promise<Asked> {
  const server = await databaseServer();
  if (!server) return async () => undefined;
  if (process.env['WEFT_TEST_STORE'] === 'mariadb') {
    await server.admin("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON;");
    const where = "command_type NOT IN ('Connect', 'Quit') AND user_host LIKE 'weft%'";
    return async () => Number(await server.admin(`SELECT count(*) FROM mysql.general_log WHERE ${where};`));
  }
  await server.admin("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements';");
  await server.kill();
  await server.start();
  await server.admin('CREATE EXTENSION pg_stat_statements;');
  const from = 'pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid';
  return async url => Number(await server.admin(`SELECT sum(s.calls) FROM ${from} WHERE d.datname = '${name(url)}';`));
}
