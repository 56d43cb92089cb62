import assert from 'node:assert/strict';
import test from 'node:test';
import { reverseOf, zoneOf } from './dns-zones.ts';

test('a name is in the innermost zone around it', () => {
  const zones = ['example.', 'cloud.example.'];
  assert.equal(zoneOf('web.cloud.example.', zones), 'cloud.example.');
  assert.equal(zoneOf('cloud.example.', zones), 'cloud.example.');
  assert.equal(zoneOf('web.example.', zones), 'example.');
  assert.equal(zoneOf('web.badexample.', zones), undefined);
});

test('reverse names and their zones', () => {
  const prefixes = { ipv4: 24, ipv6: 64 };
  assert.deepEqual(reverseOf('10.1.2.3', prefixes), { name: '3.2.1.10.in-addr.arpa.', zone: '2.1.10.in-addr.arpa.' });
  assert.deepEqual(reverseOf('2001:db8::5', prefixes), {
    name: '5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.',
    zone: '0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.',
  });
  assert.equal(reverseOf('nonsense', prefixes), undefined);
});
