import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWhole, readOptions, wants } from './options.ts';

test('with nothing said all is measured, and the result may stand in the document', () => {
  const options = readOptions([]);
  assert.deepEqual(
    [options.seconds, options.clients, options.rounds, options.ports, options.burst, options.tokens],
    [8, 8, 3, 1000, 250, 1000],
  );
  assert.deepEqual(options.shapes, ['embedded', 'mariadb', 'postgres']);
  assert.ok(isWhole(options) && wants(options, 'anything'));
  assert.ok(isWhole(readOptions(['--rounds', '5', '--limits', '--json', 'x'])));
});

test('what is left out or shortened may not', () => {
  for (const args of [
    ['--seconds', '1'],
    ['--rounds', '1'],
    ['--no-peer'],
    ['--shape', 'embedded'],
    ['--only', 'list'],
    ['--ports', '10'],
    ['--node-option=--cpu-prof'],
  ])
    assert.ok(!isWhole(readOptions(args)), args.join(' '));
});

test('parts of names', () => {
  const options = readOptions(['--only', 'list of', '--only', 'burst']);
  assert.ok(wants(options, 'list of a network') && wants(options, 'burst') && !wants(options, 'port show'));
});

test('what cannot be is refused in words', () => {
  for (const [args, words] of [
    [['--seconds', '0'], /--seconds 0: a number above 0 is wanted/],
    [['--seconds', 'x'], /--seconds x/],
    [['--rounds', '1.5'], /--rounds 1.5: a whole number is wanted/],
    [['--shape', 'sqlite'], /there is no shape sqlite: embedded, mariadb, postgres/],
    [['--nothing'], /Unknown option '--nothing'/],
  ] as const)
    assert.throws(() => readOptions(args), words);
});
