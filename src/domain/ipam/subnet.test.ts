import assert from 'node:assert/strict';
import test from 'node:test';
import { ApiError } from '../errors.ts';
import { isAutoAddress } from './modes.ts';
import { checkServiceTypes, checkSource, type NewSubnet, planSubnet, planSubnetChange, type StoredSubnet } from './subnet.ts';

const base: NewSubnet = { network_id: 'n1', ip_version: 4, cidr: '10.0.0.0/24', enable_dhcp: true };
const plan = (request: Partial<NewSubnet>, others: string[] = []): ReturnType<typeof planSubnet> =>
  planSubnet({ ...base, ...request }, others);

function refused(type: string, message: RegExp, run: () => unknown): void {
  assert.throws(run, error => {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.type, type);
    assert.match(error.message, message);
    return true;
  });
}

test('defaults of IPv4', () => {
  assert.deepEqual(plan({ cidr: '10.0.0.5/24' }), {
    cidr: '10.0.0.0/24',
    gateway_ip: '10.0.0.1',
    allocation_pools: [{ start: '10.0.0.2', end: '10.0.0.254' }],
  });
  assert.deepEqual(plan({ gateway_ip: '10.0.0.100' }).allocation_pools, [
    { start: '10.0.0.1', end: '10.0.0.99' },
    { start: '10.0.0.101', end: '10.0.0.254' },
  ]);
  assert.deepEqual(plan({ gateway_ip: null }).allocation_pools, [{ start: '10.0.0.1', end: '10.0.0.254' }]);
  assert.deepEqual(plan({ gateway_ip: '192.168.1.1' }).allocation_pools, [{ start: '10.0.0.1', end: '10.0.0.254' }]);
  assert.deepEqual(plan({ allocation_pools: [] }).allocation_pools, [{ start: '10.0.0.2', end: '10.0.0.254' }]);
});

test('defaults of IPv6, /31 and /32', () => {
  assert.deepEqual(plan({ ip_version: 6, cidr: '2001:db8::/64' }), {
    cidr: '2001:db8::/64',
    gateway_ip: '2001:db8::',
    allocation_pools: [{ start: '2001:db8::1', end: '2001:db8::ffff:ffff:ffff:ffff' }],
  });
  const tiny = { enable_dhcp: false };
  assert.deepEqual(plan({ cidr: '10.0.0.4/31', ...tiny }).allocation_pools, [{ start: '10.0.0.4', end: '10.0.0.5' }]);
  assert.deepEqual(plan({ cidr: '10.0.0.4/32', ...tiny }).allocation_pools, [{ start: '10.0.0.4', end: '10.0.0.4' }]);
  assert.deepEqual(plan({ ip_version: 6, cidr: '::5/128', ...tiny }).allocation_pools, [{ start: '::5', end: '::5' }]);
});

test('gateway', () => {
  const bad = /^Invalid input for operation: Gateway is not valid on subnet\.$/;
  refused('InvalidInput', bad, () => plan({ gateway_ip: '10.0.0.0' }));
  refused('InvalidInput', bad, () => plan({ gateway_ip: '10.0.0.255' }));
  refused('InvalidInput', /gateway_ip '::1' does not match the ip_version '4'/, () => plan({ gateway_ip: '::1' }));
  assert.equal(plan({ ip_version: 6, cidr: '2001:db8::/64', gateway_ip: 'fe80::1' }).gateway_ip, 'fe80::1');
});

test('pools', () => {
  const pools = (...p: [string, string][]) => ({ allocation_pools: p.map(([start, end]) => ({ start, end })) });
  refused('GatewayConflictWithAllocationPools', /^Gateway ip 10\.0\.0\.1 conflicts with allocation pool 10\.0\.0\.1-10\.0\.0\.9\.$/, () =>
    plan(pools(['10.0.0.1', '10.0.0.9'])),
  );
  refused(
    'OverlappingAllocationPools',
    /overlapping allocation pools: 10\.0\.0\.2-10\.0\.0\.9 10\.0\.0\.9-10\.0\.0\.20 for subnet 10\.0\.0\.0\/24/,
    () => plan(pools(['10.0.0.2', '10.0.0.9'], ['10.0.0.100', '10.0.0.101'], ['10.0.0.9', '10.0.0.20'])),
  );
  refused('OutOfBoundsAllocationPool', /pool 10\.0\.1\.2-10\.0\.1\.3 spans beyond the subnet cidr 10\.0\.0\.0\/24/, () =>
    plan(pools(['10.0.1.2', '10.0.1.3'])),
  );
  refused('OutOfBoundsAllocationPool', /spans/, () => plan(pools(['10.0.0.2', '10.0.0.255'])));
  refused('InvalidAllocationPool', /pool \{'start': '10\.0\.0\.9', 'end': '10\.0\.0\.2'\} is not valid/, () =>
    plan(pools(['10.0.0.9', '10.0.0.2'])),
  );
  refused('InvalidAllocationPool', /is not valid/, () => plan(pools(['::2', '::9'])));
  assert.deepEqual(plan(pools(['10.0.0.9', '10.0.0.9'])).allocation_pools, [{ start: '10.0.0.9', end: '10.0.0.9' }]);
});

test('many pools are checked in no time', () => {
  const many = Array.from({ length: 50_000 }, (_, i) => ({ start: `10.${i >> 8}.${i & 255}.2`, end: `10.${i >> 8}.${i & 255}.3` }));
  const started = process.cpuUsage();
  assert.equal(plan({ cidr: '10.0.0.0/8', allocation_pools: many }).allocation_pools.length, many.length);
  refused('OverlappingAllocationPools', /overlapping/, () => plan({ cidr: '10.0.0.0/8', allocation_pools: [...many, many[7]!] }));
  assert.ok(process.cpuUsage(started).user < 3_000_000);
});

test('DHCP needs a usable prefix', () => {
  const incompatible = /Subnet has a prefix length that is incompatible with DHCP service enabled/;
  for (const cidr of ['10.0.0.0/31', '10.0.0.0/32']) refused('InvalidInput', incompatible, () => plan({ cidr }));
  refused('InvalidInput', incompatible, () => plan({ ip_version: 6, cidr: '2001:db8::/127' }));
  refused('InvalidInput', /Multicast/, () => plan({ cidr: '224.0.0.0/24' }));
  refused('InvalidInput', /Loopback/, () => plan({ cidr: '127.0.0.0/24' }));
  refused('InvalidInput', /First IP '0\.0\.0\.0' of network is not supported/, () => plan({ cidr: '0.0.0.0/24' }));
  assert.equal(plan({ cidr: '0.0.0.0/24', enable_dhcp: false }).cidr, '0.0.0.0/24');
  assert.equal(plan({ ip_version: 6, cidr: '::/64' }).cidr, '::/64');
  assert.equal(plan({ cidr: '10.0.0.0/30' }).cidr, '10.0.0.0/30');
});

test('versions, overlap, /0', () => {
  refused('InvalidInput', /^Invalid input for operation: cidr '10\.0\.0\.0\/24' does not match the ip_version '6'\.$/, () =>
    plan({ ip_version: 6 }),
  );
  refused('InvalidInput', /Requested subnet with cidr: 10\.0\.0\.0\/24 for network: n1 overlaps with another subnet/, () =>
    plan({}, ['10.9.0.0/16', '10.0.0.128/25']),
  );
  refused('InvalidInput', /0 is not allowed as CIDR prefix length/, () =>
    plan({ cidr: '0.0.0.0/0', gateway_ip: null, enable_dhcp: false }),
  );
  assert.equal(plan({}, ['10.0.1.0/24', '2001:db8::/64']).cidr, '10.0.0.0/24');
});

test('lists', () => {
  refused('InvalidInput', /dns_nameserver '::1' does not match the ip_version '4'/, () => plan({ dns_nameservers: ['::1'] }));
  refused('DNSNameServersExhausted', /for new subnet\. The number of DNS nameservers exceeds the limit 5/, () =>
    plan({ dns_nameservers: Array.from({ length: 6 }, (_, i) => `1.1.1.${i}`) }),
  );
  refused('InvalidInput', /nexthop '::1' does not match/, () => plan({ host_routes: [{ destination: '10.9.0.0/16', nexthop: '::1' }] }));
  refused('HostRoutesExhausted', /limit 20/, () =>
    plan({ host_routes: Array.from({ length: 21 }, (_, i) => ({ destination: `10.${i}.0.0/16`, nexthop: '10.0.0.2' })) }),
  );
});

test('IPv6 modes', () => {
  const v6 = { ip_version: 6, cidr: '2001:db8::/64' };
  const modes = [undefined, 'slaac', 'dhcpv6-stateful', 'dhcpv6-stateless'];
  for (const ra of modes)
    for (const address of modes) {
      const run = (): unknown => plan({ ...v6, ipv6_ra_mode: ra, ipv6_address_mode: address });
      if (ra && address && ra !== address) refused('InvalidInput', /they must be the same value/, run);
      else run();
      const auto = [ra, address].some(m => m === 'slaac' || m === 'dhcpv6-stateless');
      assert.equal(isAutoAddress({ ...v6, ipv6_ra_mode: ra, ipv6_address_mode: address }), auto);
    }
  refused('InvalidInput', /cannot be set when enable_dhcp is set to False/, () =>
    plan({ ...v6, enable_dhcp: false, ipv6_ra_mode: 'slaac' }),
  );
  refused('InvalidInput', /requires the prefix to be \/64/, () => plan({ ...v6, cidr: '2001:db8::/63', ipv6_address_mode: 'slaac' }));
  refused('InvalidInput', /ipv6_ra_mode is not valid when ip_version is 4/, () => plan({ ipv6_ra_mode: 'slaac' }));
});

test('where the prefix comes from', () => {
  refused('BadRequest', /^Bad subnets request: a subnetpool must be specified in the absence of a cidr\.$/, () => checkSource({}));
  refused('BadRequest', /cidr and prefixlen/, () => checkSource({ cidr: '10.0.0.0/8', prefixlen: 24 }));
  checkSource({ cidr: '10.0.0.0/8' });
  checkSource({ subnetpool_id: 'p', prefixlen: 24 });
  refused('InvalidSubnetServiceType', /nova does not/, () => checkServiceTypes(['compute:nova', 'nova']));
});

const stored: StoredSubnet = {
  id: 's1',
  ip_version: 4,
  cidr: '10.0.0.0/24',
  gateway_ip: '10.0.0.1',
  allocation_pools: [{ start: '10.0.0.2', end: '10.0.0.254' }],
  enable_dhcp: true,
  ipv6_ra_mode: null,
  ipv6_address_mode: null,
};

test('changes', () => {
  assert.deepEqual(planSubnetChange(stored, { gateway_ip: null }, undefined), {
    gateway_ip: null,
    allocation_pools: stored.allocation_pools,
  });
  refused('GatewayIpInUse', /Current gateway ip 10\.0\.0\.1 already in use by port p1/, () =>
    planSubnetChange(stored, { gateway_ip: null }, 'p1'),
  );
  assert.equal(planSubnetChange(stored, { gateway_ip: '10.0.0.1' }, 'p1').gateway_ip, '10.0.0.1');
  refused('GatewayConflictWithAllocationPools', /10\.0\.0\.9/, () => planSubnetChange(stored, { gateway_ip: '10.0.0.9' }, undefined));
  const moved = { gateway_ip: '10.0.0.254', allocation_pools: [{ start: '10.0.0.1', end: '10.0.0.200' }] };
  assert.deepEqual(planSubnetChange(stored, moved, undefined), moved);
  const slaac: StoredSubnet = {
    ...stored,
    ip_version: 6,
    cidr: '2001:db8::/64',
    gateway_ip: '2001:db8::',
    allocation_pools: [],
    ipv6_ra_mode: 'slaac',
  };
  refused('InvalidInput', /Cannot disable enable_dhcp with ipv6 attributes set/, () =>
    planSubnetChange(slaac, { enable_dhcp: false }, undefined),
  );
  refused('InvalidInput', /incompatible with DHCP/, () =>
    planSubnetChange({ ...stored, cidr: '10.0.0.0/31', enable_dhcp: false }, { enable_dhcp: true }, undefined),
  );
});
