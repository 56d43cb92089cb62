import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ovsdbAddress } from './address.ts';

test('connections as Open vSwitch writes them', () => {
  assert.deepEqual(ovsdbAddress('unix:/run/openvswitch/db.sock'), { kind: 'unix', path: '/run/openvswitch/db.sock' });
  assert.deepEqual(ovsdbAddress('tcp:127.0.0.1:6640'), { kind: 'tcp', host: '127.0.0.1', port: 6640 });
  assert.deepEqual(ovsdbAddress('tcp:127.0.0.1'), { kind: 'tcp', host: '127.0.0.1', port: 6640 });
  assert.deepEqual(ovsdbAddress('ssl:[fd00::1]:6641'), { kind: 'ssl', host: 'fd00::1', port: 6641 });
  assert.deepEqual(ovsdbAddress('ssl:db.example.net:6641'), { kind: 'ssl', host: 'db.example.net', port: 6641 });
});

test('anything else is refused with the forms that there are', () => {
  for (const text of [
    '',
    'unix:',
    'unix:db.sock',
    'tcp:',
    'tcp:fd00::1:6640',
    'tcp:h:0',
    'tcp:h:65536',
    'tcp:h:x',
    'ptcp:6640',
    'tcp:a b',
    'h:1',
  ])
    assert.throws(() => ovsdbAddress(text), /is no connection: unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT/, text);
});
