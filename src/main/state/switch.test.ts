import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { chooseSwitch } from './switch.ts';

test('a state directory keeps the switch of its first start', t => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-switch-'));
  t.after(() => rmSync(folder, { recursive: true }));
  assert.equal(chooseSwitch(folder, 'openvswitch'), 'openvswitch');
  assert.equal(chooseSwitch(folder, undefined), 'openvswitch');
  assert.throws(() => chooseSwitch(folder, 'linuxbridge'), /have --switch openvswitch.*name another --state-dir/);
  assert.equal(readFileSync(join(folder, 'switch'), 'utf8'), 'openvswitch\n');
  writeFileSync(join(folder, 'switch'), 'hub\n');
  assert.throws(() => chooseSwitch(folder, undefined), /names no switch: "hub"/);
});

test('one without a word about it is new, or has Linux bridges', t => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-switch-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'weft.db'), '');
  assert.throws(() => chooseSwitch(folder, 'openvswitch'), /have --switch linuxbridge/);
  rmSync(join(folder, 'weft.db'));
  assert.equal(chooseSwitch(folder, undefined), 'linuxbridge');
});
