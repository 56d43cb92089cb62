import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ColumnDef, TableDef } from '../../../model/kit/table.ts';
import { contractions, union } from './expand.ts';

const networks = (columns: Record<string, ColumnDef> = {}, more: Partial<TableDef> = {}): TableDef => ({
  name: 'networks',
  columns: { id: { type: 'text' }, name: { type: 'text', nullable: true }, mtu: { type: 'int', fill: 1500 }, ...columns },
  primaryKey: ['id'],
  unique: [['id', 'mtu']],
  indexes: [['mtu']],
  ...more,
});
const ports: TableDef = { name: 'ports', columns: { id: { type: 'text' } }, primaryKey: ['id'], unique: [['id']] };
const why = (now: readonly TableDef[]): string => contractions([networks()], now).join('; ');

test('what only adds is borne by the version before', () => {
  assert.equal(why([networks(), ports]), '');
  assert.equal(why([networks({ shade: { type: 'text', nullable: true }, size: { type: 'int', fill: 1 } })]), '');
  assert.equal(
    why([
      networks(
        { shade: { type: 'text', nullable: true } },
        {
          unique: [
            ['id', 'mtu'],
            ['shade', 'mtu'],
          ],
        },
      ),
    ]),
    '',
  );
  assert.equal(why([networks({}, { indexes: [['mtu'], ['mtu', 'id']] })]), '');
});

test('what the version before could not bear is said', () => {
  const { name: _name, ...fewer } = networks().columns;
  for (const [now, expected] of [
    [[], /^networks is no longer there$/],
    [[networks({}, { columns: fewer })], /networks\.name is no longer there/],
    [[networks({}, { unique: [] })], /networks \(unique id, mtu\) is no longer there/],
    [[networks({}, { indexes: [] })], /networks \(index mtu\) is no longer there/],
    [[networks({}, { primaryKey: ['mtu'] })], /primary key of networks was/],
    [[networks({ size: { type: 'int' } })], /networks\.size is new, not nullable/],
    [[networks({ mtu: { type: 'text', fill: '' } })], /networks\.mtu was int and is now text/],
    [[networks({ name: { type: 'text', fill: '' } })], /networks\.name is no longer nullable/],
    [[networks({ mtu: { type: 'int', fill: 1500, nullable: true } })], /networks\.mtu became nullable/],
    [[networks({ mtu: { type: 'int', fill: 9000 } })], /networks\.mtu has another value for the rows that were there/],
    [[networks({}, { unique: [['id', 'mtu'], ['name']] })], /networks \(unique name\) is new, and rows of an earlier program may collide/],
    [[networks({ size: { type: 'int', fill: 1 } }, { unique: [['id', 'mtu'], ['size']] })], /networks \(unique size\) is new/],
    [
      [networks({ size: { type: 'int', nullable: true, fill: 1 } }, { unique: [['id', 'mtu'], ['size']] })],
      /networks \(unique size\) is new/,
    ],
    [[networks({}, { indexes: [['mtu'], ['name']] })], /networks\.name is a text in another index than before/],
  ] as const)
    assert.match(why(now), expected);
});

test('two that each have something of their own want both', () => {
  const left = networks({ shade: { type: 'text', nullable: true } }, { indexes: [['mtu'], ['shade']] });
  const right = networks({ size: { type: 'int', fill: 1 } });
  const both = union([left], [right, ports]);
  assert.deepEqual(
    both.map(def => [def.name, Object.keys(def.columns)]),
    [
      ['networks', ['id', 'name', 'mtu', 'shade', 'size']],
      ['ports', ['id']],
    ],
  );
  assert.deepEqual([both[0]!.unique, both[0]!.indexes], [[['id', 'mtu']], [['mtu'], ['shade']]]);
  for (const one of [[left], [right, ports]]) assert.deepEqual(contractions(one, both), []);
});
