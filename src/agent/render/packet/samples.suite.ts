// For tests: packets, and what os-ken (2.5) prints of them.
export const packets: readonly (readonly [hex: string, text: string])[] = [
  [
    '02000000000102000000000208004510003c00074000400626a30a0000010a0000029c4001bb0000000500000000a002faf09b0b0000020405b40402080a000000010000000001030307',
    "ethernet(dst='02:00:00:00:00:01',ethertype=2048,src='02:00:00:00:00:02'), ipv4(csum=9891,dst='10.0.0.2',flags=2,header_length=5,identification=7,offset=0,option=None,proto=6,src='10.0.0.1',tos=16,total_length=60,ttl=64,version=4), tcp(ack=0,bits=2,csum=39691,dst_port=443,offset=10,option=[TCPOptionMaximumSegmentSize(kind=2,length=4,max_seg_size=1460), TCPOptionSACKPermitted(kind=4,length=2), TCPOptionTimestamps(kind=8,length=10,ts_ecr=0,ts_val=1), TCPOptionNoOperation(kind=1,length=1), TCPOptionWindowScale(kind=3,length=3,shift_cnt=7)],seq=5,src_port=40000,urgent=0,window_size=64240)",
  ],
  [
    'ffffffffffff0000000000008100600508004500001c00000000ff11a7ce0a0000010a000002000100020008ebd80000000000000000000000000000',
    "ethernet(dst='ff:ff:ff:ff:ff:ff',ethertype=33024,src='00:00:00:00:00:00'), vlan(cfi=0,ethertype=2048,pcp=3,vid=5), ipv4(csum=42958,dst='10.0.0.2',flags=0,header_length=5,identification=0,offset=0,option=None,proto=17,src='10.0.0.1',tos=0,total_length=28,ttl=255,version=4), udp(csum=60376,dst_port=2,src_port=1,total_length=8)",
  ],
  [
    'ffffffffffff00000000000086dd6030000900102cfffd000000000000000000000000000001fd000000000000000000000000000002110000010000000500010002000805bc',
    "ethernet(dst='ff:ff:ff:ff:ff:ff',ethertype=34525,src='00:00:00:00:00:00'), ipv6(dst='fd00::2',ext_hdrs=[fragment(id_=5,more=1,nxt=17,offset=0)],flow_label=9,hop_limit=255,nxt=44,payload_length=16,src='fd00::1',traffic_class=3,version=6), udp(csum=1468,dst_port=2,src_port=1,total_length=8)",
  ],
  [
    'ffffffffffff000000000000080600010800060400020200000000010a000001ffffffffffff0a000002000000000000000000000000000000000000',
    "ethernet(dst='ff:ff:ff:ff:ff:ff',ethertype=2054,src='00:00:00:00:00:00'), arp(dst_ip='10.0.0.2',dst_mac='ff:ff:ff:ff:ff:ff',hlen=6,hwtype=1,opcode=2,plen=4,proto=2048,src_ip='10.0.0.1',src_mac='02:00:00:00:00:01')",
  ],
  [
    'ffffffffffff00000000000008004500001400000000ff84a7630a0000010a0000020000000000000000000000000000000000000000000000000000',
    "ethernet(dst='ff:ff:ff:ff:ff:ff',ethertype=2048,src='00:00:00:00:00:00'), ipv4(csum=42851,dst='10.0.0.2',flags=0,header_length=5,identification=0,offset=0,option=None,proto=132,src='10.0.0.1',tos=0,total_length=20,ttl=255,version=4), sctp(csum=0,dst_port=0,src_port=0,vtag=0)",
  ],
];

/** An echo of each family, which carries `abc`. */
export const echoes: readonly (readonly [hex: string, last: string])[] = [
  [
    'ffffffffffff00000000000008004500001f00000000ff01a7db0a0000010a0000020800339a00010002616263000000000000000000000000000000',
    'icmp(code=0,csum=13210,data=echo(id=1,seq=2),type=8)',
  ],
  [
    'ffffffffffff00000000000086dd60000000000b3aff00100000000000000000000000000010002000000000000000000000000000208000baf400010002616263',
    'icmpv6(code=0,csum=47860,data=echo(id=1,seq=2),type_=128)',
  ],
  [
    'ffffffffffff00000000000086dd6000000000203aff0010000000000000000000000000001000200000000000000000000000000020870076c100000000fe8000000000000000000000000000010101020000000001',
    "icmpv6(code=0,csum=30401,data=nd_neighbor(dst='fe80::1',res=0),type_=135)",
  ],
];
