import assert from 'node:assert/strict';
import test from 'node:test';
import { ApiError } from '../errors.ts';
import { likeness, normalizeRule, type RuleInput, readPort, ruleKey } from '../security-groups.ts';
import { protocolNames, protocolNumber } from './protocols.ts';

const rule = (input: RuleInput): ReturnType<typeof normalizeRule> =>
  normalizeRule({ security_group_id: 'g1', direction: 'ingress', ...input });

function refused(type: string, input: RuleInput, message?: RegExp): void {
  assert.throws(
    () => rule(input),
    error => {
      assert.ok(error instanceof ApiError, String(error));
      assert.equal(error.type, type, error.message);
      if (message) assert.match(error.message, message);
      return true;
    },
  );
}

test('what real servers stored', () => {
  const shown = (input: RuleInput): unknown[] => {
    const r = rule(input);
    return [r.ethertype, r.protocol, r.port_range_min, r.port_range_max, r.remote_ip_prefix, r.normalized_cidr];
  };
  assert.deepEqual(shown({ ethertype: 'ipv6', protocol: 'TCP', port_range_min: 1, port_range_max: '80' }), [
    'IPv6',
    'tcp',
    1,
    80,
    null,
    null,
  ]);
  assert.deepEqual(shown({ protocol: 'icmp', port_range_min: 0 }), ['IPv4', 'icmp', 0, null, null, null]);
  assert.deepEqual(shown({ protocol: 'sctp', remote_ip_prefix: '192.0.2.7' }), [
    'IPv4',
    'sctp',
    null,
    null,
    '192.0.2.7/32',
    '192.0.2.7/32',
  ]);
  assert.deepEqual(shown({ protocol: 17, port_range_min: 65535, port_range_max: 65535 }), ['IPv4', '17', 65535, 65535, null, null]);
  assert.deepEqual(shown({ remote_ip_prefix: '10.0.0.5/24' }), ['IPv4', null, null, null, '10.0.0.5/24', '10.0.0.0/24']);
  assert.deepEqual(shown({ ethertype: 'IPv6', protocol: 'icmpv6' })[1], 'ipv6-icmp');
  assert.deepEqual(shown({ protocol: 'any' })[1], null);
  assert.deepEqual(shown({ protocol: 'tcp', port_range_min: 1, port_range_max: 65535 }).slice(1, 4), ['tcp', null, null]);
  assert.deepEqual(shown({ remote_ip_prefix: '' })[4], null);
});

test('refusals', () => {
  refused(
    'SecurityGroupRuleInvalidProtocol',
    { protocol: 256 },
    /protocol 256 not supported\. Only protocol values \[None, 'ah', 'dccp'.*'vrrp'\] and integer/,
  );
  for (const protocol of ['x', '', true, [], {}, -1, 1.5, '256', '٣', '06', '__proto__'])
    refused('SecurityGroupRuleInvalidProtocol', { protocol });
  refused('SecurityGroupInvalidPortValue', { port_range_max: 65536 }, /^Invalid value for port 65536$/);
  refused('SecurityGroupInvalidPortValue', { protocol: 'tcp', port_range_min: [], port_range_max: 80 });
  assert.deepEqual([readPort(true), readPort(1.5), readPort(' 90 ')], [1, 1, 90], 'as Python converts them');
  refused('SecurityGroupInvalidPortValue', { protocol: 'tcp', port_range_min: 0, port_range_max: 80 }, /port 0$/);
  refused('SecurityGroupInvalidPortRange', { protocol: '17', port_range_max: 80, remote_ip_prefix: '::/0' });
  refused('SecurityGroupInvalidPortRange', { protocol: 'tcp', port_range_min: 81, port_range_max: 80 });
  refused('SecurityGroupProtocolRequiredWithPorts', { port_range_min: 300, port_range_max: 255 });
  refused(
    'SecurityGroupInvalidProtocolForPort',
    { protocol: 'vrrp', port_range_max: 22 },
    /protocol 112\. Ports are only supported for DCCP, SCTP, TCP, UDP, UDPLITE\./,
  );
  refused(
    'SecurityGroupMissingIcmpType',
    { ethertype: 'IPv6', protocol: 'ipv6-icmp', port_range_max: 80 },
    /\(port-range-max\) 80 is provided/,
  );
  refused('SecurityGroupInvalidIcmpValue', { protocol: 'icmp', port_range_min: 256 }, /ICMP type \(port_range_min\) 256/);
  refused('SecurityGroupEthertypeConflictWithProtocol', { protocol: 'ipv6-icmp', port_range_min: 1, remote_ip_prefix: '0.0.0.0/0' });
  refused('SecurityGroupEthertypeConflictWithProtocol', { protocol: '58' });
  refused('SecurityGroupRuleParameterConflict', { ethertype: 'IPv6', remote_ip_prefix: '10.0.0.0/8' });
  refused('SecurityGroupRuleInvalidEtherType', { ethertype: [] }, /ethertype '\[\]' not supported\. Allowed values are \['IPv4', 'IPv6'\]/);
  refused('InvalidCIDR', { remote_ip_prefix: ['10.0.0.0/24'] }, /^Invalid CIDR \['10\.0\.0\.0\/24'\] given as IP prefix\.$/);
  refused('InvalidCIDR', { remote_ip_prefix: '10.0.0.0/24\n' });
  refused('SecurityGroupMultipleRemoteEntites', { remote_ip_prefix: '10.0.0.0/8', remote_group_id: 'g2' });
  refused('SecurityGroupMultipleRemoteEntites', { remote_ip_prefix: '0.0.0.0/0', remote_address_group_id: 'a1' });
});

test('duplicates', () => {
  const same = (a: RuleInput, b: RuleInput): boolean => {
    const [one, other] = [rule(a), rule(b)];
    const found = Object.entries(likeness(one)).every(([column, values]) => values.includes(other[column as keyof typeof other]));
    assert.ok(found || ruleKey(one) !== ruleKey(other), 'a duplicate is found by its likeness');
    return found && ruleKey(one) === ruleKey(other);
  };
  assert.ok(same({ protocol: 'tcp', description: 'a' }, { protocol: 6, description: 'b' }));
  assert.ok(same({ remote_ip_prefix: '0.0.0.0/0' }, {}));
  assert.ok(same({}, { remote_ip_prefix: '0.0.0.0/0' }));
  assert.ok(same({ ethertype: 'IPv6', protocol: 'icmp' }, { ethertype: 'IPv6', protocol: '58' }));
  assert.ok(!same({ ethertype: 'IPv6' }, {}));
  assert.ok(!same({ protocol: 'tcp', port_range_min: 1, port_range_max: 2 }, { protocol: 'tcp', port_range_min: 1, port_range_max: 3 }));
  assert.ok(!same({ remote_group_id: 'a' }, { remote_group_id: 'b' }));
  assert.ok(!same({ direction: 'egress' }, {}));
});

test('any rule that is accepted is read again to the same', () => {
  let state = 5;
  const random = (n: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % n;
  };
  const pick = <T>(values: readonly T[]): T => values[random(values.length)]!;
  let accepted = 0;
  for (let i = 0; i < 5000; i++) {
    const input = {
      ethertype: pick(['IPv4', 'IPv6', 'ipv4']),
      protocol: pick([null, ...protocolNames, random(300), String(random(300))]),
      port_range_min: pick([null, null, random(300), random(66000)]),
      port_range_max: pick([null, null, random(300), 65535]),
      remote_ip_prefix: pick([null, '10.0.0.1', '2001:db8::/32', '10.0.0.0/8', 'x']),
    };
    let stored: ReturnType<typeof normalizeRule>;
    try {
      stored = rule(input);
    } catch (error) {
      assert.ok(error instanceof ApiError, String(error));
      continue;
    }
    accepted++;
    assert.deepEqual(rule({ ...stored }), stored);
    if (stored.port_range_max !== null) assert.ok(stored.protocol !== null && protocolNumber(stored.protocol) !== undefined);
  }
  assert.ok(accepted > 300);
});
