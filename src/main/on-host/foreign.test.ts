import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentName, publicUsers } from './foreign.ts';

test('an agent of Neutron is told by its program, not by what others are told about it', () => {
  assert.equal(agentName(['/usr/bin/python3', '/usr/bin/neutron-linuxbridge-agent', '--config-file', 'x']), 'neutron-linuxbridge-agent');
  assert.equal(agentName(['/usr/bin/python3.11', '-u', '/usr/bin/neutron-l3-agent']), 'neutron-l3-agent');
  assert.equal(agentName(['neutron-dhcp-agent: main process']), 'neutron-dhcp-agent');
  assert.equal(agentName(['vi', '/etc/init.d/neutron-dhcp-agent']), undefined);
  assert.equal(agentName(['neutron-server']), undefined);
});

test('who has addresses of the public network, or routes into it, is named', () => {
  const device = (local: string, prefixlen: number, family = 'inet') => ({ ifname: 'br-ex', addr_info: [{ family, local, prefixlen }] });
  const users = (...given: Parameters<typeof device>): string[] => publicUsers([device(...given)], []);
  assert.deepEqual(users('172.24.4.9', 24), ['172.24.4.9/24 on br-ex']);
  assert.deepEqual(users('172.24.4.200', 28), ['172.24.4.200/28 on br-ex']);
  assert.deepEqual(users('172.24.1.1', 16), ['172.24.1.1/16 on br-ex']);
  assert.deepEqual(users('172.24.5.1', 24), []);
  assert.deepEqual(users('2001:db8:18:4::7', 64, 'inet6'), ['2001:db8:18:4::7/64 on br-ex']);
  assert.deepEqual(users('2001:db8:18:40::7', 64, 'inet6'), []);
  assert.deepEqual(publicUsers([], [{ dst: '172.24.4.0/24', dev: 'tun0' }]), ['a route to 172.24.4.0/24 by tun0']);
  assert.deepEqual(publicUsers([], [{ dst: 'default', dev: 'eth0' }, { dst: '172.16.0.0/12' }, { dst: '172.24.5.0/24' }]), []);
});
