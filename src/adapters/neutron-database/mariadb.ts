// MariaDB and MySQL as something to read from.
import { createConnection } from 'mariadb';
import type { SourceRow } from '../../contracts/snapshot.ts';
import type { Location, Node } from '../store-sql/remote/url.ts';
import { type SourceSession, tablesOf } from './session.ts';

const quote = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

const columns = `SELECT c.table_name AS table_name, c.column_name AS column_name, k.seq_in_index AS key_place
  FROM information_schema.columns c JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
  LEFT JOIN information_schema.statistics k ON k.table_schema = c.table_schema AND k.table_name = c.table_name
    AND k.column_name = c.column_name AND k.index_name = 'PRIMARY'
  WHERE c.table_schema = database() AND t.table_type = 'BASE TABLE' ORDER BY c.table_name, c.ordinal_position`;

export async function readMariadb(location: Location, node: Node): Promise<SourceSession> {
  const connection = await createConnection({
    host: node.host,
    port: node.port,
    user: location.user,
    password: location.password,
    database: location.database,
    charset: 'utf8mb4',
    dateStrings: true,
    bigIntAsNumber: true,
    decimalAsNumber: true,
    autoJsonMap: false,
    permitLocalInfile: false,
    connectTimeout: 10_000,
  });
  // Told by the next question; without a listener it would end the process.
  connection.on('error', () => {});
  const rows = async (text: string, binds: readonly unknown[] = []): Promise<SourceRow[]> => connection.query(text, [...binds]);
  return {
    quote,
    rows,
    tables: async () => tablesOf(await rows(columns)),
    async freeze() {
      await rows('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
      await rows('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
    },
    digest: names => `CRC32(CONCAT_WS('|', ${names.map(name => `COALESCE(${quote(name)}, '')`).join(', ')}))`,
    async close() {
      await connection.end().catch(() => connection.destroy());
    },
  };
}
