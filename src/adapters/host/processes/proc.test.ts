// Which running command line is the one that was asked for.
import assert from 'node:assert/strict';
import test from 'node:test';
import { sameCommand, sameProgram } from './proc.ts';

const wanted = ['dnsmasq', '--pid-file=/x'];

test('the same list, by any path, or behind an interpreter', () => {
  assert.ok(sameCommand(wanted, wanted));
  assert.ok(sameCommand(['/usr/sbin/dnsmasq', '--pid-file=/x'], wanted));
  assert.ok(sameCommand(['/usr/bin/python3', '-u', '/opt/dnsmasq', '--pid-file=/x'], wanted));
});

test('not with other, more or fewer arguments, nor still behind ip netns exec', () => {
  assert.ok(!sameCommand(['dnsmasq', '--pid-file=/y'], wanted));
  assert.ok(!sameCommand(['dnsmasq'], wanted));
  assert.ok(!sameCommand([], wanted));
  assert.ok(!sameCommand([...wanted, '--more'], wanted));
  assert.ok(!sameCommand(['ip', 'netns', 'exec', 'n1', ...wanted], wanted));
  assert.ok(sameProgram(['/usr/sbin/dnsmasq', '--other'], wanted));
  assert.ok(!sameProgram(['cat'], wanted));
});
