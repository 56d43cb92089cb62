import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWhole, readOptions } from './options.ts';

test('without options it is the whole; what is left out or made smaller is not', () => {
  assert.deepEqual([readOptions([]).hosts, readOptions([]).members, readOptions([]).shape], [1000, 5000, 'mariadb']);
  assert.ok(isWhole(readOptions([])));
  for (const args of [['--hosts', '999'], ['--members=4999'], ['--rounds', '2'], ['--no-wires'], ['--node-option=--cpu-prof']])
    assert.ok(!isWhole(readOptions(args)), args.join(' '));
});

test('hosts may all be of one kind', () => assert.equal(readOptions(['--switches', '0']).switches, 0));

test('what cannot be is refused in words', () => {
  assert.throws(() => readOptions(['--shape', 'oracle']), /no shape oracle: embedded, mariadb, postgres/);
  assert.throws(() => readOptions(['--hosts', '-1']), /--hosts/);
  assert.throws(() => readOptions(['--members', '1.5']), /--members 1.5: a whole number is wanted/);
});
