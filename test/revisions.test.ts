// The history of the database says all that the model says, and no revision takes anything away from the version before it.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { contractions } from '../src/adapters/store-sql/common/expand.ts';
import { history, historyFolder, readHistory } from '../src/main/db/history.ts';
import { tablesOf } from '../src/model/kit/revision.ts';
import type { TableDef } from '../src/model/kit/table.ts';
import { allTables } from '../src/model/registry.ts';
import { nextRevision, revisionText } from './revisions/next.ts';

test('the tables of the model are those of the history: after a change, npm run revision NAME', () => {
  const { revision, refusals } = nextRevision(history(), allTables, 'next');
  assert.deepEqual(refusals, [], 'servers of the version before could not go on');
  assert.deepEqual(revision?.adds ?? [], [], 'npm run revision NAME writes what is missing');
});

test('each revision can be borne by servers of the one before', () => {
  assert.ok(history().length > 0);
  for (let n = 1; n < history().length; n++)
    assert.deepEqual(contractions(tablesOf(history().slice(0, n)), tablesOf(history().slice(0, n + 1))), [], history()[n]!.name);
});

test('what the model gains is a revision; what it loses is refused', () => {
  const [first, ...others] = allTables as [TableDef, ...TableDef[]];
  const wider: TableDef = {
    ...first,
    columns: { ...first.columns, shade: { type: 'text', nullable: true } },
    indexes: [...(first.indexes ?? []), ['shade']],
  };
  const { revision, refusals } = nextRevision(history(), [wider, ...others], 'shades');
  assert.deepEqual(refusals, []);
  assert.deepEqual(revision?.adds, [{ name: first.name, columns: { shade: { type: 'text', nullable: true } }, indexes: [['shade']] }]);
  assert.match(revision?.name ?? '', /^\d{4}-shades$/);
  assert.match(nextRevision(history(), others, 'x').refusals.join(), /networks is no longer there/);
});

test('a revision that was changed afterwards, or written beside another, is seen', t => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-revisions-'));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(historyFolder, folder, { recursive: true });
  assert.deepEqual(readHistory(folder), history());
  const { revision } = nextRevision(
    history(),
    [...allTables, { name: 'comets', columns: { id: { type: 'text' } }, primaryKey: ['id'] }],
    'comets',
  );
  const next = join(folder, `${revision!.name}.json`);
  writeFileSync(next, revisionText(revision!));
  assert.deepEqual(readHistory(folder).at(-1), revision);
  writeFileSync(next.replace('comets', 'stars'), revisionText(revision!));
  assert.throws(() => readHistory(folder), /stars\.json: the next revision begins with/);
  rmSync(next.replace('comets', 'stars'));
  const initial = join(folder, '0001-initial.json');
  writeFileSync(initial, readFileSync(initial, 'utf8').replace('"fill":true', '"fill":false'));
  assert.throws(() => readHistory(folder), /0001-initial\.json: its id is not that of its contents/);
});
