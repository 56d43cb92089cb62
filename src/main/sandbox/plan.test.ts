import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostBatch, hostSysctls, planHosts, underlayBatch, underlaySysctls } from './plan.ts';

test('hosts are numbered, each with an end for tunnels of its own', () => {
  assert.deepEqual(planHosts(2), [
    { name: 'h1', localIp: '198.18.0.1' },
    { name: 'h2', localIp: '198.18.0.2' },
  ]);
  assert.equal(new Set(planHosts(64).map(host => host.localIp)).size, 64);
  for (const count of [0, 65, 1.5, Number.NaN]) assert.throws(() => planHosts(count), RangeError);
});

test('the underlay carries a tenant packet of 1500 bytes in VXLAN, the public network is of ordinary size', () => {
  const lines = underlayBatch([41, 42]).trimEnd().split('\n');
  assert.deepEqual(
    lines.filter(line => line.includes('netns')),
    [
      'link add ul1 mtu 1600 type veth peer name eth0 mtu 1600 netns 41',
      'link add pub1 mtu 1500 type veth peer name eth1 mtu 1500 netns 41',
      'link add ul2 mtu 1600 type veth peer name eth0 mtu 1600 netns 42',
      'link add pub2 mtu 1500 type veth peer name eth1 mtu 1500 netns 42',
    ],
  );
  assert.ok(lines.indexOf('link add br-ul mtu 1600 type bridge mcast_snooping 0') < lines.indexOf('link set ul1 master br-ul up'));
});

test('a host has an address on the underlay and none on the public network', () => {
  assert.equal(
    hostBatch({ name: 'h7', localIp: '198.18.0.7' }),
    'link set lo up\naddress add 198.18.0.7/24 dev eth0\nlink set eth0 up\nlink set eth1 up\n',
  );
});

test('nothing is forwarded between the public network and the tunnels, whatever the machine does', () => {
  for (const settings of [underlaySysctls, hostSysctls])
    assert.deepEqual(settings.slice(0, 2), ['net.ipv4.ip_forward=0', 'net.ipv6.conf.all.forwarding=0']);
});
