// Rules of ports as chains of nftables, and who shares them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { members, setName, withoutNested } from './ipset.ts';
import { bridgeGuard, markOf, numberOf, numbersFor, packetGuard, portRules } from './nft-guard.ts';
import { compilePort, type PortSecurity, type WirePort } from './security-port.ts';
import type { WireRule } from './security-rules.ts';

const group = 'fe4f52c7-ab8e-4c88-a606-b012618227f7';
const wire = (fields: Partial<WirePort> = {}): WirePort => ({
  id: 'fc6d9ce1-f469-4735-9d79-dcc98c4c26c6',
  device: 'tapfc6d9ce1-f4',
  mac_address: 'fa:16:3e:56:49:45',
  fixed_ips: ['10.50.0.227', '2001:db8::227'],
  allowed_address_pairs: [],
  rules: [],
  ...fields,
});
const ingress = (rule: Partial<WireRule>): WireRule => ({ direction: 'ingress', ethertype: 'IPv4', ...rule });
const rulesOf = (...rules: WireRule[]): readonly string[] => portRules(compilePort(wire({ rules }))).ingress;
const permitted = (...rules: WireRule[]): string[] =>
  rulesOf(...rules).flatMap(r => /^meta nfproto (.*) goto permitted-[0-9a-f]{16}$/.exec(r)?.[1] ?? []);

test('each kind of rule in words of nft', () => {
  const { port_range_min, port_range_max } = { port_range_min: 80, port_range_max: 90 };
  const cases: [Partial<WireRule>, string][] = [
    [{}, 'ipv4'],
    [
      { protocol: 'tcp', port_range_min: 22, port_range_max: 22, source_ip_prefix: '192.0.2.0/24' },
      'ipv4 ip saddr 192.0.2.0/24 meta l4proto 6 th dport 22',
    ],
    [{ protocol: 'udp', port_range_min, port_range_max }, 'ipv4 meta l4proto 17 th dport 80-90'],
    [{ protocol: 'udp', source_port_range_min: 53, source_port_range_max: 53 }, 'ipv4 meta l4proto 17 th sport 53'],
    [{ protocol: 'icmp', port_range_min: 8, port_range_max: 0 }, 'ipv4 meta l4proto 1 @th,0,8 8 @th,8,8 0'],
    [{ ethertype: 'IPv6', protocol: 'icmp', port_range_min: 128 }, 'ipv6 meta l4proto 58 @th,0,8 128'],
    [{ protocol: 'vrrp' }, 'ipv4 meta l4proto 112'],
    [{ ethertype: 'IPv6', remote_group_id: group }, `ipv6 ip6 saddr @${setName(group, 6)}`],
    [{ remote_ip_prefix: '0.0.0.0/0', source_ip_prefix: '0.0.0.0/0' } as Partial<WireRule>, 'ipv4'],
  ];
  for (const [rule, text] of cases) assert.deepEqual(permitted(ingress(rule)), [text]);
});

test('state is asked of stateful ports alone, and what nothing permits is dropped', () => {
  const states = (r: readonly string[]): string[] => r.filter(line => /ct state/.test(line)).map(line => line.replace(/ goto .*/, ''));
  assert.deepEqual(states(rulesOf(ingress({}))), ['ct state established,related', 'ct state invalid drop']);
  assert.deepEqual(states(rulesOf({ ...ingress({}), stateful: false })), []);
  for (const rules of [rulesOf(ingress({})), rulesOf(), portRules(compilePort(wire())).egress]) assert.equal(rules.at(-1), 'counter drop');
});

const port = (n: number, rules: WireRule[] = [ingress({ protocol: 'tcp' })]): PortSecurity =>
  compilePort(
    wire({
      id: `0000000${n}-0000-4000-8000-000000000000`,
      device: `tap0000000${n}-00`,
      mac_address: `fa:16:3e:00:00:0${n}`,
      fixed_ips: [`10.0.0.${n}`],
      rules,
    }),
  );
const given = (...filtered: PortSecurity[]) => ({
  input: {
    filtered,
    closed: [],
    open: [],
    zones: [
      { bridge: 'brq1', zone: 4097, hostAddresses: false },
      { bridge: 'brq2', zone: undefined, hostAddresses: true },
    ],
  },
  sets: new Map([[setName(group, 4), { family: 4 as const, members: members(4, ['10.0.0.1', '10.0.0.0/24', '192.0.2.1']) }]]),
  numbers: numbersFor(
    filtered.map(p => p.device),
    new Map(),
  ),
  table: 'mine',
});

test('ports with the same rules share their chains, and each has its own for who it is', () => {
  const [one, two] = [given(port(1)), given(port(1), port(2))];
  const more = (make: typeof packetGuard): number => make(two).chains.size - make(one).chains.size;
  assert.deepEqual([more(packetGuard), more(bridgeGuard)], [0, 1]);
  assert.equal(packetGuard(given(port(1), port(2, [ingress({ protocol: 'udp' })]))).chains.size - packetGuard(one).chains.size, 1);
});

test('every look-up has its set, every verdict its chain, and every mark its two verdicts', () => {
  const all = given(port(1), port(2, [ingress({ remote_group_id: group })]));
  for (const table of [bridgeGuard(all), packetGuard(all)]) {
    const rules = [...table.chains.values()].flatMap(c => c.rules).join('\n');
    for (const [, set = ''] of rules.matchAll(/@([a-zA-Z][\w-]+)(?![,\w])/g)) assert.ok(set === 'th' || table.sets.has(set), set);
    const targets = [...table.sets.values()].flatMap(s => [...s.elements.values()]).filter(to => to.startsWith('goto '));
    for (const to of [...targets, ...[...rules.matchAll(/goto \S+/g)].map(m => m[0])]) assert.ok(table.chains.has(to.slice(5)), to);
  }
  const marks = [...bridgeGuard(all).sets.get('numbers')!.elements.values()];
  assert.deepEqual(marks, ['0x4e000001', '0x4e000002']);
  for (const way of ['egress', 'ingress']) assert.deepEqual([...packetGuard(all).sets.get(way)!.elements.keys()], marks);
});

test('zones by bridge; where nobody is stateful nothing is tracked', () => {
  const { sets } = packetGuard(given(port(1)));
  assert.deepEqual([...sets.get('zones')!.elements], [['"brq1"', '4097']]);
  assert.deepEqual([...sets.get('untracked')!.elements.keys(), ...sets.get('withhost')!.elements.keys()], ['"brq2"', '"brq2"']);
});

test('numbers stay, and one that was given back is nobody’s in the same pass', () => {
  const first = numbersFor(['a', 'b'], new Map());
  assert.deepEqual(
    [...first],
    [
      ['a', 1],
      ['b', 2],
    ],
  );
  const second = numbersFor(['b', 'c'], first);
  assert.deepEqual(
    [...second],
    [
      ['b', 2],
      ['c', 3],
    ],
  );
  assert.deepEqual(
    [...numbersFor(['b', 'c', 'd'], second)],
    [
      ['b', 2],
      ['c', 3],
      ['d', 1],
    ],
  );
  assert.equal(numberOf(markOf(77)), 77);
});

test('who uses any address is held to its MAC, and a wide pair is a prefix', () => {
  const own = (fields: Partial<WirePort>): readonly string[] => {
    const only = compilePort(wire(fields));
    const table = bridgeGuard(given(only));
    return table.chains
      .get(table.sets.get('senders')!.elements.get(`"${only.device}"`)!.slice(5))!
      .rules.filter(r => r.startsWith('ether saddr'));
  };
  assert.deepEqual(own({ fixed_ips: [], mac_address: 'fa:16:3e:00:00:01' }), [
    'ether saddr fa:16:3e:00:00:01 ip6 saddr fe80::f816:3eff:fe00:1 accept',
    'ether saddr fa:16:3e:00:00:01 accept',
  ]);
  assert.deepEqual(
    own({
      fixed_ips: ['10.0.0.1'],
      mac_address: 'fa:16:3e:00:00:01',
      allowed_address_pairs: [{ ip_address: '10.9.0.0/16' }, { ip_address: '0.0.0.0/0' }],
    }).slice(0, 3),
    [
      'ether saddr fa:16:3e:00:00:01 ip saddr 10.9.0.0/16 accept',
      'ether saddr fa:16:3e:00:00:01 ether type ip accept',
      'ether saddr fa:16:3e:00:00:01 ip saddr 10.0.0.1 accept',
    ],
  );
});

test('a member that another one contains is left out', () => {
  const kept = (...texts: string[]): string[] => withoutNested(members(texts[0]!.includes(':') ? 6 : 4, texts)).sort();
  assert.deepEqual(kept('10.0.0.1', '10.0.0.2'), ['10.0.0.1', '10.0.0.2']);
  assert.deepEqual(kept('10.0.0.1', '10.0.0.0/24', '10.0.0.0/25', '10.0.1.0/24', '10.0.2.1'), ['10.0.0.0/24', '10.0.1.0/24', '10.0.2.1']);
  assert.deepEqual(kept('0.0.0.0/0', '10.0.0.1', '200.0.0.0/8'), ['0.0.0.0/1', '128.0.0.0/1']);
  assert.deepEqual(kept('fd00::1', 'fd00::/64', 'fd00:0:0:1::/64'), ['fd00:0:0:1::/64', 'fd00::/64']);
});
