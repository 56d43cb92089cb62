// The chains of a port as text, and the promise that any rules that compile make chains that differ only in their permissions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linuxbridgeNames } from './iptables-names.ts';
import { closedChains, portChains } from './iptables-port.ts';
import { compilePort, type WirePort } from './security-port.ts';
import { BadRule, type WireRule } from './security-rules.ts';

const wire = (fields: Partial<WirePort> = {}): WirePort => ({
  id: 'fc6d9ce1-f469-4735-9d79-dcc98c4c26c6',
  device: 'tapfc6d9ce1-f4',
  mac_address: 'FA:16:3E:56:49:45',
  fixed_ips: ['10.50.0.227', '2001:db8::227'],
  allowed_address_pairs: [],
  rules: [],
  ...fields,
});

const printed = (port: WirePort, family: 4 | 6): string =>
  [...portChains(linuxbridgeNames, compilePort(port), family)]
    .flatMap(([chain, rules]) => rules.map(r => `${chain.slice(17, 18)}: ${r.replace(/-m comment --comment "[^"]*" /, '')}`))
    .join('\n');

const rules: WireRule[] = [
  { direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 22, port_range_max: 22, source_ip_prefix: '192.0.2.0/24' },
  { direction: 'ingress', ethertype: 'IPv4', protocol: 'udp', port_range_min: 1000, port_range_max: 2000 },
  { direction: 'ingress', ethertype: 'IPv4', remote_group_id: 'fe4f52c7-ab8e-4c88-a606-b012618227f7' },
  { direction: 'ingress', ethertype: 'IPv4', protocol: 'icmp', port_range_min: 8 },
  { direction: 'ingress', ethertype: 'IPv4', protocol: 'vrrp' },
  { direction: 'egress', ethertype: 'IPv4' },
  { direction: 'egress', ethertype: 'IPv6', protocol: 'sctp', port_range_min: 7, port_range_max: 7 },
  {
    direction: 'egress',
    ethertype: 'IPv6',
    protocol: 'tcp',
    port_range_min: 1,
    port_range_max: 65_535,
    remote_group_id: 'fe4f52c7-ab8e-4c88-a606-b012618227f7',
  },
];

test('IPv4', () => {
  assert.equal(
    printed(wire({ rules }), 4),
    `i: -m state --state RELATED,ESTABLISHED -j RETURN
i: -s 192.0.2.0/24 -p tcp -m tcp --dport 22 -j RETURN
i: -p udp -m multiport --dports 1000:2000 -j RETURN
i: -m set --match-set NIPv4fe4f52c7-ab8e-4c88-a606- src -j RETURN
i: -p icmp -m icmp --icmp-type 8 -j RETURN
i: -p 112 -j RETURN
i: -m state --state INVALID -j DROP
i: -j neutron-linuxbri-sg-fallback
o: -s 0.0.0.0/32 -d 255.255.255.255/32 -p udp -m udp --sport 68 --dport 67 -j RETURN
o: -j neutron-linuxbri-sfc6d9ce1-f
o: -p udp -m udp --sport 68 --dport 67 -j RETURN
o: -p udp -m udp --sport 67 --dport 68 -j DROP
o: -m state --state RELATED,ESTABLISHED -j RETURN
o: -j RETURN
o: -m state --state INVALID -j DROP
o: -j neutron-linuxbri-sg-fallback
s: -s 10.50.0.227/32 -m mac --mac-source fa:16:3e:56:49:45 -j RETURN
s: -j DROP`,
  );
});

test('IPv6', () => {
  const egressTypes = [130, 131, 132, 133, 135, 136, 143].map(t => `o: -p ipv6-icmp -m icmp6 --icmpv6-type ${t} -j RETURN`).join('\n');
  assert.equal(
    printed(wire({ rules }), 6),
    `i: -m state --state RELATED,ESTABLISHED -j RETURN
i: -p ipv6-icmp -m icmp6 --icmpv6-type 130 -j RETURN
i: -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j RETURN
i: -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j RETURN
i: -m state --state INVALID -j DROP
i: -j neutron-linuxbri-sg-fallback
o: -s ::/128 -d ff02::/16 -p ipv6-icmp -m icmp6 --icmpv6-type 131 -j RETURN
o: -s ::/128 -d ff02::/16 -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j RETURN
o: -s ::/128 -d ff02::/16 -p ipv6-icmp -m icmp6 --icmpv6-type 143 -j RETURN
o: -j neutron-linuxbri-sfc6d9ce1-f
o: -p ipv6-icmp -m icmp6 --icmpv6-type 134 -j DROP
${egressTypes}
o: -p udp -m udp --sport 546 --dport 547 -j RETURN
o: -p udp -m udp --sport 547 --dport 546 -j DROP
o: -m state --state RELATED,ESTABLISHED -j RETURN
o: -p sctp -m multiport --dports 7 -j RETURN
o: -p tcp -m set --match-set NIPv6fe4f52c7-ab8e-4c88-a606- dst -m multiport --dports 1:65535 -j RETURN
o: -m state --state INVALID -j DROP
o: -j neutron-linuxbri-sg-fallback
s: -s 2001:db8::227/128 -m mac --mac-source fa:16:3e:56:49:45 -j RETURN
s: -s fe80::f816:3eff:fe56:4945/128 -m mac --mac-source fa:16:3e:56:49:45 -j RETURN
s: -j DROP`,
  );
});

test('allowed address pairs: their own MAC, a whole family, the link-local address of a MAC with an IPv6 pair', () => {
  const port = wire({
    allowed_address_pairs: [
      { ip_address: '10.9.0.0/16' },
      { mac_address: 'fa:16:3e:00:00:99', ip_address: '2001:db8:9::1' },
      { ip_address: '0.0.0.0/0' },
      { mac_address: 'fa:16:3e:00:00:99', ip_address: '10.50.0.227' },
    ],
  });
  const spoof = (family: 4 | 6): string[] =>
    printed(port, family)
      .split('\n')
      .filter(l => l.startsWith('s:'));
  assert.deepEqual(spoof(4), [
    's: -s 10.9.0.0/16 -m mac --mac-source fa:16:3e:56:49:45 -j RETURN',
    's: -m mac --mac-source fa:16:3e:56:49:45 -j RETURN',
    's: -s 10.50.0.227/32 -m mac --mac-source fa:16:3e:00:00:99 -j RETURN',
    's: -s 10.50.0.227/32 -m mac --mac-source fa:16:3e:56:49:45 -j RETURN',
    's: -j DROP',
  ]);
  assert.ok(spoof(6).includes('s: -s fe80::f816:3eff:fe00:99/128 -m mac --mac-source fa:16:3e:00:00:99 -j RETURN'));
});

test('a port without addresses is bound to its MAC; one of the other family only to its link-local address', () => {
  assert.ok(printed(wire({ fixed_ips: [] }), 4).includes('s: -m mac --mac-source fa:16:3e:56:49:45 -j RETURN'));
  const v6 = printed(wire({ fixed_ips: ['10.50.0.227'] }), 6)
    .split('\n')
    .filter(l => l.startsWith('s:'));
  assert.deepEqual(v6, ['s: -s fe80::f816:3eff:fe56:4945/128 -m mac --mac-source fa:16:3e:56:49:45 -j RETURN', 's: -j DROP']);
});

test('stateless groups ask for no state', () => {
  const text = printed(wire({ rules: rules.map(r => ({ ...r, stateful: false })) }), 4);
  assert.doesNotMatch(text, /--state/);
  assert.match(text, /--dport 22 -j RETURN/);
});

test('a closed port drops all, in every chain that it has', () => {
  for (const chain of closedChains(linuxbridgeNames, 'fc6d9ce1-f469').values())
    assert.match(chain.join('\n'), /^-m comment --comment "[^"]*" -j neutron-linuxbri-sg-fallback$/);
});

test('a port whose own fields make no sense does not compile', () => {
  const bad: Partial<WirePort>[] = [
    { mac_address: 'fa:16:3e' },
    { mac_address: '01:00:5e:00:00:01' },
    { mac_address: null },
    { fixed_ips: ['10.0.0'] },
    { allowed_address_pairs: [{ ip_address: '10.0.0.0/8 -j ACCEPT' }] },
    { allowed_address_pairs: [{}] },
    { allowed_address_pairs: [{ ip_address: '10.0.0.0/8', mac_address: 'x' }] },
  ];
  for (const fields of bad) assert.throws(() => compilePort(wire(fields)), BadRule, JSON.stringify(fields));
});

/** mulberry32, so that a failure can be repeated. */
function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

test('any two sets of rules compile together, each line in a form that iptables-save prints (2000 pairs)', () => {
  const next = random(20_190_101);
  const pick = <T>(all: readonly T[]): T => all[Math.floor(next() * all.length)]!;
  const rule = (): WireRule => {
    const ethertype = pick(['IPv4', 'IPv6']);
    const protocol = pick(['tcp', 'udp', 'sctp', 'udplite', 'dccp', 'icmp', 'vrrp', 'esp', '112', 17, null, 'any']);
    const low = Math.floor(next() * 65_536);
    const ports = { port_range_min: low, port_range_max: low + Math.floor(next() * (65_536 - low)) };
    const hasPorts = ['tcp', 'udp', 'sctp', 'udplite', 'dccp', 17].includes(protocol ?? '') && next() < 0.7;
    const prefix = ethertype === 'IPv4' ? `${low & 255}.${low >> 8}.0.0/${low % 33}` : `fd00:${low.toString(16)}::/${low % 129}`;
    return {
      direction: pick(['ingress', 'egress']),
      ethertype,
      protocol,
      ...(hasPorts ? ports : {}),
      ...(protocol === 'icmp' && next() < 0.5 ? { port_range_min: low % 256, ...(next() < 0.5 ? { port_range_max: low >> 8 } : {}) } : {}),
      ...(next() < 0.4 ? { source_ip_prefix: prefix } : {}),
      ...(next() < 0.2 ? { remote_group_id: `fe4f52c7-ab8e-4c88-a606-b0126182${String(low).padStart(5, '0').slice(0, 4)}` } : {}),
    };
  };
  const set = (): WireRule[] => Array.from({ length: Math.floor(next() * 8) }, rule);
  const form =
    /^(-s \S+ )?(-d \S+ )?(-p \S+ )?(-m set --match-set NIPv[46][0-9a-f-]{1,24} (src|dst) )?(-m (tcp|udp)( --sport \d+)?( --dport \d+)? |-m icmp6? --icmp(v6)?-type \d+(\/\d+)? )?(-m multiport --[sd]ports \d+(:\d+)? )*-j RETURN$/;
  for (let i = 0; i < 2000; i++) {
    const port = compilePort(wire({ rules: [...set(), ...set()] }));
    for (const family of [4, 6] as const) {
      const [ingress = [], egress = []] = [...portChains(linuxbridgeNames, port, family).values()];
      for (const line of [...ingress, ...egress].filter(l => !l.includes('--comment') && !l.includes('-j neutron')))
        assert.match(line, form);
      assert.match(ingress.at(-1) ?? '', /sg-fallback$/);
      assert.match(egress.at(-1) ?? '', /sg-fallback$/);
      assert.equal(new Set(ingress).size, ingress.length, 'no line twice');
    }
  }
});
