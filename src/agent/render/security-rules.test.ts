// Rules off the wire: every spelling that Neutron takes, and what cannot be matched.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '../../domain/net/cidr.ts';
import { BadRule, compileRule, type Rule, ruleKey, type WireRule } from './security-rules.ts';

const base = { direction: 'ingress', ethertype: 'IPv4' } as const;
const compiled = (wire: WireRule): Rule => compileRule({ ...base, ...wire });
const cidr = (text: string) => {
  const { version, network, prefix } = parseCidr(text)!;
  return { version, network, prefix };
};

test('an empty rule permits its family and direction', () => {
  assert.deepEqual(compiled({}), { direction: 'ingress', family: 4 });
  assert.deepEqual(compiled({ protocol: null, port_range_min: null, source_ip_prefix: '0.0.0.0/0', remote_group_id: null }), {
    direction: 'ingress',
    family: 4,
  });
});

test('ports, prefixes and groups', () => {
  assert.deepEqual(compiled({ protocol: 'tcp', port_range_min: 22, port_range_max: 23, source_ip_prefix: '192.0.2.9/24' }), {
    direction: 'ingress',
    family: 4,
    protocol: 6,
    destPorts: { min: 22, max: 23 },
    source: cidr('192.0.2.0/24'),
  });
  assert.deepEqual(
    compiled({ direction: 'egress', dest_ip_prefix: '192.0.2.1', remote_address_group_id: 'aa0bdf24-0799-46e6-a892-3a0336566ae0' }),
    {
      direction: 'egress',
      family: 4,
      dest: cidr('192.0.2.1/32'),
      remoteGroup: 'aa0bdf24-0799-46e6-a892-3a0336566ae0',
    },
  );
});

test('the provider rules of a port, as captured', () => {
  const dhcp = { protocol: 'udp', port_range_min: 68, port_range_max: 68, source_port_range_min: 67, source_port_range_max: 67 };
  assert.deepEqual(compiled({ ...dhcp, dest_ip_prefix: '255.255.255.255/32' }), {
    direction: 'ingress',
    family: 4,
    protocol: 17,
    sourcePorts: { min: 67, max: 67 },
    destPorts: { min: 68, max: 68 },
    dest: cidr('255.255.255.255/32'),
  });
  assert.deepEqual(compiled({ ethertype: 'IPv6', protocol: 'ipv6-icmp', source_port_range_min: 134 }), {
    direction: 'ingress',
    family: 6,
    protocol: 58,
    icmp: { type: 134 },
  });
});

test('ICMP in all its spellings; type 0 and code 0 are values', () => {
  for (const protocol of ['icmp', '1', 1])
    assert.deepEqual(compiled({ protocol, port_range_min: 0, port_range_max: 0 }).icmp, { type: 0, code: 0 });
  for (const protocol of ['icmp', 'icmpv6', 'ipv6-icmp', '58', 58, '1'])
    assert.equal(compiled({ ethertype: 'IPv6', protocol }).protocol, 58, String(protocol));
});

test('names and numbers of protocols; 0 and "any" restrict nothing', () => {
  const cases: [unknown, number | undefined][] = [
    ['SCTP', 132],
    ['udplite', 136],
    ['vrrp', 112],
    ['51', 51],
    [255, 255],
    ['0', undefined],
    ['any', undefined],
    ['hopopt', undefined],
  ];
  for (const [protocol, number] of cases) assert.equal(compiled({ protocol }).protocol, number, String(protocol));
});

test('what cannot be matched is refused', () => {
  const bad: WireRule[] = [
    { direction: 'sideways' },
    { ethertype: 'ARP' },
    { protocol: 'tcpp' },
    { protocol: '__proto__' },
    { protocol: 256 },
    { protocol: 'vrrp', port_range_min: 1, port_range_max: 2 },
    { protocol: 'esp', source_port_range_min: 1 },
    { port_range_min: 80, port_range_max: 80 },
    { protocol: 'tcp', port_range_min: 90, port_range_max: 80 },
    { protocol: 'tcp', port_range_min: 65_536 },
    { protocol: 'tcp', port_range_min: '80 -j ACCEPT' },
    { protocol: 'icmp', port_range_max: 3 },
    { protocol: 'icmp', port_range_min: 256 },
    { source_ip_prefix: '10.0.0.0/33' },
    { source_ip_prefix: 'fd00::/64' },
    { source_ip_prefix: '10.0.0.0/8\n-A FORWARD -j ACCEPT' },
    { source_ip_prefix: ['10.0.0.0/8'] },
    { remote_group_id: 'x; flush ruleset' },
  ];
  for (const wire of bad) assert.throws(() => compiled(wire), BadRule, JSON.stringify(wire));
});

test('rules that permit the same packets have one key', () => {
  const same = [
    compiled({ protocol: 'tcp', port_range_min: 1, port_range_max: 1 }),
    compiled({ protocol: 6, port_range_min: '1', source_ip_prefix: '0.0.0.0/0' }),
  ];
  assert.equal(new Set(same.map(ruleKey)).size, 1);
  assert.notEqual(ruleKey(compiled({ protocol: 'tcp' })), ruleKey(compiled({ protocol: 'udp' })));
});
