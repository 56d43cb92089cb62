// Which names a commit takes, and which of them alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Predicate, WriteSet } from '../../../contracts/store.ts';
import { suiteTables, thing } from '../../../contracts/store-suite/place.ts';
import { compileTables } from '../common/tables.ts';
import { postgresDialect } from '../postgres/dialect.ts';
import { lockNames } from './names.ts';

const compiler = { dialect: postgresDialect, tables: compileTables(postgresDialect, suiteTables) };
const names = (set: WriteSet): string[] => [...lockNames(compiler, set)].map(([name, alone]) => (alone ? `${name} alone` : name)).sort();
const absent = (where: Predicate): string[] => names({ guards: [{ guard: 'absent', table: 'things', where }], ops: [] });

test('a row that is written is named by the columns that begin a key or an index', () => {
  const insert = names({ ops: [{ op: 'insert', table: 'things', row: thing('a', { name: 'n', size: 5 }) }] });
  assert.deepEqual(insert, ['things', 'things.id="a"', 'things.kind="plain"', 'things.name="n"', 'things.size=5']);
  const left = names({ ops: [{ op: 'insert', table: 'things', row: { id: 'a', kind: 'k' } }] });
  assert.deepEqual(left, ['things', 'things.id="a"', 'things.kind="k"', 'things.name=null', 'things.size=null']);
});

test('an update names the values that it sets, and a column that it adds to alone', () => {
  const where: Predicate = { eq: ['id', 'a'] };
  assert.deepEqual(names({ ops: [{ op: 'update', table: 'things', where, set: { name: 'x', up: true } }] }), ['things', 'things.name="x"']);
  assert.deepEqual(names({ ops: [{ op: 'update', table: 'things', where, bump: { size: 1 } }] }), ['things', 'things.size alone']);
});

test('an absence is pinned by the fewest values, wherever a condition is sure to hold', () => {
  assert.deepEqual(absent({ eq: ['name', 'n'] }), ['things.name', 'things.name="n" alone']);
  const narrow: Predicate = { and: [{ in: ['id', ['a', 'b']] }, { and: [{ eq: ['kind', 'k'] }, { not: { eq: ['size', 1] } }] }] };
  assert.deepEqual(absent(narrow), ['things.kind', 'things.kind="k" alone']);
  assert.deepEqual(absent({ or: [{ eq: ['id', 'a'] }, { eq: ['id', 'b'] }] }), ['things.id', 'things.id="a" alone', 'things.id="b" alone']);
  const either: Predicate = { and: [{ or: [{ eq: ['id', 'a'] }, { eq: ['name', 'b'] }] }, { not: { eq: ['size', 1] } }] };
  assert.deepEqual(absent(either), ['things.id', 'things.id="a" alone', 'things.name', 'things.name="b" alone']);
});

test('an absence that nothing pins, or what is seen through exists, is of the table', () => {
  for (const where of [
    { eq: ['up', true] },
    { not: { eq: ['id', 'a'] } },
    { or: [{ eq: ['id', 'a'] }, { eq: ['up', true] }] },
    { or: [] },
    { in: ['id', Array.from({ length: 51 }, (_, i) => `${i}`)] },
    { and: [] },
  ] satisfies Predicate[])
    assert.deepEqual(absent(where), ['things alone'], JSON.stringify(where));
  const through: Predicate = { and: [{ eq: ['id', 'a'] }, { not: { exists: { table: 'parts', on: [['thing_id', 'id']] } } }] };
  assert.deepEqual(absent(through), ['parts alone', 'things.id', 'things.id="a" alone']);
});

test('who writes too many values of a column takes the column', () => {
  const ops = Array.from({ length: 51 }, (_, i) => ({ op: 'insert', table: 'parts', row: { thing_id: `t${i}`, slot: 1 } }) as const);
  assert.deepEqual(names({ ops }), ['parts', 'parts.thing_id alone']);
});

test('a change by a condition relies on finding all, one by a whole key does not', () => {
  assert.deepEqual(names({ ops: [{ op: 'delete', table: 'parts', where: { eq: ['thing_id', 'a'] } }] }), [
    'parts',
    'parts.thing_id',
    'parts.thing_id="a" alone',
  ]);
  const whole: Predicate = { and: [{ eq: ['thing_id', 'a'] }, { eq: ['slot', 1] }] };
  assert.deepEqual(names({ ops: [{ op: 'delete', table: 'parts', where: whole }] }), ['parts']);
  assert.deepEqual(names({ ops: [{ op: 'delete', table: 'parts', where: { eq: ['role', 'x'] } }] }), ['parts']);
});
