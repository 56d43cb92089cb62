// The text that the compiler makes, for SQLite and for a dialect that differs in everything a dialect may differ in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Op, Predicate, Query } from '../../../contracts/store.ts';
import type { TableDef } from '../../../model/kit/table.ts';
import { sqliteDialect } from '../sqlite/dialect.ts';
import type { Dialect } from './dialect.ts';
import type { Compiler } from './predicate.ts';
import { afterPrefix } from './prefix.ts';
import { compileCount, compileCountBy, compileGet, compileSelect } from './reads.ts';
import { compileTables } from './tables.ts';
import { compileWriteSet } from './writes.ts';

const ports: TableDef = {
  name: 'ports',
  columns: {
    id: { type: 'text' },
    name: { type: 'text', nullable: true },
    up: { type: 'bool', fill: true },
    tags: { type: 'json', fill: [] },
    revision_number: { type: 'int', fill: 0 },
    'binding:host_id': { type: 'text', nullable: true },
  },
  primaryKey: ['id'],
  unique: [['name']],
};
const addresses: TableDef = {
  name: 'addresses',
  columns: { ip: { type: 'text' }, port_id: { type: 'text' } },
  primaryKey: ['ip'],
};

const compiler = (dialect: Dialect): Compiler => ({ dialect, tables: compileTables(dialect, [ports, addresses]) });
const sqlite = compiler(sqliteDialect);

/** As PostgreSQL would have it: arrays, real booleans, numbered parameters, nulls placed by hand. */
const numbered = compiler({
  ...sqliteDialect,
  name: 'numbered',
  bool: value => value,
  parameters(text) {
    let n = 0;
    return text.replaceAll('?', () => `$${++n}`);
  },
  inList(column, type, values, binds) {
    binds.push(JSON.stringify(values));
    return `${column} = ANY(?::${type}[])`;
  },
  orderBy: (column, direction, nullable) =>
    `${column} ${direction.toUpperCase()}${nullable ? ` NULLS ${direction === 'asc' ? 'FIRST' : 'LAST'}` : ''}`,
});

function where(p: Predicate, by = sqlite) {
  const { text, binds } = compileCount(by, 'ports', p);
  return [text.replace('SELECT count(*) FROM "ports" WHERE ', ''), ...binds];
}

test('predicates to text and values', () => {
  assert.deepEqual(where({ eq: ['id', 'a'] }), ['"ports"."id" = ?', 'a']);
  assert.deepEqual(where({ eq: ['name', null] }), ['"ports"."name" IS NULL']);
  assert.deepEqual(where({ eq: ['up', true] }), ['"ports"."up" = ?', 1]);
  assert.deepEqual(where({ eq: ['binding:host_id', 'h'] }), ['"ports"."binding:host_id" = ?', 'h']);
  assert.deepEqual(where({ in: ['id', ['a', 'b']] }), ['"ports"."id" IN (SELECT value FROM json_each(?))', '["a","b"]']);
  assert.deepEqual(where({ in: ['name', ['a', 'b', null]] }), [
    '("ports"."name" IN (SELECT value FROM json_each(?)) OR "ports"."name" IS NULL)',
    '["a","b"]',
  ]);
  assert.deepEqual(where({ in: ['id', []] }), ['1=0']);
  assert.deepEqual(where({ not: { eq: ['name', 'a'] } }), ['("ports"."name" = ?) IS NOT TRUE', 'a']);
  assert.deepEqual(where({ and: [] }), ['1=1']);
  assert.deepEqual(where({ startsWith: ['name', 'ab'] }), ['("ports"."name" >= ? AND "ports"."name" < ?)', 'ab', 'ac']);
  assert.deepEqual(where({ contains: ['name', '%'] }), ['instr("ports"."name", ?) > 0', '%']);
  const mixed: Predicate = { or: [{ and: [{ eq: ['id', 'a'] }, { gt: ['revision_number', 3] }] }, { not: { in: ['id', ['x', 'y']] } }] };
  assert.deepEqual(where(mixed), [
    '(("ports"."id" = ? AND "ports"."revision_number" > ?) OR ("ports"."id" IN (SELECT value FROM json_each(?))) IS NOT TRUE)',
    'a',
    3,
    '["x","y"]',
  ]);
});

test('exists has an alias per depth, so that a table may meet itself', () => {
  const inner: Predicate = { exists: { table: 'ports', on: [['id', 'port_id']], where: { eq: ['up', false] } } };
  assert.deepEqual(where({ exists: { table: 'addresses', on: [['port_id', 'id']], where: { and: [{ eq: ['ip', '::1'] }, inner] } } }), [
    'EXISTS (SELECT 1 FROM "addresses" AS x1 WHERE (x1."port_id" = "ports"."id" AND (x1."ip" = ? AND ' +
      'EXISTS (SELECT 1 FROM "ports" AS x2 WHERE (x2."id" = x1."port_id" AND x2."up" = ?)))))',
    '::1',
    0,
  ]);
});

test('exists that is looked for first is a list', () => {
  assert.deepEqual(where({ exists: { table: 'addresses', on: [['port_id', 'id']], where: { eq: ['ip', '::1'] }, first: true } }), [
    '"ports"."id" IN (SELECT x1."port_id" FROM "addresses" AS x1 WHERE x1."ip" = ?)',
    '::1',
  ]);
});

test('the text depends on the shape, not on the values', () => {
  const text = (p: Predicate) => where(p)[0];
  assert.equal(text({ in: ['id', ['a', 'b']] }), text({ in: ['id', Array.from({ length: 5000 }, (_, i) => `${i}`)] }));
  assert.equal(text({ eq: ['id', 'a'] }), text({ eq: ['id', "b' OR 1=1"] }));
  assert.equal(text({ or: [{ eq: ['id', 'a'] }, { eq: ['id', 'b'] }] }), text({ in: ['id', ['x', 'y', 'z']] }));
});

test('a wide OR is a shallow tree', () => {
  const parts = Array.from({ length: 20_000 }, (_, i): Predicate => ({ and: [{ eq: ['id', `${i}`] }, { eq: ['up', true] }] }));
  const [text, ...binds] = where({ or: parts });
  let depth = 0;
  let deepest = 0;
  for (const char of text as string) {
    if (char === '(') deepest = Math.max(deepest, ++depth);
    if (char === ')') depth--;
  }
  assert.equal(depth, 0);
  assert.ok(deepest <= 6, `${deepest}`);
  assert.equal(binds.length, 40_000);
});

test('queries to text', () => {
  const all = '"ports"."id", "ports"."name", "ports"."up", "ports"."tags", "ports"."revision_number", "ports"."binding:host_id"';
  const query: Query = {
    table: 'ports',
    where: { eq: ['up', false] },
    order: [
      ['name', 'desc'],
      ['id', 'asc'],
    ],
    limit: 5,
  };
  assert.deepEqual(compileSelect(sqlite, query), {
    text: `SELECT ${all} FROM "ports" WHERE "ports"."up" = ? ORDER BY "ports"."name" DESC, "ports"."id" LIMIT ?`,
    binds: [0, 5],
    columns: sqlite.tables.get('ports')!.list,
  });
  assert.equal(compileSelect(sqlite, { table: 'ports', columns: ['up', 'id'] }).text, 'SELECT "ports"."up", "ports"."id" FROM "ports"');
  assert.equal(
    compileGet(sqlite, 'addresses', { ip: 'a', port_id: 'b' }).text.split(' WHERE ')[1],
    '("addresses"."ip" = ? AND "addresses"."port_id" = ?) LIMIT 1',
  );
  assert.equal(compileCountBy(sqlite, 'ports', 'up', undefined).text, 'SELECT "ports"."up", count(*) FROM "ports" GROUP BY "ports"."up"');
});

test('another dialect changes parameters, lists, booleans and the place of nulls', () => {
  const query: Query = {
    table: 'ports',
    where: { and: [{ in: ['id', ['a', 'b']] }, { eq: ['up', true] }] },
    order: [
      ['name', 'asc'],
      ['id', 'desc'],
    ],
    limit: 1,
  };
  const { text, binds } = compileSelect(numbered, { ...query, columns: ['id'] });
  assert.equal(
    numbered.dialect.parameters(text),
    'SELECT "ports"."id" FROM "ports" WHERE ("ports"."id" = ANY($1::text[]) AND "ports"."up" = $2) ' +
      'ORDER BY "ports"."name" ASC NULLS FIRST, "ports"."id" DESC LIMIT $3',
  );
  assert.deepEqual(binds, ['["a","b"]', true, 1]);
});

function write(op: Op) {
  const [step] = compileWriteSet(sqlite, { ops: [op] }).writes;
  return [step!.text, ...step!.binds];
}

test('operations to text and values', () => {
  const columns = '("id", "name", "up", "tags", "revision_number", "binding:host_id") VALUES (?, ?, ?, ?, ?, ?)';
  const row = { id: 'a', tags: ['x'] };
  const values = ['a', null, 1, '["x"]', 0, null];
  assert.deepEqual(write({ op: 'insert', table: 'ports', row }), [`INSERT INTO "ports" ${columns}`, ...values]);
  const ignored = write({ op: 'insert', table: 'ports', row, onConflict: 'ignore' });
  assert.deepEqual(ignored, [`INSERT INTO "ports" ${columns} ON CONFLICT DO NOTHING`, ...values]);
  const upserted = write({ op: 'upsert', table: 'ports', row });
  assert.deepEqual(upserted, [`INSERT INTO "ports" ${columns} ON CONFLICT ("id") DO UPDATE SET "tags" = excluded."tags"`, ...values]);
  assert.deepEqual(
    write({ op: 'update', table: 'ports', where: { eq: ['id', 'a'] }, set: { up: false, name: null }, bump: { revision_number: 1 } }),
    ['UPDATE "ports" SET "up" = ?, "name" = ?, "revision_number" = "revision_number" + ? WHERE "ports"."id" = ?', 0, null, 1, 'a'],
  );
  assert.deepEqual(write({ op: 'delete', table: 'ports', where: { eq: ['name', null] } }), [
    'DELETE FROM "ports" WHERE "ports"."name" IS NULL',
  ]);
});

test('the texts of inserts do not grow with what is inserted, and those of upserts with what they set only', () => {
  const by = compiler(sqliteDialect);
  for (let i = 0; i < 50; i++)
    compileWriteSet(by, {
      ops: [
        { op: 'insert', table: 'ports', row: { id: `${i}`, ...(i % 2 ? { name: 'x' } : {}) } },
        { op: 'upsert', table: 'ports', row: { id: `${i}`, ...(i % 2 ? { name: 'x' } : {}) } },
      ],
    });
  assert.equal(by.tables.get('ports')!.insertTexts.size, 3);
});

test('the end of a prefix is the least text after all that begin with it', () => {
  assert.equal(afterPrefix('ab'), 'ac');
  assert.equal(afterPrefix('a\u{10ffff}'), 'b');
  assert.equal(afterPrefix('\ud7ff'), '\ue000');
  assert.equal(afterPrefix(''), undefined);
  assert.equal(afterPrefix('\u{10ffff}'), undefined);
});

test('table definitions are checked before anything is made of them', () => {
  const bad = (more: Partial<TableDef>, message: RegExp) =>
    assert.throws(() => compileTables(sqliteDialect, [{ ...ports, ...more }]), message);
  bad({ name: 'ports"; DROP' }, /cannot be the name of a table/);
  bad({ name: 'schema_meta' }, /cannot be the name of a table/);
  bad({ name: 'weft_outbox' }, /cannot be the name of a table/);
  bad({ columns: { 'a b': { type: 'text' } } }, /cannot be the name of a column/);
  bad({ primaryKey: [] }, /no primary key/);
  bad({ primaryKey: ['name'] }, /cannot be nullable/);
  bad({ unique: [['nope']] }, /names the column nope/);
  bad({ indexes: [['tags']] }, /cannot be part of a key/);
  bad({ columns: { ...ports.columns, size: { type: 'int', fill: 'x' } } }, /whole number/);
  assert.throws(() => compileTables(sqliteDialect, [ports, ports]), /defined twice/);
});
