import assert from 'node:assert/strict';
import test from 'node:test';
import type { FixedIp } from '../../model/port.ts';
import { ApiError } from '../errors.ts';
import { parseCidr } from '../net/cidr.ts';
import { ipText, parseIp } from '../net/ip.ts';
import {
  type AddressRequest,
  autoAddress,
  type CandidateSubnet,
  changePortAddresses,
  choosePortAddresses,
  fitsSubnet,
} from './addresses.ts';
import { dnsAssignments } from './dns.ts';
import { freeCandidates, freeRanges } from './free.ts';
import { checkMtu, defaultMtuConfig, type MtuSegment, networkMtu } from './mtu.ts';

const mac = 'fa:16:3e:12:34:56';
const subnet = (id: string, cidr: string, mode: string | null = null, service_types: string[] = []): CandidateSubnet => ({
  id,
  cidr,
  ip_version: cidr.includes(':') ? 6 : 4,
  enable_dhcp: true,
  ipv6_ra_mode: mode,
  ipv6_address_mode: mode,
  service_types,
});
const v4 = subnet('v4', '10.0.0.0/24');
const v4b = subnet('v4b', '10.0.1.0/24');
const stateful = subnet('six', '2001:db8:1::/64', 'dhcpv6-stateful');
const slaac = subnet('slaac', '2001:db8:2::/64', 'slaac');
const stateless = subnet('stateless', '2001:db8:3::/64', 'dhcpv6-stateless');

/** IPAM in memory: lowest free address of at most `room` per subnet. */
function ipam(subnets: readonly CandidateSubnet[], used: readonly FixedIp[] = [], room = 200): AddressRequest['addresses'] {
  const taken = new Set(used.map(u => `${u.subnet_id} ${u.ip_address}`));
  return {
    taken: (id, ip) => taken.has(`${id} ${ip}`),
    free(id, besides) {
      const cidr = parseCidr(subnets.find(s => s.id === id)!.cidr)!;
      for (let i = 2; i < 2 + room; i++) {
        const ip = ipText(cidr.version, cidr.network + BigInt(i));
        if (!taken.has(`${id} ${ip}`) && !besides.has(ip)) return ip;
      }
      return undefined;
    },
  };
}

function ask(fixed_ips: AddressRequest['fixed_ips'], subnets: readonly CandidateSubnet[], more: Partial<AddressRequest> = {}): string[] {
  const request = { network_id: 'n1', fixed_ips, subnets, mac_address: mac, device_owner: '', addresses: ipam(subnets), ...more };
  return choosePortAddresses(request).map(ip => `${ip.subnet_id} ${ip.ip_address}`);
}

function refused(type: string, run: () => unknown, message?: RegExp): void {
  assert.throws(run, error => {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.type, type, error.message);
    if (message) assert.match(error.message, message);
    return true;
  });
}

const eui = (s: CandidateSubnet): string => `${s.id} ${autoAddress(s, mac)}`;

test('nothing said: one IPv4, one IPv6 of a stateful subnet, one of every automatic subnet', () => {
  assert.deepEqual(ask(undefined, [v4, v4b, stateful, slaac, stateless]), ['v4 10.0.0.2', 'six 2001:db8:1::2', eui(slaac), eui(stateless)]);
  assert.deepEqual(ask(undefined, []), []);
  assert.deepEqual(ask([], [v4, stateful, slaac]), [eui(slaac)]);
});

test('the next subnet serves when the first is full, and none is an error', () => {
  const used = Array.from({ length: 3 }, (_, i) => ({ subnet_id: 'v4', ip_address: `10.0.0.${i + 2}` }));
  assert.deepEqual(ask(undefined, [v4, v4b], { addresses: ipam([v4, v4b], used, 3) }), ['v4b 10.0.1.2']);
  refused('IpAddressGenerationFailure', () => ask(undefined, [v4], { addresses: ipam([v4], used, 3) }), /on network n1/);
});

test('explicit requests', () => {
  assert.deepEqual(ask([{ subnet_id: 'v4b' }, { ip_address: '10.0.0.77' }], [v4, v4b]), ['v4b 10.0.1.2', 'v4 10.0.0.77']);
  assert.deepEqual(ask([{ subnet_id: 'v4' }, { subnet_id: 'v4' }], [v4]), ['v4 10.0.0.2', 'v4 10.0.0.3']);
  assert.deepEqual(
    ask([{ subnet_id: 'v4' }, { ip_address: '10.0.0.2' }], [v4]),
    ['v4 10.0.0.3', 'v4 10.0.0.2'],
    'a named address is not handed out',
  );
  refused('InvalidIpForNetwork', () => ask([{ ip_address: '10.9.0.1' }], [v4]));
  refused(
    'InvalidIpForSubnet',
    () => ask([{ subnet_id: 'v4', ip_address: '10.0.1.1' }], [v4, v4b]),
    /is not a valid IP for the specified subnet/,
  );
  for (const edge of ['10.0.0.0', '10.0.0.255']) refused('InvalidIpForSubnet', () => ask([{ subnet_id: 'v4', ip_address: edge }], [v4]));
  refused('InvalidInput', () => ask([{ subnet_id: 'other' }], [v4]), /because fixed_ips included invalid subnet other/);
  refused('InvalidInput', () => ask([{}], [v4]), /IP allocation requires subnet_id or ip_address/);
  refused('InvalidInput', () => ask([{ subnet_id: 'v4' }], []), /IP allocation requires subnets for network/);
  const used = [{ subnet_id: 'v4', ip_address: '10.0.0.9' }];
  refused(
    'IpAddressAlreadyAllocated',
    () => ask([{ ip_address: '10.0.0.9' }], [v4], { addresses: ipam([v4], used) }),
    /10\.0\.0\.9 already allocated in subnet v4/,
  );
});

test('automatic subnets', () => {
  assert.deepEqual(ask([{ subnet_id: 'slaac' }], [v4, slaac]), [eui(slaac)]);
  refused('AllocationOnAutoAddressSubnet', () => ask([{ ip_address: '2001:db8:2::5' }], [slaac]));
  assert.deepEqual(ask([{ ip_address: autoAddress(slaac, mac)! }], [slaac]), [eui(slaac)]);
  const router = { device_owner: 'network:router_interface' };
  assert.deepEqual(ask([{ subnet_id: 'slaac', ip_address: '2001:db8:2::' }], [slaac, stateless], router), ['slaac 2001:db8:2::']);
  assert.ok(
    fitsSubnet('2001:db8::/64', '2001:db8::', 'network:router_interface') && !fitsSubnet('2001:db8::/64', '2001:db8::', 'compute:nova'),
  );
});

test('service types', () => {
  const fips = subnet('fips', '10.5.0.0/24', null, ['network:floatingip']);
  assert.deepEqual(ask(undefined, [v4, fips], { device_owner: 'network:floatingip' }), ['fips 10.5.0.2']);
  assert.deepEqual(ask(undefined, [fips, v4]), ['v4 10.0.0.2']);
  assert.deepEqual(ask(undefined, [fips], { device_owner: 'network:dhcp' }), ['fips 10.5.0.2']);
  refused(
    'IpAddressGenerationFailureNoMatchingSubnet',
    () => ask(undefined, [fips], { device_owner: 'compute:nova' }),
    /service type compute:nova/,
  );
});

test('updates keep what stays, add what is new, and follow the MAC', () => {
  const subnets = [v4, v4b, slaac];
  const current = [
    { subnet_id: 'v4', ip_address: '10.0.0.50' },
    { subnet_id: 'slaac', ip_address: autoAddress(slaac, mac)! },
  ];
  const update = { network_id: 'n1', subnets, mac_address: mac, device_owner: 'compute:nova', current, addresses: ipam(subnets, current) };
  const same = changePortAddresses({ ...update, fixed_ips: [{ subnet_id: 'v4' }] });
  assert.deepEqual(same, { keep: current, add: [], remove: [] });
  assert.deepEqual(changePortAddresses({ ...update, fixed_ips: current }).keep, current);
  const moved = changePortAddresses({ ...update, fixed_ips: [{ subnet_id: 'v4', ip_address: '10.0.0.60' }, { subnet_id: 'v4b' }] });
  assert.deepEqual(moved.remove, [current[0]]);
  assert.deepEqual(moved.keep, [current[1]]);
  assert.deepEqual(
    moved.add.map(a => a.ip_address),
    ['10.0.0.60', '10.0.1.2'],
  );
  const cleared = changePortAddresses({ ...update, fixed_ips: [] });
  assert.deepEqual([cleared.keep, cleared.add, cleared.remove], [[current[1]], [], [current[0]]]);
  const other = 'fa:16:3e:00:00:01';
  const renumbered = changePortAddresses({ ...update, mac_address: other, fixed_ips: [{ subnet_id: 'v4' }] });
  assert.deepEqual(renumbered.remove, [current[1]]);
  assert.deepEqual(renumbered.add, [{ subnet_id: 'slaac', ip_address: autoAddress(slaac, other)! }]);
});

test('free addresses: what a set would say, and exhaustion to the last one', () => {
  let state = 11;
  const random = (n: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % n;
  };
  for (let round = 0; round < 300; round++) {
    const pools = Array.from({ length: 1 + random(3) }, () => {
      const first = BigInt(random(40));
      return { first, last: first + BigInt(random(15)) };
    });
    const taken = new Set<bigint>();
    const all = new Set<bigint>();
    for (const p of pools) for (let v = p.first; v <= p.last; v++) all.add(v);
    for (let i = 0; i < random(30); i++) taken.add(BigInt(random(60)));
    const free = new Set([...all].filter(v => !taken.has(v)));
    const walked = new Set<bigint>();
    for (const r of freeRanges(pools, taken)) for (let v = r.first; v <= r.last; v++) walked.add(v);
    assert.deepEqual(walked, free);
    const candidates = freeCandidates({ pools, taken, window: 5, random }, 10);
    assert.equal(candidates.length, Math.min(5, free.size));
    assert.equal(new Set(candidates).size, candidates.length);
    assert.ok(candidates.every(c => free.has(c)));
    for (let left = free.size; left >= 0; left--) {
      const [one] = freeCandidates({ pools, taken, window: 1 + random(8), random }, 1);
      if (left === 0) assert.equal(one, undefined);
      else {
        assert.ok(one !== undefined && free.has(one) && !taken.has(one));
        taken.add(one);
      }
    }
  }
});

test('a /8 with ten thousand addresses taken, and a /64, cost nothing', () => {
  const taken = Array.from({ length: 10_000 }, (_, i) => BigInt(0x0a000001 + i));
  const started = process.cpuUsage();
  const query = { pools: [{ first: 0x0a000001n, last: 0x0afffffen }], taken, window: 100, random: () => 7 };
  for (let i = 0; i < 50; i++) assert.deepEqual(freeCandidates(query, 1), [0x0a000001n + 10_007n]);
  const six = parseIp('2001:db8::1')!.value;
  const pools = [{ first: six, last: six | 0xffffffffffffffffn }];
  assert.deepEqual(freeCandidates({ pools, taken: [], window: 1000, random: n => n - 1 }, 1), [six + 999n]);
  assert.ok(process.cpuUsage(started).user < 1_000_000);
});

test('names', () => {
  const ips = [{ ip_address: '10.0.0.221' }, { ip_address: '2001:db8::5' }];
  assert.deepEqual(dnsAssignments(ips, '', 'openstacklocal'), [
    { ip_address: '10.0.0.221', hostname: 'host-10-0-0-221', fqdn: 'host-10-0-0-221.openstacklocal.' },
    { ip_address: '2001:db8::5', hostname: 'host-2001-db8--5', fqdn: 'host-2001-db8--5.openstacklocal.' },
  ]);
  assert.equal(dnsAssignments(ips, 'web', 'peer.example.')[0]?.fqdn, 'web.peer.example.');
});

test('MTU', () => {
  const flat = { type: { overhead: 0, onPhysnet: true, tunnel: false } };
  const local = { type: { overhead: 0, onPhysnet: false, tunnel: false } };
  const gre = { type: { overhead: 22, onPhysnet: false, tunnel: true } };
  const vxlan = { type: { overhead: 30, onPhysnet: false, tunnel: true } };
  const of = (segments: readonly MtuSegment[], requested = 0): number => networkMtu(requested, segments, defaultMtuConfig);
  assert.deepEqual([of([flat]), of([gre]), of([vxlan]), of([local]), of([]), of([flat, vxlan])], [1500, 1458, 1450, 1500, 1500, 1450]);
  const jumbo = {
    global_physnet_mtu: 9000,
    physical_network_mtus: { p1: 4000 },
    overlay_ip_version: 6 as const,
    path_mtu: 8000,
  };
  assert.equal(networkMtu(0, [{ ...flat, physical_network: 'p1' }], jumbo), 4000);
  assert.equal(networkMtu(0, [{ ...flat, physical_network: 'constructor' }], jumbo), 9000);
  assert.equal(networkMtu(0, [vxlan], jumbo), 8000 - 40 - 30);
  assert.equal(of([vxlan], 1400), 1400);
  refused('InvalidInput', () => of([vxlan], 1451), /^Invalid input for operation: Requested MTU is too big, maximum is 1450\.$/);
  refused('NetworkMTUSubnetConflict', () => checkMtu(1279, { id: 'n1', ipVersions: [4, 6] }), /minimum of 1280/);
  checkMtu(68, { id: 'n1', ipVersions: [4] });
  checkMtu(40, { id: 'n1', ipVersions: [] });
});
