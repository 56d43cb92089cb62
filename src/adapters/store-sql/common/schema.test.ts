import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TableDef } from '../../../model/kit/table.ts';
import { mariadbDialect } from '../mariadb/dialect.ts';
import { postgresDialect } from '../postgres/dialect.ts';
import { pinColumns } from '../remote/pins.ts';
import { sqliteDialect } from '../sqlite/dialect.ts';
import type { Dialect } from './dialect.ts';
import { contractions } from './expand.ts';
import { addColumn, createIndex, createTable, describeSchema, diffSchemas, indexesOf } from './schema.ts';
import { compileTables } from './tables.ts';

const networks: TableDef = {
  name: 'networks',
  columns: { id: { type: 'text' }, name: { type: 'text', nullable: true }, mtu: { type: 'int', fill: 1500 } },
  primaryKey: ['id'],
  unique: [['name', 'mtu']],
  indexes: [['name']],
};
const nothing = { tables: [], columns: [], indexes: [], drops: [], unknown: [], obstacles: [] };

test('definitions to statements', () => {
  assert.equal(
    createTable(sqliteDialect, networks),
    'CREATE TABLE "networks" ("id" TEXT NOT NULL, "name" TEXT, "mtu" INTEGER NOT NULL DEFAULT 1500, PRIMARY KEY ("id")) STRICT',
  );
  assert.deepEqual(
    indexesOf(networks).map(index => createIndex(sqliteDialect, index)),
    [
      'CREATE UNIQUE INDEX "uq__networks__name__mtu" ON "networks" ("name", "mtu")',
      'CREATE INDEX "ix__networks__name" ON "networks" ("name")',
    ],
  );
  const more: TableDef = {
    ...networks,
    columns: { ...networks.columns, note: { type: 'text', fill: "it's" }, ok: { type: 'bool', fill: true } },
  };
  assert.equal(addColumn(sqliteDialect, more, 'note'), `ALTER TABLE "networks" ADD COLUMN "note" TEXT NOT NULL DEFAULT 'it''s'`);
  assert.equal(addColumn(sqliteDialect, more, 'ok'), 'ALTER TABLE "networks" ADD COLUMN "ok" INTEGER NOT NULL DEFAULT 1');
});

test('a text that is sought has an index with the key behind it, on MariaDB of its beginning, and stays as long as it was', () => {
  const { indexes: _, unique: __, ...plain } = networks;
  const def: TableDef = { ...plain, sought: ['name'] };
  const on = (dialect: Dialect) => indexesOf(def).map(index => createIndex(dialect, index))[0];
  assert.equal(on(sqliteDialect), 'CREATE INDEX "ix__networks__name__id" ON "networks" ("name", "id")');
  assert.equal(on(postgresDialect), 'CREATE INDEX "ix__networks__name__id" ON "networks" ("name" ASC NULLS FIRST, "id")');
  assert.equal(on(mariadbDialect), 'CREATE INDEX `ix__networks__name__id` ON `networks` (`name`(100), `id`)');
  assert.equal(createTable(mariadbDialect, def), createTable(mariadbDialect, plain));
  assert.deepEqual(contractions([plain], [def]), []);
  assert.deepEqual(
    diffSchemas([plain], [def]).indexes.map(i => i.name),
    ['ix__networks__name__id'],
  );
  assert.ok(!pinColumns(compileTables(sqliteDialect, [def]).get('networks')!).has('name'), 'no guard takes it for a name of its locks');
});

test('long index names are cut and stay apart', () => {
  const column = 'a_rather_long_column_name_';
  const def: TableDef = {
    name: 'a_table_with_a_long_name',
    columns: { [`${column}1`]: { type: 'text' }, [`${column}2`]: { type: 'text' } },
    primaryKey: [`${column}1`],
    indexes: [
      [`${column}1`, `${column}2`],
      [`${column}2`, `${column}1`],
    ],
  };
  const names = indexesOf(def).map(index => index.name);
  assert.equal(new Set(names).size, 2);
  for (const name of names) assert.ok(name.length <= 63, name);
});

test('the description does not depend on the order of tables or on what is left to defaults', () => {
  const other: TableDef = { name: 'a', columns: { id: { type: 'text', nullable: false } }, primaryKey: ['id'], unique: [] };
  const plain: TableDef = { name: 'a', columns: { id: { type: 'text' } }, primaryKey: ['id'] };
  assert.equal(describeSchema([networks, other]), describeSchema([plain, networks]));
  assert.notEqual(describeSchema([plain]), describeSchema([{ ...plain, indexes: [['id']] }]));
});

test('what lies between two schemas', () => {
  assert.deepEqual(diffSchemas([networks], [networks]), nothing);
  const fresh: TableDef = { name: 'ports', columns: { id: { type: 'text' } }, primaryKey: ['id'], indexes: [['id']] };
  assert.deepEqual(diffSchemas([networks], [networks, fresh]), { ...nothing, tables: [fresh], indexes: indexesOf(fresh) });
  const wider: TableDef = { ...networks, columns: { ...networks.columns, vni: { type: 'int', nullable: true } }, indexes: [['vni']] };
  const diff = diffSchemas([networks], [wider]);
  assert.deepEqual(diff.columns, [{ table: wider, name: 'vni' }]);
  assert.deepEqual(
    diff.indexes.map(i => i.name),
    ['ix__networks__vni'],
  );
  assert.deepEqual(
    diff.drops.map(i => i.name),
    ['ix__networks__name'],
  );
  assert.deepEqual([diff.unknown, diff.obstacles], [[], []]);
  assert.deepEqual(diffSchemas([wider, fresh], [networks]).unknown, ['ports', 'networks.vni']);
  assert.deepEqual(diffSchemas([networks], [{ ...networks, unique: [] }]).unknown, ['networks (unique name, mtu)']);
});

test('what adding cannot bridge is said', () => {
  const with_ = (columns: TableDef['columns'], more: Partial<TableDef> = {}): TableDef => ({
    ...networks,
    columns: { ...networks.columns, ...columns },
    ...more,
  });
  const obstacles = (was: TableDef, now: TableDef) => diffSchemas([was], [now]).obstacles.join('; ');
  assert.match(obstacles(networks, with_({ vni: { type: 'int' } })), /networks.vni is new, not nullable/);
  assert.match(obstacles(networks, with_({ mtu: { type: 'text', fill: '' } })), /networks.mtu was int and is now text/);
  assert.match(obstacles(networks, with_({ name: { type: 'text' } })), /networks.name is no longer nullable/);
  assert.match(obstacles(networks, with_({}, { primaryKey: ['mtu'] })), /primary key of networks was \(id\) and is now \(mtu\)/);
  assert.match(obstacles(with_({ old: { type: 'text' } }), networks), /networks.old is required by the state/);
  assert.equal(obstacles(with_({ old: { type: 'text', nullable: true } }), networks), '');
});
