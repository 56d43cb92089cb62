import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAddresses } from './address-groups.ts';

test('addresses are masked, complete and named once', () => {
  const addresses = ['10.0.0.1', '10.0.0.1/32', '10.1.2.3/8', '2001:DB8::1', '2001:db8::/32'];
  assert.deepEqual(readAddresses({ addresses }), ['10.0.0.1/32', '10.0.0.0/8', '2001:db8::1/128', '2001:db8::/32']);
  assert.deepEqual(readAddresses({ addresses: [] }), []);
});

test('what is no list of addresses is refused', () => {
  for (const body of [undefined, null, {}, { addresses: '10.0.0.1' }, { addresses: null }, { address_group: { addresses: [] } }])
    assert.throws(() => readAddresses(body), { type: 'HTTPBadRequest', message: "Unable to find 'addresses' in request body" });
  for (const wrong of ['zz', 5, null, '10.0.0.1/33', ''])
    assert.throws(() => readAddresses({ addresses: [wrong] }), { type: 'AddrFormatError', message: /^invalid IPNetwork/ });
  assert.throws(() => readAddresses({ addresses: Array.from({ length: 1001 }, () => '10.0.0.1') }), { type: 'HTTPBadRequest' });
});
