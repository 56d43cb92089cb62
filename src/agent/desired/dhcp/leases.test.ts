import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initialLeases, readHostsFile, readLeaseFile, staleLeases } from './leases.ts';
import { releasePackets } from './release-packets.ts';
import { dhcpPort, network, routerPort, subnet4, subnet6, vm1, vm2 } from './samples.suite.ts';

const DUID = '00:01:00:01:32:93:ce:aa:da:45:ec:71:eb:58';
const CLIENT = '00:01:00:01:32:93:ce:bb:fa:16:3e:56:49:45';
const file = `1795318699 fa:16:3e:56:49:45 10.50.0.227 host-a 01:fa:16:3e:56:49:45
1795318699 fa:16:3e:99:99:99 10.50.0.92 * *
junk
duid ${DUID}
1795239816 1040187393 2001:db8:50::e3 host-a6 ${CLIENT}
1795239816 1040187394 2001:db8:50::99 * ${CLIENT}
`;
const net = network([subnet4(), subnet6('dhcpv6-stateful')], [vm1(), vm2(), routerPort(), dhcpPort()]);

test('the file to start with: made-up IPv4 leases, kept IPv6 ones', () => {
  assert.equal(
    initialLeases(net, readLeaseFile(file), new Map(), 2_000_000_000),
    `duid ${DUID}
2000000000 fa:16:3e:56:49:45 10.50.0.227 * *
1795239816 1040187393 2001:db8:50::e3 host-a6 ${CLIENT}
2000000000 fa:16:3e:1c:e4:0d 10.50.0.92 * *
2000000000 fa:16:3e:2c:57:35 10.50.0.1 * *
`,
  );
  assert.equal(initialLeases(network([subnet6('slaac')], [vm1()]), readLeaseFile(''), new Map(), 0), '');
  const moved = readHostsFile('fa:16:3e:77:77:77,tag:dhcpv6,name.,[2001:db8:50::e3]\n');
  assert.doesNotMatch(initialLeases(net, readLeaseFile(file), moved, 0), /2001:db8:50::e3/, 'the lease of who had the address before');
});

test('stale leases: nobody has the address, or somebody else has', () => {
  const stale = (before = '') => staleLeases(net, readLeaseFile(file), readHostsFile(before)).map(l => l.address);
  assert.deepEqual(stale(), ['10.50.0.92', '2001:db8:50::99']);
  const moved = 'fa:16:3e:77:77:77,tag:dhcpv6,name.,[2001:db8:50::e3]\n';
  assert.deepEqual(stale(moved), ['10.50.0.92', '2001:db8:50::e3', '2001:db8:50::99'], 'by the hosts file until now');
  assert.deepEqual(stale('fa:16:3e:56:49:45,tag:dhcpv6,name.,[2001:db8:50::e3]\n'), ['10.50.0.92', '2001:db8:50::99']);
});

test('release packets', () => {
  const [v4, , v6] = readLeaseFile(file).leases;
  const server = { addresses: ['10.50.0.2', '2001:db8:50::2'], duid: DUID };
  const [four] = releasePackets(v4 ?? assert.fail(), server, 0x1234);
  assert.deepEqual([four?.to, four?.port, four?.hex.length], ['10.50.0.2', 67, 600]);
  assert.match(four?.hex ?? '', /^01010600000012340{8}0a3200e3/);
  assert.match(four?.hex ?? '', /fa163e5649450{20}.*6382536335010736040a3200023d0701fa163e564945ff/);
  const [six] = releasePackets(v6 ?? assert.fail(), server, 0x1234);
  assert.deepEqual([six?.to, six?.port], ['ff02::1:2', 547]);
  assert.match(six?.hex ?? '', /^08001234 ?0001000e000100013293cebbfa163e564945 ?0002000e/);
  assert.match(six?.hex ?? '', /000300283e0000010{16}0005001820010db80050000000000000000000e30{16}$/);
  assert.deepEqual(releasePackets(v6 ?? assert.fail(), { ...server, duid: undefined }, 1), []);
});
