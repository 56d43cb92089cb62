// What the database, meters and flows say for policies, by the datapath; beside what Neutron's agent has for them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { flowText } from '../../../domain/openflow/identity.ts';
import { noQos, type PortQos } from '../qos.ts';
import { classRenderer, concerns, isClassOf, qosRenderer } from './flows-qos.ts';
import { databaseOf, guaranteeOf, guarantees, type MeterKind, metersOf, type QosPort, shortfall } from './qos.ts';

const port = (qos: Partial<PortQos>, fields: Partial<QosPort> = {}): QosPort => ({
  device: '0f17caf9-5cc5-481f-9da4-1b70d9b7100e',
  name: 'tap0f17caf9-5c',
  ofport: 5,
  vlan: 3,
  mac: 'fa:16:3e:00:00:05',
  interfaceType: '',
  physical: 'public',
  found: { otherConfig: {}, qos: undefined },
  qos: { ...noQos, ...qos },
  ...fields,
});
const both = { bandwidth: { egress: { kbps: 2000, burst: 0 }, ingress: { kbps: 3000, burst: 500 } } };
const policed = (rate: number, burst: number) => ({ ingress_policing_rate: rate, ingress_policing_burst: burst });

describe('means', () => {
  test('the kernel polices what comes in and has a class for what goes out, as Neutron’s agent describes them', () => {
    assert.deepEqual(databaseOf(port(both), 'system'), {
      make: false,
      qos: {
        type: 'linux-htb',
        external_ids: { id: 'tap0f17caf9-5c', _type: 'bandwidth_limit' },
        other_config: { 'max-rate': '34359738367' },
        queues: {
          0: {
            other_config: { 'max-rate': '3000000', burst: '500000' },
            external_ids: { port: 'tap0f17caf9-5c', type: 'bandwidth_limit', 'queue-num': '0' },
          },
        },
      },
      interface: policed(2000, 1600),
    });
    assert.deepEqual(metersOf(port(both), 'system'), {});
  });

  test('in user space a meter limits what comes in', () => {
    assert.deepEqual(databaseOf(port(both), 'netdev').interface, policed(0, 0));
    assert.equal(databaseOf(port(both), 'netdev').qos?.type, 'linux-htb');
    assert.deepEqual(metersOf(port(both), 'netdev'), { bandwidth: { unit: 'kbps', bands: [{ type: 'drop', rate: 2000, burst: 1600 }] } });
    const tiny = port({ bandwidth: { egress: { kbps: 1, burst: 0 } } });
    assert.equal(metersOf(tiny, 'netdev').bandwidth?.bands[0]?.burst, 1);
  });

  test('of DPDK in bytes', () => {
    const wanted = databaseOf(port(both, { interfaceType: 'dpdkvhostuserclient' }), 'netdev');
    assert.deepEqual([wanted.qos?.type, wanted.qos?.other_config], ['egress-policer', { cir: '375000', cbs: '62500' }]);
    assert.deepEqual(wanted.interface, policed(2000, 1600));
  });

  test('a limit of nothing is none; without a policy all is taken away', () => {
    const none = port({ bandwidth: { egress: { kbps: 0, burst: 5 } }, packets: { egress: { kpps: 0, burst: 0 } } });
    for (const means of ['system', 'netdev']) {
      assert.deepEqual(databaseOf(none, means), { make: false, qos: null, interface: policed(0, 0) });
      assert.deepEqual(metersOf(none, means), {});
    }
  });

  test('packets are counted by meters everywhere, without a burst by the second', () => {
    const paced = port({ packets: { egress: { kpps: 3, burst: 0 }, ingress: { kpps: 4, burst: 2 } } });
    assert.deepEqual(metersOf(paced, 'system'), {
      egress: { unit: 'pktps', bands: [{ type: 'drop', rate: 3000 }] },
      ingress: { unit: 'pktps', bands: [{ type: 'drop', rate: 4000, burst: 2000 }] },
    });
    const most = port({ packets: { egress: { kpps: 1, burst: 2 ** 31 - 1 } } });
    assert.deepEqual(metersOf(most, 'system').egress?.bands, [{ type: 'drop', rate: 1000, burst: 2 ** 32 - 1 }]);
  });

  test("somebody else's QoS of a port stays, and that is told", () => {
    const qos = (external_ids: Record<string, string>): QosPort['found'] => ({
      otherConfig: {},
      qos: { external_ids },
    });
    const theirs = port(both, { found: qos({ who: 'operator' }) });
    assert.equal('qos' in databaseOf(theirs, 'system'), false);
    assert.match(shortfall(theirs, 'system') ?? '', /somebody else/);
    // Neutron's, of DPDK and of the kernel.
    for (const ids of [{ id: 'tap0f17caf9-5c' }, { id: 'x', _type: 'bandwidth_limit' }])
      assert.equal(databaseOf(port({}, { found: qos(ids) }), 'system').qos, null);
  });

  test('behind a patch a meter limits what comes in, and nothing what goes out', () => {
    const subport = port(both, { interfaceType: 'patch' });
    assert.deepEqual(databaseOf(subport, 'system'), { make: false, qos: null, interface: policed(0, 0) });
    assert.equal(metersOf(subport, 'system').bandwidth?.unit, 'kbps');
    assert.match(shortfall(subport, 'system') ?? '', /not limited/);
    assert.equal(guarantees('system', port({ minimum: { egress: 1 } }, { interfaceType: 'patch' })), true);
  });

  test('what a datapath cannot do is said', () => {
    const minimum = { minimum: { egress: 1000 } };
    assert.equal(shortfall(port({ ...both, ...minimum, dscp: 1 }), 'system'), undefined);
    assert.match(shortfall(port(minimum), 'netdev') ?? '', /no bandwidth is guaranteed/);
    assert.match(shortfall(port(minimum, { physical: null }), 'system') ?? '', /no physical network/);
    assert.match(shortfall(port(both, { interfaceType: 'internal' }), 'netdev') ?? '', /not limited/);
    assert.equal(databaseOf(port(both, { interfaceType: 'internal' }), 'netdev').qos, null);
  });
});

describe('flows', () => {
  const ids: Partial<Record<MeterKind, number>> = { bandwidth: 7, egress: 8, ingress: 9 };
  const vlans = new Map([5, 6, 7].map(ofport => [ofport, ofport === 7 ? 4 : 3]));
  const texts = (p: QosPort, some = ids, guaranteed: QosPort[] = []): string[] =>
    qosRenderer()({ ports: [p], meterOf: (_, kind) => some[kind], guaranteed, vlans })
      .map(flowText)
      .map(t => t.replace('cookie=0x7765667400000003, ', ''));

  test('bandwidth and packets that a port sends, and packets that it gets, from outside and from neighbours', () => {
    assert.deepEqual(texts(port({})), [
      'table=0, priority=200,reg3=0 actions=set_queue:0,set_field:0x1->reg3,resubmit(,0)',
      'table=0, priority=201,reg12=0,in_port=5 actions=meter:7,set_field:0x1->reg12,resubmit(,0)',
      'table=59, priority=110,reg9=0,in_port=5 actions=meter:8,set_field:0x1->reg9,resubmit(,59)',
      'table=59, priority=100,reg10=0,dl_vlan=3,dl_dst=fa:16:3e:00:00:05 actions=meter:9,goto_table:60',
      'table=59, priority=100,reg10=0x3,dl_dst=fa:16:3e:00:00:05 actions=meter:9,goto_table:60',
      'table=59, priority=105,reg10=0,in_port=5 actions=set_field:0x3->reg10,resubmit(,59)',
      'table=59, priority=105,reg10=0,in_port=6 actions=set_field:0x3->reg10,resubmit(,59)',
      // Of another network: a tag that it sends uses up nobody's packets.
      'table=59, priority=105,reg10=0,in_port=7 actions=set_field:0x4->reg10,resubmit(,59)',
    ]);
  });

  test('marks, as Neutron’s agent has them', () => {
    assert.deepEqual(texts(port({ dscp: 26 }), {}).slice(1), [
      'table=0, priority=65535,ip,reg2=0,in_port=5 actions=set_field:26->ip_dscp,set_field:0x1->reg2,resubmit(,0)',
      'table=0, priority=65535,ipv6,reg2=0,in_port=5 actions=set_field:26->ip_dscp,set_field:0x1->reg2,resubmit(,0)',
    ]);
  });

  test('a guaranteed port is marked on the integration bridge and has its class on the physical one', () => {
    const p = port({ minimum: { egress: 1000 } });
    assert.equal(guarantees('system', p), true);
    assert.equal(guarantees('netdev', p), false);
    assert.deepEqual(texts(p, {}, [p]).slice(1), [
      'table=0, priority=200,reg4=0,in_port=5 actions=set_field:0x5->pkt_mark,set_field:0x1->reg4,resubmit(,0)',
    ]);
    assert.deepEqual(
      classRenderer()(2, [p]).map(f => flowText(f).replace(/^cookie=\S+ /, '')),
      ['table=0, priority=200,pkt_mark=0x5,reg4=0,in_port=2 actions=set_queue:5,set_field:0x1->reg4,resubmit(,0)'],
    );
    assert.deepEqual(guaranteeOf([p]), {
      type: 'linux-htb',
      external_ids: { id: 'weft', _type: 'minimum_bandwidth' },
      other_config: { 'max-rate': '34359738367' },
      queues: {
        5: {
          other_config: { 'min-rate': '1000000', 'max-rate': '34359738367' },
          external_ids: { port: p.device, type: 'minimum_bandwidth', 'queue-num': '5' },
        },
      },
    });
    assert.equal(guaranteeOf([]), null);
  });

  test('whose flow is whose', () => {
    const all = qosRenderer()({ ports: [port({ dscp: 1 })], meterOf: (_, k) => ids[k], guaranteed: [], vlans: new Map([[6, 3]]) });
    assert.equal(all.filter(f => concerns(f, 5, 'fa:16:3e:00:00:05')).length, 6);
    assert.equal(all.filter(f => concerns(f, 7, 'fa:16:3e:00:00:07')).length, 0);
    assert.equal(
      all.some(f => concerns({ ...f, cookie: 1n }, 5, '')),
      false,
    );
    const [flow] = classRenderer()(2, [port({})]);
    assert.deepEqual([isClassOf(flow!, 5), isClassOf(flow!, 2)], [true, false]);
  });

  test('the same values again for what is the same, and nothing is kept of ports that went', () => {
    const render = qosRenderer();
    const given = (...ports: QosPort[]) => ({ ports, meterOf: (_: QosPort, k: MeterKind) => ids[k], guaranteed: [], vlans });
    const first = render(given(port({})));
    const again = render(given(port({})));
    assert.deepEqual(
      again.map((flow, i) => flow === first[i]),
      again.map(() => true),
    );
    render(given());
    const anew = render(given(port({})));
    assert.equal(
      anew.some(flow => first.slice(1).includes(flow)),
      false,
    );
    const byClass = classRenderer();
    assert.equal(byClass(2, [port({})])[0], byClass(2, [port({})])[0]);
  });
});
