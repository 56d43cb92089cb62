import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { knownColumns } from './replica.ts';
import { simSchema } from './sim-schema.ts';
import { columnType } from './values.ts';

const installed = '/usr/share/openvswitch/vswitch.ovsschema';

test('what is simulated of the schema is what the installed one says', { skip: !existsSync(installed) && `no ${installed}` }, () => {
  const real = JSON.parse(readFileSync(installed, 'utf8')) as typeof simSchema;
  for (const [table, { columns, ...rest }] of Object.entries(simSchema.tables)) {
    const { columns: theirs, ...realRest } = real.tables[table]!;
    assert.deepEqual(rest, realRest, table);
    for (const [name, { type, ...more }] of Object.entries(columns)) {
      const { type: realType, ...realMore } = theirs[name]!;
      assert.deepEqual([columnType(type), more], [columnType(realType), realMore], `${table}.${name}`);
      const limits = (of: unknown): unknown => (typeof of === 'string' ? { type: of } : of);
      const key = (of: unknown): unknown => limits(typeof of === 'string' ? of : (of as { key: unknown }).key);
      const { refTable: _, ...ours } = key(type) as { refTable?: string };
      const { refTable: __, ...realKey } = key(realType) as { refTable?: string };
      assert.deepEqual([ours, _], [realKey, __], `${table}.${name}`);
    }
  }
});

test('a schema in which a column is something else is refused by its name', () => {
  const other = structuredClone(simSchema) as { tables: Record<string, { columns: Record<string, object> }> };
  other.tables['Port']!.columns['tag'] = { type: 'string' };
  assert.throws(() => knownColumns(other), /Port\.tag is something else/);
  delete other.tables['Port']!.columns['tag'];
  assert.equal(knownColumns(other).Port.has('tag'), false);
  for (const junk of [null, 5, {}, { tables: { Port: { columns: { tag: { type: 'junk' } } } } }, { tables: { Port: 5 } }])
    assert.throws(() => knownColumns(junk));
});
