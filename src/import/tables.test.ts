// The mappings fit both schemas: what they read is known, and what they write is there and whole.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allTables } from '../model/registry.ts';
import { readTables } from './check.ts';
import { besideOf } from './read.ts';
import { references } from './references.ts';
import { columnsOf } from './schema.ts';
import { derived, mappings } from './tables/all.ts';

const known = (table: string): string[] => columnsOf[table]?.split(' ').filter(c => c !== '|') ?? [];
const kept = (table: string): string[] => columnsOf[table]?.split(' | ')[0]?.split(' ') ?? [];

test('the tables that are read are those whose columns are known, and none of them is said to be derived', () => {
  assert.deepEqual([...readTables(mappings)].sort(), Object.keys(columnsOf).sort());
  assert.deepEqual(
    Object.keys(derived).filter(table => columnsOf[table]),
    [],
  );
});

test('what rows are beside, and what columns name, is there', () => {
  for (const mapping of mappings) {
    const others = besideOf(mapping);
    for (const { table, by, of } of Object.values(others)) {
      assert.ok(known(table).includes(by), `${table}.${by}`);
      assert.ok(known(mapping.from).includes(of), `${mapping.from}.${of}`);
    }
    for (const target of mapping.into)
      for (const path of Object.values(target.columns)) {
        if (typeof path !== 'string' || (target.each && !path.includes('.'))) continue;
        const [first = '', second] = path.split('.');
        const [table, column] = second === undefined ? [mapping.from, first] : [others[first]?.table ?? '', second];
        assert.ok(kept(table).includes(column), `${mapping.from}: ${path}`);
      }
  }
  for (const { table, column, to } of references) {
    assert.ok(known(table).includes(column), `${table}.${column}`);
    assert.ok(columnsOf[to], to);
  }
});

/** Written by no mapping: made by the server as it goes, or counted. */
const ofTheServer = [
  'beginnings',
  'quota_usages',
  'default_security_group_rules',
  'security_groups_default_statefulness',
  'evpn_vnis',
  'external_dns_names',
  'segment_inventories',
  'allocation_changes',
];

test('every table of Weft is written, and every column of it that has to have a value gets one', () => {
  const targets = mappings.flatMap(m => m.into);
  const written = new Set([...targets.map(t => t.table), 'tags', ...ofTheServer]);
  assert.deepEqual(
    allTables.map(t => t.name).filter(name => !written.has(name)),
    [],
  );
  for (const { table, columns } of targets) {
    const def = allTables.find(t => t.name === table);
    assert.ok(def, table);
    for (const name of Object.keys(columns)) assert.ok(def.columns[name], `${table}.${name}`);
    // Rows are found by what is sought, so that has a value even where it may be nothing.
    const wanted = Object.entries(def.columns).filter(([name, c]) => !c.nullable || def.sought?.includes(name));
    const without = wanted.filter(([name, c]) => (c.fill ?? null) === null && !(name in columns));
    assert.deepEqual(
      without.map(([name]) => `${table}.${name}`),
      [],
    );
  }
});
