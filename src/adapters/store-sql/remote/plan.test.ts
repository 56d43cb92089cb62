// How few statements a write set becomes, and that their order means the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Op, WriteSet } from '../../../contracts/store.ts';
import { insert, suiteTables, thing } from '../../../contracts/store-suite/place.ts';
import { compileTables } from '../common/tables.ts';
import { mariadbDialect } from '../mariadb/dialect.ts';
import { compilePlan } from './plan.ts';

const compiler = { dialect: mariadbDialect, tables: compileTables(mariadbDialect, suiteTables) };
const plan = (set: WriteSet) => compilePlan(compiler, set, { read: ' LOCK IN SHARE MODE', write: ' FOR UPDATE' });
const part = (slot: number, tag?: string): Op => insert('parts', { thing_id: 'a', slot }, tag);
/** The verb, table and number of rows of each statement. */
const writes = (...ops: Op[]): string[] =>
  plan({ ops })
    .writes.flat()
    .map(({ text, binds, table }) => `${text.slice(0, 6)} ${table.name} ${table.list.length && binds.length}`);

test('rows of one table and tag go in one statement, also past inserts into other tables', () => {
  assert.deepEqual(writes(part(1), part(2), part(3)), ['INSERT parts 9']);
  assert.deepEqual(writes(part(1), insert('things', thing('a')), part(2)), ['INSERT parts 6', 'INSERT things 9']);
  assert.deepEqual(writes(part(1), part(2, 'other'), part(3, 'other')), ['INSERT parts 3', 'INSERT parts 6']);
});

test('nothing goes past a change, or before an insert of another kind into the same table', () => {
  const remove: Op = { op: 'delete', table: 'things', where: { eq: ['id', 'a'] } };
  assert.deepEqual(writes(part(1), remove, part(2)), ['INSERT parts 3', 'DELETE things 1', 'INSERT parts 3']);
  const ignore: Op = { op: 'insert', table: 'parts', row: { thing_id: 'a', slot: 1 }, onConflict: 'ignore' };
  assert.deepEqual(writes(part(1), ignore, part(2)), ['INSERT parts 3', 'INSERT parts 3', 'INSERT parts 3']);
});

test('inserts that follow one another are sent as one statement, unless they are into one table or too long', () => {
  const tables = (...ops: Op[]): string[] => plan({ ops }).writes.map(steps => steps.map(({ table }) => table.name).join('+'));
  const count = insert('counters', { id: 'a', used: 0 });
  const change: Op = { op: 'update', table: 'things', where: { eq: ['id', 'a'] }, set: { up: true } };
  assert.deepEqual(tables(part(1), insert('things', thing('a')), count), ['parts+things+counters']);
  assert.deepEqual(tables(part(1), change, insert('things', thing('b')), count), ['parts', 'things', 'things+counters']);
  assert.deepEqual(tables(part(1), part(2, 'other'), count), ['parts', 'parts+counters']);
  assert.deepEqual(tables({ op: 'upsert', table: 'things', row: thing('a') }, count), ['things', 'counters']);
  const many = Array.from({ length: 1666 }, (_, i) => part(i));
  assert.deepEqual(tables(...many, count), ['parts', 'counters']);
});

test('a statement has an end', () => {
  const many = Array.from({ length: 4000 }, (_, i) => part(i));
  assert.deepEqual(writes(...many), ['INSERT parts 4998', 'INSERT parts 4998', 'INSERT parts 2004']);
});

test('guards are one statement, which locks for writing where this commit changes the table', () => {
  const { guards } = plan({
    guards: [
      { guard: 'revision', table: 'things', key: { id: 'a' }, revision: 3 },
      { guard: 'present', table: 'parts', where: { eq: ['thing_id', 'a'] } },
      { guard: 'absent', table: 'counters', where: { eq: ['used', 1] } },
    ],
    ops: [{ op: 'update', table: 'things', where: { eq: ['id', 'a'] }, set: { up: true } }],
  });
  const [revision, present, absent] = guards[0]!.text.split(' UNION ALL ');
  assert.match(revision!, / LIMIT 1 FOR UPDATE\) AS g0$/);
  assert.match(present!, / LIMIT 1 LOCK IN SHARE MODE\) AS g1$/);
  // Nobody else writes to the table meanwhile.
  assert.match(absent!, / LIMIT 1\) AS g2$/);
});
