// The words of ovs-dpctl, both ways. That the switch prints and takes them is seen in test/system/openvswitch-firewall.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostRefusal } from '../../../contracts/host/firewall.ts';
import { canBeNamed, parseConnection, tupleText } from './tuples.ts';

test('listed connections are read, and named again by their whole tuples', () => {
  const cases: readonly (readonly [line: string, tuple: string, more: object])[] = [
    [
      'tcp,orig=(src=10.0.0.2,dst=10.0.0.1,sport=40000,dport=22),reply=(src=10.0.0.1,dst=10.0.0.2,sport=22,dport=40000),zone=3,mark=1,protoinfo=(state=ESTABLISHED)',
      'ct_nw_src=10.0.0.2,ct_nw_dst=10.0.0.1,ct_nw_proto=6,ct_tp_src=40000,ct_tp_dst=22',
      { family: 4, protocol: '6', zone: 3, mark: 1, replySrc: '10.0.0.1' },
    ],
    [
      'icmpv6,orig=(src=fd00::2,dst=fd00::1,id=7,type=128,code=0),reply=(src=fd00::1,dst=fd00::2,id=7,type=129,code=0),zone=4',
      'ct_ipv6_src=fd00::2,ct_ipv6_dst=fd00::1,ct_nw_proto=58,icmp_type=128,icmp_code=0,icmp_id=7',
      { family: 6, icmpType: 128, icmpCode: 0, icmpId: 7, zone: 4, mark: 0 },
    ],
    [
      '112,orig=(src=10.0.0.2,dst=224.0.0.18,sport=0,dport=0),reply=(src=224.0.0.18,dst=10.0.0.2,sport=0,dport=0)',
      'ct_nw_src=10.0.0.2,ct_nw_dst=224.0.0.18,ct_nw_proto=112,ct_tp_src=0,ct_tp_dst=0',
      { protocol: '112', zone: 0 },
    ],
  ];
  for (const [line, tuple, more] of cases) {
    const read = parseConnection(line);
    assert.ok(read, line);
    assert.equal(tupleText(read), tuple);
    assert.deepEqual({ ...read, ...more }, read);
  }
  for (const line of ['', 'tcp', 'ovs-vswitchd: no such datapath', 'tcp,orig=(),reply=()'])
    assert.equal(parseConnection(line), undefined, line);
});

test('what the switch would end itself over is not named', () => {
  const named = (protocol: string, icmpType: number): boolean =>
    canBeNamed({ family: 4, zone: 1, mark: 0, protocol, src: '10.0.0.1', dst: '10.0.0.2', icmpType });
  assert.deepEqual([named('1', 8), named('1', 77), named('58', 128), named('17', 0)], [true, false, false, true]);
});

test('what is no connection is not named', () => {
  const whole = parseConnection('udp,orig=(src=10.0.0.2,dst=10.0.0.1,sport=1,dport=2),reply=(src=10.0.0.1,dst=10.0.0.2,sport=2,dport=1)')!;
  for (const wrong of [{ protocol: 'udp ' }, { src: '10.0.0.2,ct_nw_proto=6' }, { dst: '' + ' ' }])
    assert.throws(() => tupleText({ ...whole, ...wrong }), HostRefusal);
});
