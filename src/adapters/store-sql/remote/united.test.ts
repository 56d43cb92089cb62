// Rows of a UNION get back the order that each query asked for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Order } from '../../../contracts/store.ts';
import { suiteTables } from '../../../contracts/store-suite/place.ts';
import { compileClauses } from '../common/reads.ts';
import { compileTables } from '../common/tables.ts';
import { mariadbDialect } from '../mariadb/dialect.ts';
import { unite } from './united.ts';

const compiler = { dialect: mariadbDialect, tables: compileTables(mariadbDialect, suiteTables) };
const form = { text: (sql: string) => sql, values: { int: Number } };
const ordered = (columns: readonly string[], by: Order) => {
  const query = { table: 'parts', columns, order: by };
  return unite([{ ...compileClauses(compiler, query), by }], form);
};

test('texts by code points, numbers as numbers, nothing first and last', () => {
  const texts = ['\u{1f600}', '\uffee', 'b', null, 'B', 'é'];
  const sorted = (direction: 'asc' | 'desc') =>
    ordered(['role'], [['role', direction]])
      .answers(texts.map(text => [0, text]))[0]!
      .cells.map(([text]) => text);
  const rising = [null, 'B', 'b', 'é', '\uffee', '\u{1f600}'];
  assert.deepEqual(sorted('asc'), rising);
  assert.deepEqual(sorted('desc'), rising.toReversed());
  const numbers = ordered(['slot'], [['slot', 'asc']]).answers([
    [0, '10'],
    [0, '9'],
  ]);
  assert.deepEqual(numbers[0]!.cells, [[9], [10]]);
});

test('what it is ordered by is read, and not answered where nobody asked for it', () => {
  const { text, answers } = ordered(['role'], [['slot', 'desc']]);
  assert.match(text, /`slot` AS c1/);
  const rows = [
    [0, 'low', '1'],
    [0, 'high', '2'],
  ];
  assert.deepEqual(answers(rows)[0]!.cells, [['high'], ['low']]);
});
