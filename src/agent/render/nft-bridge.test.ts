// The bridge table: text of a port's chain, and every state reached from every other in one transaction each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simHost } from '../../adapters/host/sim-host.ts';
import { bridgeTableDelta, type Cut, type DesiredBridgeTable, desiredTable } from './nft-bridge.ts';
import { parseBridgeTable } from './nft-listing.ts';
import { spoofRules } from './nft-port.ts';
import { compilePort, type PortSecurity, type WirePort } from './security-port.ts';

const tableName = 'neutron-linuxbri';

const port = (n: number, fields: Partial<WirePort> = {}): PortSecurity =>
  compilePort({
    id: `${String(n).repeat(8)}-aaaa-4000-8000-000000000000`,
    device: `tap${String(n).repeat(8)}-aa`,
    mac_address: `fa:16:3e:00:00:0${n}`,
    fixed_ips: [`10.0.0.${n}`, `2001:db8::${n}`],
    allowed_address_pairs: [],
    rules: [],
    ...fields,
  });

test('what a port may say at layer 2', () => {
  assert.deepEqual(
    spoofRules(
      port(1, {
        allowed_address_pairs: [{ mac_address: 'fa:16:3e:00:00:99', ip_address: '2001:db8:9::/48' }, { ip_address: '10.9.0.0/16' }],
      }),
    ),
    [
      'ether saddr != { fa:16:3e:00:00:01, fa:16:3e:00:00:99 } drop',
      'jump every-port',
      'ether type arp arp saddr ether fa:16:3e:00:00:01 arp saddr ip 10.9.0.0/16 accept',
      'ether type arp arp saddr ether fa:16:3e:00:00:01 arp saddr ip 10.0.0.1 accept',
      'ether type arp arp saddr ether fa:16:3e:00:00:01 arp saddr ip 0.0.0.0 arp operation request arp daddr ip 10.9.0.0/16 accept',
      'ether type arp arp saddr ether fa:16:3e:00:00:01 arp saddr ip 0.0.0.0 arp operation request arp daddr ip 10.0.0.1 accept',
      'ether type arp drop',
      'ether type ip udp dport 67 @th,288,48 0xfa163e000001 accept',
      'ether type ip udp dport 67 @th,288,48 0xfa163e000099 accept',
      'ether type ip udp dport 67 drop',
      'icmpv6 type 133 ip6 length 8 accept',
      'icmpv6 type 133 ip6 length 16 @th,64,16 0x0101 @th,80,48 0xfa163e000001 accept',
      'icmpv6 type 133 ip6 length 16 @th,64,16 0x0101 @th,80,48 0xfa163e000099 accept',
      'icmpv6 type 133 drop',
      ...[
        '& 0xffffffffffff00000000000000000000 == 0x20010db8000900000000000000000000',
        '0x20010db8000000000000000000000001',
        '0xfe80000000000000f8163efffe000001',
        '0xfe80000000000000f8163efffe000099',
      ].flatMap(target => [
        `icmpv6 type 135 ip6 saddr :: @th,64,128 ${target} ip6 length 24 accept`,
        `icmpv6 type 135 ip6 saddr :: @th,64,128 ${target} ip6 length 32 @th,192,16 0x0e01 accept`,
      ]),
      'icmpv6 type 135 ip6 saddr :: drop',
      'icmpv6 type 135 ip6 length 24 accept',
      'icmpv6 type 135 ip6 length 32 @th,192,16 0x0e01 accept',
      'icmpv6 type 135 ip6 length 32 @th,192,16 0x0101 @th,208,48 0xfa163e000001 accept',
      'icmpv6 type 135 ip6 length 32 @th,192,16 0x0101 @th,208,48 0xfa163e000099 accept',
      'icmpv6 type 135 drop',
      'icmpv6 type 136 ip6 length 24 @th,64,128 & 0xffffffffffff00000000000000000000 == 0x20010db8000900000000000000000000 accept'.replace(
        '0x20010db8',
        '0x20010db8',
      ),
      'icmpv6 type 136 ip6 length 32 @th,64,128 & 0xffffffffffff00000000000000000000 == 0x20010db8000900000000000000000000 @th,192,16 0x0201 @th,208,48 0xfa163e000099 accept',
      'icmpv6 type 136 ip6 length 24 @th,64,128 0x20010db8000000000000000000000001 accept',
      'icmpv6 type 136 ip6 length 32 @th,64,128 0x20010db8000000000000000000000001 @th,192,16 0x0201 @th,208,48 0xfa163e000001 accept',
      'icmpv6 type 136 ip6 length 24 @th,64,128 0xfe80000000000000f8163efffe000001 accept',
      'icmpv6 type 136 ip6 length 32 @th,64,128 0xfe80000000000000f8163efffe000001 @th,192,16 0x0201 @th,208,48 0xfa163e000001 accept',
      'icmpv6 type 136 ip6 length 24 @th,64,128 0xfe80000000000000f8163efffe000099 accept',
      'icmpv6 type 136 ip6 length 32 @th,64,128 0xfe80000000000000f8163efffe000099 @th,192,16 0x0201 @th,208,48 0xfa163e000099 accept',
      'icmpv6 type 136 drop',
      'accept',
    ],
  );
});

test('a pair with the whole of a family lifts the address, never the MAC', () => {
  const text = spoofRules(port(1, { allowed_address_pairs: [{ ip_address: '0.0.0.0/0' }, { ip_address: '::/0' }] })).join('\n');
  assert.match(text, /^ether type arp arp saddr ether fa:16:3e:00:00:01 accept$/m);
  assert.match(text, /^icmpv6 type 136 ip6 length 32 @th,192,16 0x0201 @th,208,48 0xfa163e000001 accept$/m);
});

const cut: Cut = {
  way: 'from',
  family: 4,
  device: 'tap11111111-aa',
  began: 'ingress',
  src: '10.0.0.1',
  srcPort: 22,
  dst: '10.0.0.9',
  dstPort: 40_000,
};
const cut6: Cut = {
  way: 'to',
  family: 6,
  device: 'tap11111111-aa',
  began: 'egress',
  src: '2001:db8::9',
  srcPort: 80,
  dst: '2001:db8::1',
  dstPort: 40_000,
};
const of = (
  ports: readonly PortSecurity[],
  more: { open?: string[]; foreign?: string[]; nohost?: string[]; wires?: string[]; cuts?: Cut[] } = {},
): DesiredBridgeTable =>
  desiredTable({
    admitted: [...ports.map(p => p.device), ...(more.open ?? [])],
    foreign: more.foreign ?? [],
    nohost: more.nohost ?? [],
    wires: more.wires ?? [],
    guarded: ports,
    cuts: more.cuts ?? [],
  });

const states: Record<string, DesiredBridgeTable> = {
  empty: of([]),
  two: of([port(1), port(2)], { nohost: ['tap11111111-aa', 'vxlan-7'], wires: ['eth1'] }),
  'changed address': of([port(1, { fixed_ips: ['10.0.0.3'] }), port(2)], { foreign: ['tap0'], wires: ['eth1', 'eno1@x'] }),
  'port security off': of([port(2)], { open: ['tap11111111-aa'] }),
  cut: of([port(1)], { cuts: [cut, cut6] }),
  'many open': of([], { open: Array.from({ length: 40 }, (_, i) => `tap${String(i).padStart(8, '0')}-bb`) }),
};

for (const [from, a] of Object.entries(states)) {
  for (const [to, b] of Object.entries(states)) {
    test(`${from} → ${to}`, async () => {
      const { nft } = simHost();
      const actual = async () => {
        const text = await nft.listTable('', 'bridge', tableName);
        return text === undefined ? undefined : parseBridgeTable(text);
      };
      for (const state of [a, b]) {
        const script = bridgeTableDelta(tableName, await actual(), state);
        if (script !== '') await nft.apply('', script);
      }
      const { rules: _, ...wanted } = b;
      const found = (await actual())!;
      const sorted = (t: typeof found) => ({
        ...t,
        admitted: [...t.admitted].sort(),
        foreign: [...t.foreign].sort(),
        nohost: [...t.nohost].sort(),
        wires: [...t.wires].sort(),
        guarded: [...t.guarded].sort(),
        cuts: [...t.cuts].sort(),
      });
      assert.deepEqual(sorted(found), sorted(wanted));
      assert.equal(bridgeTableDelta(tableName, found, b), '', 'and then there is nothing to do');
    });
  }
}

test('a table of another layout is replaced in one transaction', () => {
  const script = bridgeTableDelta(tableName, { ...states['two']!, layout: 'layout-0' }, states['two']!);
  assert.match(script, /^delete table bridge neutron-linuxbri\ntable bridge neutron-linuxbri \{/);
  assert.match(script, /add element bridge neutron-linuxbri admitted \{ "tap11111111-aa", "tap22222222-aa" \}/);
});
