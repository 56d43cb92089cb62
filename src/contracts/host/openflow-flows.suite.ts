// Flows that every switch must take and give back as they were: what Neutron's agents program, and every field and action at least once.
import type { Action } from '../../domain/openflow/actions.ts';
import type { Flow } from '../../domain/openflow/flow.ts';
import { anyVlan, type Match, noVlan, protocol, vlan } from '../../domain/openflow/match.ts';

const VM = 'fa:16:3e:00:00:01';
const ROUTER = 'fa:16:3f:00:00:02';
const BITS_OF_ZONE = { field: 'reg6', bits: [0, 15] } as const;

const set = (field: 'reg2' | 'reg5' | 'reg6' | 'reg7', value: number): Action => ({ do: 'set_field', field, value });
const go = (table: number): Action => ({ do: 'resubmit', table });
const output = (port: number): Action => ({ do: 'output', port });
const normal: Action = { do: 'output', port: 'normal' };
const tag = (vid: number): readonly Action[] => [
  { do: 'push_vlan', eth_type: 0x8100 },
  { do: 'set_field', field: 'vlan_vid', value: vlan(vid) },
];

type Sample = readonly [table: number, priority: number, match: Match, actions: readonly Action[], more?: Partial<Flow>];

const integration: readonly Sample[] = [
  [0, 0, {}, [go(59)]],
  [0, 65535, { vlan_vid: vlan(4095) }, []],
  [0, 10, { ...protocol.icmp6, in_port: 7, icmpv6_type: 136 }, [go(24)]],
  [0, 10, { ...protocol.arp, in_port: 7 }, [go(24)]],
  [0, 9, { in_port: 7 }, [go(25)]],
  [0, 3, { in_port: 1, vlan_vid: vlan(1005) }, [{ do: 'set_field', field: 'vlan_vid', value: vlan(3) }, go(59)]],
  [0, 3, { in_port: 1, vlan_vid: noVlan }, [...tag(3), go(59)]],
  [0, 2, { in_port: 1 }, []],
  [0, 65534, { ...protocol.ip, in_port: 7, reg2: 0 }, [{ do: 'set_field', field: 'ip_dscp', value: 46 }, set('reg2', 1), go(0)]],
  [1, 20, { vlan_vid: vlan(3), eth_dst: VM }, [{ do: 'set_field', field: 'eth_src', value: ROUTER }, go(60)]],
  [
    3,
    5,
    { ...protocol.arp, vlan_vid: vlan(3), eth_dst: ROUTER },
    [{ do: 'pop_vlan' }, { do: 'set_field', field: 'eth_dst', value: VM }, output(9)],
  ],
  [23, 0, {}, []],
  [24, 2, { ...protocol.arp, in_port: 7, arp_spa: '10.0.0.0/28' }, [go(25)]],
  [24, 2, { ...protocol.icmp6, in_port: 7, icmpv6_type: 136, nd_target: '2001:db8::5' }, [go(60)]],
  [25, 2, { in_port: 7, eth_src: VM }, [go(30)]],
  [58, 0, { in_port: 8 }, [{ do: 'meter', meter: 1 }, go(59)]],
  [60, 3, {}, [normal]],
  [60, 20, { vlan_vid: vlan(3), eth_dst: ROUTER }, [{ do: 'pop_vlan' }, output(9)]],
];

const firewall: readonly Sample[] = [
  [60, 100, { in_port: 7 }, [set('reg5', 7), set('reg6', 3), go(71)]],
  [60, 90, { vlan_vid: vlan(3), eth_dst: VM }, [set('reg5', 7), set('reg6', 3), { do: 'pop_vlan' }, go(81)]],
  [71, 110, { ct_state: '+trk' }, [{ do: 'ct_clear' }, go(71)]],
  [71, 95, { ...protocol.arp, reg5: 7, in_port: 7, eth_src: VM, arp_spa: '10.0.0.5' }, [go(94)]],
  [71, 95, { ...protocol.icmp6, reg5: 7, in_port: 7, icmpv6_type: 135, icmpv6_code: 0, nd_sll: VM }, [go(94)]],
  [71, 80, { ...protocol.udp, reg5: 7, in_port: 7, udp_src: 68, udp_dst: 67 }, [go(73)]],
  [71, 80, { ...protocol.udp6, reg5: 7, in_port: 7, udp_src: 546, udp_dst: 547 }, [go(73)]],
  [71, 65, { ...protocol.ip, reg5: 7, in_port: 7, eth_src: VM, ip_src: '10.0.0.5' }, [{ do: 'ct', table: 72, zone: BITS_OF_ZONE }]],
  [
    71,
    65,
    { ...protocol.ipv6, reg5: 7, in_port: 7, eth_src: VM, ipv6_src: 'fe80::f816:3eff:fe00:1' },
    [{ do: 'ct', table: 72, zone: BITS_OF_ZONE }],
  ],
  [72, 74, { ...protocol.ip, ct_state: '+est-rel-rpl', reg5: 7 }, [go(73)]],
  [72, 74, { ...protocol.ipv6, ct_state: '+new-est', reg5: 7 }, [go(73)]],
  [72, 50, { ct_state: '+inv+trk' }, [go(93)]],
  [72, 50, { ct_mark: 1, reg5: 7 }, [go(93)]],
  [
    72,
    40,
    { ...protocol.ip, ct_state: '+est', reg5: 7 },
    [{ do: 'ct', commit: true, zone: BITS_OF_ZONE, exec: [{ do: 'set_field', field: 'ct_mark', value: 1 }] }],
  ],
  [73, 90, { ...protocol.ip, ct_state: '+new-est', reg5: 7 }, [{ do: 'ct', commit: true, zone: BITS_OF_ZONE }, go(91)]],
  [
    82,
    70,
    { ...protocol.ip, ct_state: '+est-rel-rpl', reg6: 3, ip_src: '10.0.0.9' },
    [
      { do: 'conjunction', id: 16, clause: 1, of: 2 },
      { do: 'conjunction', id: 24, clause: 1, of: 2 },
    ],
  ],
  [82, 70, { ...protocol.ip, ct_state: '+est-rel-rpl', reg5: 7 }, [{ do: 'conjunction', id: 16, clause: 2, of: 2 }]],
  [82, 70, { ...protocol.ip, conj_id: 16, ct_state: '+est-rel-rpl', reg5: 7 }, [set('reg7', 16), output(7)]],
  [
    82,
    77,
    { ...protocol.tcp, ct_state: '+new-est', reg5: 7, tcp_dst: 22 },
    [{ do: 'ct', commit: true, zone: BITS_OF_ZONE }, output(7), go(92)],
  ],
  [82, 77, { ...protocol.tcp, ct_state: '+new-est', reg5: 7, tcp_dst: { value: 0x400, mask: 0xfc00 } }, [output(7)]],
  [82, 77, { ...protocol.udp6, ct_state: '+new-est', reg5: 7, udp_dst: { value: 0x400, mask: 0xfc00 } }, [output(7)]],
  [82, 77, { ...protocol.sctp, ct_state: '+new-est', reg5: 7, sctp_dst: 132, sctp_src: 9 }, [output(7)]],
  [82, 76, { ...protocol.icmp, ct_state: '+new-est', reg5: 7, icmp_type: 8, icmp_code: 0 }, [output(7)]],
  [94, 12, { reg6: 3, eth_dst: VM }, [output(7)]],
  [94, 1, {}, [normal]],
  [94, 10, { reg6: 3, eth_src: VM, eth_dst: '00:00:00:00:00:00/01:00:00:00:00:00' }, [...tag(3), output(9)]],
];

const responder: readonly Action[] = [
  { do: 'move', from: 'eth_src', to: 'eth_dst' },
  { do: 'set_field', field: 'eth_src', value: VM },
  { do: 'load', value: 2n, to: 'arp_op' },
  { do: 'move', from: 'arp_sha', to: 'arp_tha' },
  { do: 'move', from: 'arp_spa', to: 'arp_tpa' },
  { do: 'load', value: 0xfa163e000001n, to: 'arp_sha' },
  { do: 'load', value: 0x0a000005n, to: 'arp_spa' },
  { do: 'output', port: 'in_port' },
];

const tunnel: readonly Sample[] = [
  [0, 1, { in_port: 1 }, [go(2)]],
  [2, 1, { ...protocol.arp, eth_dst: 'ff:ff:ff:ff:ff:ff' }, [go(21)]],
  [2, 0, { eth_dst: '00:00:00:00:00:00/01:00:00:00:00:00' }, [go(20)]],
  [2, 0, { eth_dst: '01:00:00:00:00:00/01:00:00:00:00:00' }, [go(22)]],
  [4, 1, { tun_id: 1001n }, [...tag(3), go(10)]],
  [9, 1, { eth_src: ROUTER }, [output(1)]],
  [
    10,
    1,
    {},
    [
      {
        do: 'learn',
        table: 20,
        priority: 1,
        cookie: 0x1234_5678_9abc_def0n,
        hard_timeout: 300,
        specs: [
          { match: { field: 'vlan_tci', bits: [0, 11] }, from: { field: 'vlan_tci', bits: [0, 11] } },
          { match: 'eth_dst', from: 'eth_src' },
          { load: 'vlan_tci', from: 0n },
          { load: 'tun_id', from: 'tun_id' },
          { output: 'in_port' },
          { output: 'in_port_oxm' },
        ],
      },
      output(1),
    ],
  ],
  [20, 2, { vlan_vid: vlan(3), eth_dst: VM }, [{ do: 'pop_vlan' }, { do: 'set_field', field: 'tun_id', value: 1001n }, output(4)]],
  [21, 1, { ...protocol.arp, vlan_vid: vlan(3), arp_tpa: '10.0.0.5' }, responder],
  [22, 1, { vlan_vid: vlan(3) }, [{ do: 'pop_vlan' }, { do: 'set_field', field: 'tun_id', value: 1001n }, output(4), output(5)]],
  [22, 3, { ...protocol.arp, vlan_vid: vlan(3), arp_tpa: '10.0.0.1' }, []],
];

const fieldSamples: readonly Match[] = [
  { in_port: 'local' },
  { tun_id: 0n, pkt_mark: 0, metadata: 0n, ct_mark: 0, ct_label: 0n, reg1: { value: 0, mask: 0xf0 }, ct_zone: 0, eth_type: 0 },
  { tun_id: { value: 0x10n, mask: 0xf0n }, tun_src: '192.0.2.1', tun_dst: '192.0.2.0/24' },
  { tun_ipv6_src: 'fd00::1', tun_ipv6_dst: 'fd00::/64' },
  { tun_gbp_id: 7, tun_gbp_flags: 8 },
  { tun_flags: '+oam' },
  { pkt_mark: { value: 1, mask: 0xff }, metadata: 0x1_0000_0000n },
  { metadata: { value: 0x50n, mask: 0xf0n }, reg15: 1, reg0: { value: 0x50, mask: 0xf0 } },
  { ct_state: '-new+est-rel+rpl-inv+trk', ct_zone: 9, ct_mark: { value: 1, mask: 3 } },
  { ct_label: 0x1_0000_0000_0000_0000n },
  { ct_label: { value: 2n, mask: 3n } },
  {
    ...protocol.tcp,
    ct_state: '+est+trk',
    ct_nw_src: '10.0.0.0/8',
    ct_nw_dst: '10.0.0.1',
    ct_nw_proto: 6,
    ct_tp_src: 5,
    ct_tp_dst: { value: 16, mask: 0xfff0 },
  },
  { ...protocol.ipv6, ct_state: '+est+trk', ct_ipv6_src: 'fd00::/8', ct_ipv6_dst: 'fd00::1', ct_nw_proto: 17 },
  { vlan_vid: anyVlan },
  { vlan_vid: vlan(3), vlan_pcp: 5 },
  { vlan_vid: anyVlan, vlan_pcp: 5 },
  { vlan_vid: vlan(0) },
  { vlan_vid: { value: 0x1004, mask: 0x100c } },
  { eth_src: 'fa:16:3e:00:00:00/ff:ff:ff:00:00:00', eth_type: 0x88cc },
  { ...protocol.ip, ip_src: '10.0.0.1/255.0.0.255', nw_proto: 2, ip_dscp: 46, nw_ecn: 1, nw_ttl: 64 },
  { ...protocol.ip, ip_frag: 'later' },
  { ...protocol.ip, ip_frag: 'not_later', ip_dst: '224.0.0.0/4' },
  { ...protocol.ipv6, ipv6_label: 0x12345, ipv6_dst: 'ff00::/8', nw_proto: 0 },
  { ...protocol.rarp, arp_op: 3 },
  { ...protocol.arp, arp_op: 1, arp_sha: VM, arp_tha: '00:00:00:00:00:00', arp_tpa: '10.0.0.0/30' },
  { ...protocol.tcp, tcp_flags: '+syn-ack', tcp_src: 1024 },
  { ...protocol.tcp6, tcp_src: { value: 0x10, mask: 0xfff0 }, tcp_dst: 443 },
  { ...protocol.sctp6, sctp_dst: { value: 0x10, mask: 0xfff0 } },
  { ...protocol.icmp6, icmpv6_type: 136, icmpv6_code: 0, nd_target: 'fd00::/64', nd_tll: VM },
  { eth_type: 0x8847, mpls_label: 100, mpls_tc: 1, mpls_bos: 1, mpls_ttl: 64 },
  { actset_output: 3 },
  Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`reg${i}`, i])),
];

const actionSamples: readonly (readonly Action[])[] = [
  Array.from({ length: 8 }, (_, i) => ({ do: 'set_field', field: `xreg${i as 0}`, value: BigInt(i) }) as const),
  Array.from({ length: 4 }, (_, i) => ({ do: 'set_field', field: `xxreg${i as 0}`, value: BigInt(i) }) as const),
  [{ do: 'load', value: 0xb8n, to: 'nw_tos' }],
  [
    set('reg2', 0),
    { do: 'set_field', field: 'tun_id', value: 0n },
    { do: 'set_field', field: 'xxreg0', value: 0n },
    { do: 'set_field', field: 'reg1', value: { value: 0, mask: 0xf } },
    { do: 'load', value: 0n, to: 'reg0' },
  ],
  [{ do: 'output', port: 'flood' }],
  [{ do: 'output', port: 'all' }],
  [{ do: 'output', port: 'local' }],
  [{ do: 'output', port: 'controller' }],
  [{ do: 'output', port: 'controller', max_len: 128 }],
  [
    { do: 'controller', id: 7 },
    { do: 'controller', id: 65_535, max_len: 128 },
    { do: 'controller', id: 7, max_len: 96, meter: 1 },
    { do: 'controller', id: 7, meter: 1 },
  ],
  [
    { do: 'output_reg', from: 'reg5' },
    { do: 'output_reg', from: { field: 'reg5', bits: [0, 15] } },
  ],
  [
    { do: 'resubmit', port: 5 },
    { do: 'resubmit', port: 5, table: 9 },
  ],
  [{ do: 'group', group: 1 }],
  [
    { do: 'pop_vlan' },
    { do: 'push_vlan', eth_type: 0x88a8 },
    { do: 'set_field', field: 'vlan_vid', value: vlan(9) },
    { do: 'set_field', field: 'vlan_pcp', value: 3 },
  ],
  [
    { do: 'set_field', field: 'reg0', value: { value: 0x5, mask: 0xff } },
    { do: 'set_field', field: 'metadata', value: { value: 1n, mask: 1n } },
  ],
  [
    { do: 'set_field', field: 'tun_src', value: '192.0.2.1' },
    { do: 'set_field', field: 'tun_dst', value: '192.0.2.2' },
    { do: 'set_field', field: 'tun_id', value: 5n },
  ],
  [
    { do: 'set_field', field: 'pkt_mark', value: 5 },
    { do: 'set_field', field: 'xreg1', value: 5n },
    { do: 'set_field', field: 'xxreg1', value: 5n },
  ],
  [{ do: 'set_field', field: 'eth_dst', value: '02:00:00:00:00:00/03:00:00:00:00:00' }],
  [
    { do: 'load', value: 1n, to: { field: 'reg3', bits: [4, 4] } },
    { do: 'load', value: 0n, to: 'in_port' },
    { do: 'load', value: 0n, to: 'in_port_oxm' },
    { do: 'load', value: 7n, to: { field: 'metadata', bits: [32, 63] } },
  ],
  [
    { do: 'move', from: { field: 'reg3', bits: [0, 11] }, to: { field: 'vlan_tci', bits: [0, 11] } },
    { do: 'move', from: 'tun_src', to: 'reg1' },
  ],
  [
    { do: 'push', field: 'reg0' },
    { do: 'pop', field: { field: 'reg1', bits: [0, 15] } },
  ],
  [
    {
      do: 'learn',
      table: 5,
      priority: 32768,
      idle_timeout: 9,
      fin_idle_timeout: 3,
      fin_hard_timeout: 4,
      send_flow_rem: true,
      delete_learned: true,
      specs: [
        { match: 'eth_type', from: 0x0800n },
        { match: 'ip_src', from: 'ip_dst' },
        { load: { field: 'reg0', bits: [0, 15] }, from: 'in_port' },
        { match: { field: 'reg5', bits: [0, 7] }, from: 3n },
      ],
    },
  ],
  [
    { do: 'ct' },
    { do: 'ct', zone: 5, table: 9 },
    {
      do: 'ct',
      commit: true,
      force: true,
      zone: 5,
      exec: [
        { do: 'set_field', field: 'ct_label', value: { value: 1n, mask: 1n } },
        { do: 'move', from: 'reg0', to: 'ct_mark' },
      ],
    },
  ],
  [
    { do: 'ct', commit: true, zone: 5, nat: { type: 'src', addresses: '10.0.0.1-10.0.0.9', ports: [1024, 2048], random: true } },
    { do: 'ct', table: 3, zone: 5, nat: {} },
  ],
  [{ do: 'set_queue', queue: 3 }, { do: 'output', port: 1 }, { do: 'pop_queue' }],
  [{ do: 'note', bytes: '0102030405060708' }],
  [{ do: 'clone', actions: [{ do: 'pop_vlan' }, { do: 'output', port: 3 }] }, { do: 'exit' }],
  [
    { do: 'meter', meter: 1 },
    { do: 'output', port: 1 },
    { do: 'clear_actions' },
    { do: 'write_actions', actions: [{ do: 'output', port: 2 }] },
    { do: 'write_metadata', value: 5n, mask: 0xffn },
    { do: 'goto_table', table: 250 },
  ],
  [{ do: 'write_metadata', value: 5n }],
];

const decTtl: Sample = [
  100,
  5,
  protocol.ip,
  [{ do: 'dec_ttl' }, { do: 'set_field', field: 'ip_dst', value: '10.0.0.1' }, { do: 'set_field', field: 'nw_ttl', value: 64 }, output(3)],
];
const setPorts: Sample = [100, 6, protocol.tcp, [{ do: 'set_field', field: 'tcp_dst', value: 8080 }, output(3)]];
const setIpv6: Sample = [100, 7, protocol.icmp6, [{ do: 'set_field', field: 'ipv6_src', value: 'fd00::1' }, output(3)]];
const neighbour: Sample = [
  100,
  8,
  { ...protocol.icmp6, icmpv6_type: 135, icmpv6_code: 0, nd_target: 'fd00::1' },
  [
    { do: 'set_field', field: 'nd_sll', value: VM },
    { do: 'set_field', field: 'icmpv6_type', value: 136 },
    { do: 'set_field', field: 'nd_reserved', value: 0xe0000000 },
    { do: 'set_field', field: 'nd_options_type', value: 2 },
    { do: 'output', port: 'in_port' },
  ],
];
const translated: Sample = [
  100,
  12,
  protocol.tcp6,
  [
    { do: 'ct', commit: true, nat: { type: 'dst', addresses: 'fd00::1', ports: [80, 80] } },
    { do: 'ct', commit: true, nat: { type: 'src', addresses: 'fd00::1', persistent: true, hash: true } },
  ],
];
const again: Sample = [100, 11, { ...protocol.ip, ct_state: '-inv+trk' }, [{ do: 'resubmit', table: 101, ct: true }]];
const timed: Sample = [100, 9, { reg0: 1 }, [normal], { idle_timeout: 600, hard_timeout: 1200, flags: ['send_flow_rem'] }];
const uncounted: Sample = [100, 10, { reg0: 1 }, [normal], { flags: ['reset_counts', 'no_packet_counts', 'no_byte_counts'] }];

const flowOf = ([table, priority, match, actions, more]: Sample, cookie: bigint): Flow => ({
  table,
  priority,
  cookie,
  match,
  actions,
  ...more,
});

/** They need group 1 and meter 1. */
export const sampleFlows: readonly Flow[] = [
  ...[...integration, ...firewall].map(s => flowOf(s, 0xfedc_ba98_7654_3210n)),
  ...tunnel.map(([table, ...s]) => flowOf([table + 100, ...s], 0x22n)),
  ...fieldSamples.map((match, i) => flowOf([150, 100 + i, match, [normal]], 0x33n)),
  ...actionSamples.map((actions, i) => flowOf([151, 100 + i, { vlan_vid: anyVlan, ...protocol.ip }, actions], 0x44n)),
  ...[decTtl, setPorts, setIpv6, neighbour, timed, uncounted, again, translated].map(s => flowOf(s, 0n)),
];
