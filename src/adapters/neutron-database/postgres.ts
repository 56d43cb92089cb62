// PostgreSQL as something to read from.
import pg from 'pg';
import type { SourceRow, SourceValue } from '../../contracts/snapshot.ts';
import { doubleQuoted as quote } from '../store-sql/common/standard.ts';
import { numbered } from '../store-sql/postgres/dialect.ts';
import type { Location, Node } from '../store-sql/remote/url.ts';
import { type SourceSession, tablesOf } from './session.ts';

const columns = `SELECT c.table_name, c.column_name, k.ordinal_position AS key_place
  FROM information_schema.columns c JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
  LEFT JOIN (SELECT u.* FROM information_schema.key_column_usage u JOIN information_schema.table_constraints p
      ON p.constraint_schema = u.constraint_schema AND p.constraint_name = u.constraint_name AND p.table_name = u.table_name
      WHERE p.constraint_type = 'PRIMARY KEY') k
    ON k.table_schema = c.table_schema AND k.table_name = c.table_name AND k.column_name = c.column_name
  WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' ORDER BY c.table_name, c.ordinal_position`;

/** Numbers and booleans as such; everything else, times too, as text. */
function parserOf(oid: number): (text: string) => SourceValue {
  if ([20, 21, 23, 1700].includes(oid)) return Number;
  return oid === 16 ? text => text === 't' : text => text;
}

export async function readPostgres(location: Location, node: Node): Promise<SourceSession> {
  const client = new pg.Client({
    host: node.host,
    port: node.port,
    user: location.user,
    password: location.password,
    database: location.database,
    connectionTimeoutMillis: 10_000,
    application_name: 'weft db import',
    types: { getTypeParser: parserOf } as never,
  });
  client.on('error', () => {});
  await client.connect();
  const rows = async (text: string, binds: readonly SourceValue[] = []): Promise<SourceRow[]> =>
    (await client.query<SourceRow>(numbered(text), [...binds])).rows;
  return {
    quote,
    rows,
    tables: async () => tablesOf(await rows(columns)),
    async freeze() {
      await rows('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      // The snapshot is taken by the first question.
      await rows('SELECT 1');
    },
    digest: names => `hashtext(CONCAT_WS('|', ${names.map(name => `COALESCE(${quote(name)}::text, '')`).join(', ')}))::bigint`,
    close: () => client.end(),
  };
}
