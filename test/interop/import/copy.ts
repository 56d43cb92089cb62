// A database of Neutron on MariaDB as one on PostgreSQL: the same tables with the types that SQLAlchemy gives them there, and the same rows.
import { createConnection } from 'mariadb';
import type { DatabaseServer } from '../../../src/contracts/store-suite/servers/server.ts';

interface Column {
  readonly table_name: string;
  readonly column_name: string;
  readonly column_type: string;
  readonly column_key: string;
}

const typeOf = ({ column_type: type }: Column): string => {
  if (type === 'tinyint(1)') return 'BOOLEAN';
  if (/^(big)?int/.test(type)) return 'BIGINT';
  return /^(datetime|timestamp)/.test(type) ? 'TIMESTAMP' : 'TEXT';
};

function literal(column: Column, value: unknown): string {
  if (value === null) return 'NULL';
  if (typeOf(column) === 'BOOLEAN') return Number(value) === 1 ? 'TRUE' : 'FALSE';
  return `'${String(value).replaceAll("'", "''")}'`;
}

const rowsAtOnce = 2000;

export async function copyToPostgres(from: string, server: DatabaseServer, to: string): Promise<void> {
  const { username, password, hostname, port, pathname } = new URL(from);
  const database = pathname.slice(1);
  const connection = await createConnection({
    host: hostname,
    port: Number(port),
    user: username,
    password,
    database,
    dateStrings: true,
    bigIntAsNumber: true,
  });
  try {
    const columns: Column[] = await connection.query(
      'SELECT table_name AS table_name, column_name AS column_name, column_type AS column_type, column_key AS column_key FROM information_schema.columns WHERE table_schema = ? ORDER BY table_name, ordinal_position',
      [database],
    );
    for (const [table, own] of Map.groupBy(columns, c => c.table_name)) {
      const key = own.filter(c => c.column_key === 'PRI').map(c => `"${c.column_name}"`);
      const named = own.map(c => `"${c.column_name}" ${typeOf(c)}`);
      const statements = [
        `CREATE TABLE "${table}" (${[...named, ...(key.length > 0 ? [`PRIMARY KEY (${key.join(', ')})`] : [])].join(', ')})`,
      ];
      const rows: Record<string, unknown>[] = await connection.query(`SELECT * FROM \`${table}\``);
      for (let i = 0; i < rows.length; i += rowsAtOnce) {
        const values = rows.slice(i, i + rowsAtOnce).map(row => `(${own.map(c => literal(c, row[c.column_name])).join(', ')})`);
        statements.push(`INSERT INTO "${table}" VALUES ${values.join(', ')}`);
      }
      await server.admin(`${statements.join(';\n')};`, to);
    }
  } finally {
    await connection.end();
  }
}
