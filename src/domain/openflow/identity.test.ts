// Keys, equality, texts and differences of flows. That ovs-ofctl prints and takes the same text is seen in test/system/openflow.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Flow } from './flow.ts';
import { flowDifference, flowKey, flowText, identityText, sameFlow } from './identity.ts';
import { anyVlan, type Match, noVlan, protocol, vlan } from './match.ts';
import { BadFlow } from './values.ts';

const flow = (match: Match, more: Partial<Flow> = {}): Flow => ({ table: 60, priority: 3, cookie: 1n, match, actions: [], ...more });
const key = (match: Match): string => flowKey(flow(match));

test('matches that mean the same have one key', () => {
  const same: readonly (readonly [Match, Match])[] = [
    [{ eth_src: 'FA:16:3e:00:00:01' }, { eth_src: 'fa:16:3e:00:00:01' }],
    [{ eth_src: 'fa:16:3e:00:00:01/ff:ff:ff:ff:ff:ff' }, { eth_src: 'fa:16:3e:00:00:01' }],
    [
      { eth_type: 0x0800, ip_src: '10.1.2.3/24' },
      { ip_src: '10.1.2.0/255.255.255.0', eth_type: 0x0800 },
    ],
    [{ ...protocol.ip, ip_src: '0.0.0.0/0' }, protocol.ip],
    [
      { ...protocol.ipv6, ipv6_dst: '2001:DB8:0::1' },
      { ...protocol.ipv6, ipv6_dst: '2001:db8::1/128' },
    ],
    [{ xreg0: 0x1_0000_0002n }, { reg0: 1, reg1: 2 }],
    [{ xreg1: { value: 5n, mask: 0xffn } }, { reg3: { value: 5, mask: 0xff } }],
    [{ vlan_tci: { value: 0x1005, mask: 0x1fff } }, { vlan_vid: vlan(5) }],
    [{ vlan_tci: { value: 0, mask: 0x1fff } }, { vlan_vid: noVlan }],
    [{ vlan_pcp: 3 }, { vlan_pcp: 3, vlan_vid: anyVlan }],
    [{ ct_state: '+est-new+trk' }, { ct_state: '-new+est+trk' }],
    [{ ct_state: '+trk' }, { ct_state: '0x20/0x20' }],
    [{ in_port_oxm: 3 }, { in_port: 3 }],
    [
      { nw_tos: 0xb8, ...protocol.ip },
      { ip_dscp: 46, ...protocol.ip },
    ],
    [{ xxreg1: { value: 1n, mask: 0xffn } }, { reg7: { value: 1, mask: 0xff } }],
    [{ in_port: 'local' }, { in_port: 0xfffffffe }],
    [{ reg5: { value: 0xff, mask: 0 } }, {}],
    [{ reg5: undefined }, {}],
    [{ opaque: ['aa', 'bb'] }, { opaque: ['bb', 'aa'] }],
  ];
  for (const [a, b] of same) assert.equal(key(a), key(b), JSON.stringify(identityText(flow(a))));
});

test('matches that differ have keys that differ', () => {
  const all: readonly Match[] = [
    {},
    { vlan_vid: noVlan },
    { vlan_vid: anyVlan },
    { vlan_vid: vlan(0) },
    { vlan_vid: vlan(1), vlan_pcp: 0 },
    { vlan_vid: vlan(1) },
    protocol.tcp,
    protocol.tcp6,
    { ...protocol.tcp, tcp_dst: 80 },
    { ...protocol.tcp, tcp_dst: { value: 80, mask: 0xfff0 } },
    { ...protocol.tcp, tcp_src: 80 },
    { ct_state: '+trk' },
    { ct_state: '-trk' },
    { reg1: 1 },
    { reg0: 1 },
    { in_port: 1 },
    { in_port: 'local' },
    { opaque: ['aa'] },
    { opaque: ['aa', 'bb'] },
  ];
  assert.equal(new Set(all.map(key)).size, all.length);
  const others = [flow({}), flow({}, { table: 61 }), flow({}, { priority: 4 })];
  assert.equal(new Set(others.map(flowKey)).size, others.length);
});

test('what a field cannot have is refused in words', () => {
  const bad: readonly (readonly [Match, RegExp])[] = [
    [{ eth_src: 'fa:16:3e' }, /eth_src cannot be fa:16:3e/],
    [{ ip_src: 'fd00::1' }, /ip_src cannot be fd00::1/],
    [{ ipv6_src: '10.0.0.1' }, /ipv6_src cannot/],
    [{ ip_src: '10.0.0.1/33' }, /ip_src cannot/],
    [{ reg0: 2 ** 32 }, /reg0 cannot be 4294967296/],
    [{ reg0: -1 }, /reg0 cannot be -1/],
    [{ reg0: 1.5 }, /reg0 cannot be 1.5/],
    [{ reg0: { value: 1, mask: 2 ** 32 } }, /reg0 cannot be 1\/4294967296/],
    [{ tun_id: 1n << 64n }, /tun_id cannot/],
    [{ nw_proto: 256 }, /nw_proto cannot/],
    [{ eth_type: { value: 1, mask: 1 } }, /eth_type takes no mask/],
    [{ ct_state: '+new+nwe' }, /ct_state cannot be \+new\+nwe/],
    [{ ct_state: '+new-new' }, /ct_state cannot/],
    [{ ct_state: 'new' }, /ct_state cannot/],
    [{ ip_frag: 'some' }, /ip_frag cannot be some/],
    [{ vlan_vid: 0x2000 }, /vlan_vid cannot/],
  ];
  for (const [match, words] of bad) {
    assert.throws(
      () => key(match),
      (e: unknown) => e instanceof BadFlow && words.test(e.message),
      String(words),
    );
  }
});

test('a flow is printed as ovs-ofctl would', () => {
  const texts: readonly (readonly [Flow, string])[] = [
    [flow({}), 'cookie=0x1, table=60, priority=3 actions=drop'],
    [
      flow(
        { in_port: 7, vlan_vid: vlan(3), eth_dst: 'fa:16:3e:00:00:01', reg0: 5 },
        { actions: [{ do: 'pop_vlan' }, { do: 'output', port: 'normal' }] },
      ),
      'cookie=0x1, table=60, priority=3,reg0=0x5,in_port=7,dl_vlan=3,dl_dst=fa:16:3e:00:00:01 actions=pop_vlan,NORMAL',
    ],
    [
      flow({ ...protocol.icmp6, icmpv6_type: 136, nd_target: 'fd00::1' }, { hard_timeout: 3, flags: ['send_flow_rem'] }),
      'cookie=0x1, table=60, hard_timeout=3, send_flow_rem priority=3,icmp6,icmp_type=136,nd_target=fd00::1 actions=drop',
    ],
    [
      flow(
        { eth_type: 0x88cc },
        {
          actions: [
            { do: 'goto_table', table: 61 },
            { do: 'load', value: 5n, to: { field: 'reg6', bits: [0, 15] } },
            { do: 'meter', meter: 2 },
          ],
        },
      ),
      'cookie=0x1, table=60, priority=3,dl_type=0x88cc actions=meter:2,load:0x5->NXM_NX_REG6[0..15],goto_table:61',
    ],
  ];
  for (const [f, text] of texts) assert.equal(flowText(f), text);
});

test('flows are the same when nothing that lasts differs', () => {
  const one = flow({ reg0: 1 }, { actions: [{ do: 'set_field', field: 'eth_src', value: 'fa:16:3e:00:00:0A' }], flags: ['reset_counts'] });
  assert.ok(
    sameFlow(one, { ...one, idle_timeout: 0, flags: [], actions: [{ do: 'set_field', field: 'eth_src', value: 'fa:16:3e:00:00:0a' }] }),
  );
  const others: readonly Flow[] = [
    { ...one, cookie: 2n },
    { ...one, actions: [] },
    { ...one, idle_timeout: 1 },
    { ...one, hard_timeout: 1 },
    { ...one, flags: ['send_flow_rem'] },
    { ...one, priority: 4 },
  ];
  for (const other of others) assert.ok(!sameFlow(one, other));
});

test('the difference adds what is new or other, and names what goes', () => {
  const stays = flow({ reg0: 1 });
  const other = flow({ reg0: 2 }, { cookie: 9n });
  const goes = flow({ reg0: 3 });
  const wanted = [stays, flow({ reg0: 2 }), flow({ reg0: 4 }), flow({ reg0: 4 }, { cookie: 7n })];
  const difference = flowDifference([goes, stays, other], wanted);
  assert.deepEqual(difference.gone, [goes]);
  assert.deepEqual(difference.add, [wanted[1], wanted[3]]);
  assert.deepEqual(flowDifference(wanted.slice(0, 2), wanted.slice(0, 2)), { add: [], gone: [] });
});
