import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePublication } from './publish.ts';

test('a publication names a loopback port and where it leads', () => {
  assert.deepEqual(parsePublication('8080=172.24.4.10:80'), { address: '127.0.0.1', port: 8080, toAddress: '172.24.4.10', toPort: 80 });
  assert.deepEqual(parsePublication('1=[2001:db8::10]:65535'), { address: '127.0.0.1', port: 1, toAddress: '2001:db8::10', toPort: 65535 });
});

for (const text of [
  '8080',
  '8080=80',
  '0=1.2.3.4:80',
  '70000=1.2.3.4:80',
  '80=1.2.3.4:0',
  '80=host:80',
  '80=2001:db8::1:80',
  '80=[1.2.3.4]:80',
  '80=1.2.3.4 5:80',
])
  test(`${JSON.stringify(text)} is refused with an example`, () => assert.throws(() => parsePublication(text), /such as 8080=/));
