// Goldens of radvd's configuration, and words that must never reach it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RaInterface, radvdText } from './radvd.ts';

const ra: RaInterface = {
  device: 'qr-0b0b9b69-e2',
  mtu: 1450,
  managed: false,
  other: true,
  prefixes: [{ cidr: '2001:db8:1::/64', autonomous: true }],
  dnsServers: ['2001:db8::53', '::1', '::ffff:1.2.3.4', 'fe80::1'],
};

test('one interface with resolvers: three to an option, written out in full', () => {
  assert.equal(
    radvdText([ra]),
    `interface qr-0b0b9b69-e2
{
  AdvSendAdvert on;
  MinRtrAdvInterval 30;
  MaxRtrAdvInterval 100;
  AdvLinkMTU 1450;
  AdvOtherConfigFlag on;
  RDNSS 2001:db8:0:0:0:0:0:53 0:0:0:0:0:0:0:1 0:0:0:0:0:ffff:102:304 {};
  RDNSS fe80:0:0:0:0:0:0:1 {};
  prefix 2001:db8:1:0:0:0:0:0/64
  {
    AdvOnLink on;
    AdvAutonomous on;
  };
};
`,
  );
});

test('the time between advertisements', () => {
  assert.match(radvdText([ra], { least: 3, most: 4 }), /MinRtrAdvInterval 3;\n {2}MaxRtrAdvInterval 4;/);
});

test('managed, two interfaces, and no MTU that IPv6 does not take', () => {
  const text = radvdText([
    ra,
    {
      ...ra,
      device: 'qr-0b0b9b69-e3',
      mtu: 1000,
      managed: true,
      other: false,
      dnsServers: [],
      prefixes: [{ cidr: '2001:db8:2::/64', autonomous: false }],
    },
  ]);
  assert.match(
    text,
    /\n};\n\ninterface qr-0b0b9b69-e3\n{\n {2}AdvSendAdvert on;\n {2}MinRtrAdvInterval 30;\n {2}MaxRtrAdvInterval 100;\n {2}AdvManagedFlag on;\n {2}prefix/,
  );
  assert.match(text, /AdvAutonomous off;/);
  assert.equal(radvdText([]), '');
});

for (const [what, over] of Object.entries({
  device: { device: 'qr-x;\n};' },
  'foreign device': { device: 'eth0' },
  prefix: { prefixes: [{ cidr: '2001:db8::/64 { };', autonomous: true }] },
  'IPv4 prefix': { prefixes: [{ cidr: '10.0.0.0/8', autonomous: true }] },
  resolver: { dnsServers: ['2001:db8::53 {}; };\ninterface eth0'] },
  zone: { dnsServers: ['fe80::1%eth0'] },
  MTU: { mtu: 1450.5 },
}))
  test(`a ${what} that is none is refused`, () => assert.throws(() => radvdText([{ ...ra, ...over }]), /not a/));
