import assert from 'node:assert/strict';
import test from 'node:test';
import { normalizePairs } from './allowed-address-pairs.ts';
import { ApiError } from './errors.ts';
import { isOptionName, isOptionValue, normalizeDhcpOpts } from './extra-dhcp-opts.ts';

function refused(type: string, message: RegExp, run: () => unknown): void {
  assert.throws(run, error => {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.type, type, error.message);
    assert.match(error.message, message);
    return true;
  });
}

const options = { max: 10, mac: 'fa:16:3e:00:00:01' };

test('address pairs', () => {
  assert.deepEqual(
    normalizePairs([{ ip_address: '10.9.9.9' }, { ip_address: '2001:DB8::/32', mac_address: 'FA-16-3E-01-02-03' }], options),
    [
      { mac_address: options.mac, ip_address: '10.9.9.9' },
      { mac_address: 'fa:16:3e:01:02:03', ip_address: '2001:db8::/32' },
    ],
  );
  assert.deepEqual(normalizePairs(undefined, options), []);
  assert.equal(normalizePairs([{ ip_address: '0.0.0.0/0' }], options)[0]?.ip_address, '0.0.0.0/0');
  refused('DuplicateAddressPairInRequest', /^Request contains duplicate address pair: mac_address None ip_address 10\.9\.9\.9\.$/, () =>
    normalizePairs([{ ip_address: '10.9.9.9' }, { ip_address: '10.9.9.9' }], options),
  );
  refused('DuplicateAddressPairInRequest', /duplicate/, () =>
    normalizePairs([{ ip_address: '10.9.9.9' }, { ip_address: '10.9.9.9', mac_address: options.mac }], options),
  );
  refused('AllowedAddressPairsMissingIP', /must contain ip_address/, () => normalizePairs([{ mac_address: 'fa:16:3e:01:02:03' }], options));
  refused('HTTPBadRequest', /^'bad' is not a valid IP address$/, () => normalizePairs([{ ip_address: 'bad' }], options));
  refused('HTTPBadRequest', /'10\.0\.0\.0\/24' is recommended/, () => normalizePairs([{ ip_address: '10.0.0.1/24' }], options));
  refused('HTTPBadRequest', /is not a valid MAC address/, () => normalizePairs([{ ip_address: '10.0.0.1', mac_address: 'x' }], options));
  refused('HTTPBadRequest', /multicast/, () => normalizePairs([{ ip_address: '224.0.0.1' }], options));
  refused('HTTPBadRequest', /Unrecognized attribute\(s\) 'foo'/, () => normalizePairs([{ ip_address: '10.0.0.1', foo: 1 }], options));
  refused('HTTPBadRequest', /is not a dictionary/, () => normalizePairs([null], options));
  const eleven = Array.from({ length: 11 }, (_, i) => ({ ip_address: `10.0.0.${i}` }));
  refused('AllowedAddressPairExhausted', /exceeds the maximum 10/, () => normalizePairs(eleven, options));
  assert.equal(normalizePairs(eleven.slice(1), options).length, 10);
});

test('DHCP options: set, changed, removed', () => {
  const first = normalizeDhcpOpts(
    [
      { opt_name: 'bootfile-name', opt_value: 'pxe.0' },
      { opt_name: 'mtu', opt_value: '1400', ip_version: '6' },
    ],
    [],
  );
  assert.deepEqual(first, [
    { ip_version: 4, opt_name: 'bootfile-name', opt_value: 'pxe.0' },
    { ip_version: 6, opt_name: 'mtu', opt_value: '1400' },
  ]);
  const second = normalizeDhcpOpts(
    [
      { opt_name: 'bootfile-name', opt_value: null },
      { opt_name: 'mtu', opt_value: '1300', ip_version: 6 },
    ],
    first,
  );
  assert.deepEqual(second, [{ ip_version: 6, opt_name: 'mtu', opt_value: '1300' }]);
  assert.deepEqual(normalizeDhcpOpts(undefined, first), first);
  assert.equal(normalizeDhcpOpts([{ opt_name: 'router', opt_value: '' }], [])[0]?.opt_value, '');
  refused('InvalidInput', /No valid key specs matched for: \{'opt_value': 'x'\}\.$/, () => normalizeDhcpOpts([{ opt_value: 'x' }], []));
  refused('InvalidInput', /No valid key specs/, () => normalizeDhcpOpts([{ opt_name: 'mtu', opt_value: '' }], []));
  refused('InvalidInput', /No valid key specs/, () => normalizeDhcpOpts([{ opt_name: 'mtu', opt_value: 'x', ip_version: 5 }], []));
});

test('DHCP options: nothing that could become another line of a configuration', () => {
  for (const bad of ['a\nb', 'a\rb', 'a\0b', 'a\u2028b', 'a\u0085b', '\x1b[0m', 'x'.repeat(256), '\ud800']) {
    assert.ok(!isOptionValue(bad), JSON.stringify(bad));
    refused('InvalidInput', /DHCP option mtu/, () => normalizeDhcpOpts([{ opt_name: 'mtu', opt_value: bad }], []));
  }
  for (const bad of ['a b', 'a\nb', 'mtu=1', 'x'.repeat(65), 'a,,b', 'é', '$(id)']) {
    assert.ok(!isOptionName(bad), bad);
    refused('InvalidInput', /is not a valid name/, () => normalizeDhcpOpts([{ opt_name: bad, opt_value: 'x' }], []));
  }
  for (const good of ['bootfile-name', '67', 'tag:!ipxe,67', 'option6:59', '!175,67']) assert.ok(isOptionName(good), good);
});
