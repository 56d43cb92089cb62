// Flow tables against those that Neutron's own agent (Zed) made for the same ports and networks: dumped, without cookies, ports by number.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Flow } from '../../../domain/openflow/flow.ts';
import { flowText } from '../../../domain/openflow/identity.ts';
import { compilePort } from '../../render/security-port.ts';
import { addFdb, emptyFdb, parseFdbEntries } from '../l2-fdb.ts';
import { integrationFlows } from './flows-integration.ts';
import { physicalFlows } from './flows-physical.ts';
import { type TunnelFlowsGiven, tunnelFlows } from './flows-tunnel.ts';
import { foundFdb } from './found-fdb.ts';
import { isOurCookie } from './tables.ts';

const texts = (flows: readonly Flow[]): string[] =>
  flows
    .map(flow =>
      flowText(flow)
        .replaceAll(/,?cookie=0x[0-9a-f]+(, )?/g, '')
        .replace('table=0, ', ''),
    )
    .sort();
const golden = (text: string): string[] =>
  text
    .trim()
    .split('\n')
    .map(line => line.trim())
    .sort();

/**
 * A network of VLAN 187, a flat one, and a port with pairs on number 3; `int-br-ex` is 1, the tunnels are behind 2. Neutron's agent lets in
 * whatever port there is, and has `priority=0 actions=goto_table:59` for the first three.
 */
const integration = golden(`
  priority=65535,dl_vlan=4095 actions=drop
  priority=10,icmp6,in_port=3,icmp_type=136 actions=goto_table:24
  priority=10,arp,in_port=3 actions=goto_table:24
  priority=2,in_port=1 actions=drop
  priority=9,in_port=3 actions=goto_table:25
  priority=3,in_port=1,vlan_tci=0x0000/0x1fff actions=push_vlan:0x8100,set_field:4097->vlan_vid,goto_table:59
  priority=3,in_port=1,dl_vlan=187 actions=set_field:4098->vlan_vid,goto_table:59
  priority=1,in_port=2 actions=goto_table:59
  priority=1,in_port=3 actions=goto_table:59
  priority=0 actions=drop
  table=23, priority=0 actions=drop
  table=24, priority=2,icmp6,in_port=3,icmp_type=136,nd_target=2001:db8::5 actions=goto_table:59
  table=24, priority=2,icmp6,in_port=3,icmp_type=136,nd_target=fe80::f816:3eff:fe99:9999 actions=goto_table:59
  table=24, priority=2,icmp6,in_port=3,icmp_type=136,nd_target=fe80::f816:3eff:fe3b:c5e1 actions=goto_table:59
  table=24, priority=2,arp,in_port=3,arp_spa=10.1.0.227 actions=goto_table:25
  table=24, priority=2,arp,in_port=3,arp_spa=10.9.0.0/24 actions=goto_table:25
  table=24, priority=0 actions=drop
  table=25, priority=2,in_port=3,dl_src=fa:16:3e:99:99:99 actions=goto_table:30
  table=25, priority=2,in_port=3,dl_src=fa:16:3e:3b:c5:e1 actions=goto_table:30
  table=30, priority=0 actions=goto_table:59
  table=31, priority=0 actions=goto_table:59
  table=59, priority=0 actions=goto_table:60
  table=60, priority=5,in_port=3,dl_vlan=0 actions=pop_vlan,resubmit(,60)
  table=60, priority=4,in_port=3,vlan_tci=0x1000/0x1000 actions=drop
  table=60, priority=3 actions=NORMAL
  table=62, priority=3 actions=NORMAL`);

const tunnels = golden(`
  priority=1,in_port=1 actions=goto_table:2
  priority=1,in_port=3 actions=goto_table:3
  priority=1,in_port=2 actions=goto_table:4
  priority=0 actions=drop
  table=2, priority=1,arp,dl_dst=ff:ff:ff:ff:ff:ff actions=goto_table:21
  table=2, priority=0,dl_dst=00:00:00:00:00:00/01:00:00:00:00:00 actions=goto_table:20
  table=2, priority=0,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=goto_table:22
  table=3, priority=1,tun_id=0x15 actions=push_vlan:0x8100,set_field:4099->vlan_vid,goto_table:10
  table=3, priority=0 actions=drop
  table=4, priority=1,tun_id=0xd92c02 actions=push_vlan:0x8100,set_field:4100->vlan_vid,goto_table:10
  table=4, priority=0 actions=drop
  table=6, priority=0 actions=drop
  table=10, priority=1 actions=learn(table=20,hard_timeout=300,priority=1,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:0->NXM_OF_VLAN_TCI[],load:NXM_NX_TUN_ID[]->NXM_NX_TUN_ID[],output:NXM_OF_IN_PORT[]),output:1
  table=20, priority=2,dl_vlan=3,dl_dst=fa:16:3e:d1:04:10 actions=pop_vlan,set_field:0x15->tun_id,output:3
  table=20, priority=0 actions=goto_table:22
  table=21, priority=1,arp,dl_vlan=3,arp_tpa=10.2.0.158 actions=set_field:2->arp_op,move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],set_field:fa:16:3e:d1:04:10->arp_sha,set_field:10.2.0.158->arp_spa,move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:fa:16:3e:d1:04:10->eth_src,IN_PORT
  table=21, priority=0 actions=goto_table:22
  table=22, priority=1,dl_vlan=3 actions=pop_vlan,set_field:0x15->tun_id,output:3
  table=22, priority=1,dl_vlan=4 actions=pop_vlan,set_field:0xd92c02->tun_id,output:2
  table=22, priority=0 actions=drop`);

const physical = golden(`
  priority=4,in_port=2,dl_vlan=1 actions=pop_vlan,NORMAL
  priority=4,in_port=2,dl_vlan=2 actions=set_field:4283->vlan_vid,NORMAL
  priority=2,in_port=2 actions=drop
  priority=0 actions=NORMAL`);

const flat = { patch: 1, local: 1, outer: null };
const vlan187 = { patch: 1, local: 2, outer: 187 };
const secured = compilePort({
  id: '161fce8d-fb92-4b0c-9a1d-aa54152ed19a',
  device: '161fce8d-fb92-4b0c-9a1d-aa54152ed19a',
  mac_address: 'fa:16:3e:3b:c5:e1',
  fixed_ips: ['10.1.0.227'],
  allowed_address_pairs: [
    { mac_address: 'fa:16:3e:99:99:99', ip_address: '10.9.0.0/24' },
    { mac_address: 'fa:16:3e:3b:c5:e1', ip_address: '2001:db8::5' },
  ],
  rules: [],
});

const OWN = '192.0.2.1';
const FAR = '192.0.2.2';
const told = (pairs: readonly (readonly [string, string])[]) => {
  const state = emptyFdb();
  const entries = { n: { network_type: 'gre', segment_id: 21, ports: { [FAR]: [['00:00:00:00:00:00', '0.0.0.0'], ...pairs] } } };
  for (const { ends } of parseFdbEntries(entries, ['gre'])) addFdb(state, ends, OWN);
  return state;
};
const population: TunnelFlowsGiven = {
  patch: 1,
  arpResponder: true,
  segments: [
    { type: 'gre', id: 21, local: 3, fdb: told([['fa:16:3e:d1:04:10', '10.2.0.158']]) },
    { type: 'vxlan', id: 14_232_578, local: 4, fdb: told([]) },
  ],
  ports: new Map([
    ['gre', new Map([[FAR, 3]])],
    ['vxlan', new Map([[FAR, 2]])],
  ]),
};

test('the integration bridge', () => {
  const flows = integrationFlows({
    admitted: [2, 3],
    untagged: [3],
    patches: [1],
    translations: [flat, vlan187],
    dead: [],
    spoofing: new Map([[3, secured]]),
  });
  assert.deepEqual(texts(flows), integration);
  assert.ok(flows.every(f => isOurCookie(f.cookie)));
});

test('a physical bridge', () => {
  assert.deepEqual(
    texts(
      physicalFlows(2, [
        { ...flat, patch: 2 },
        { ...vlan187, patch: 2 },
      ]),
    ),
    physical,
  );
});

test('the tunnel bridge with l2population and its ARP responder', () => {
  assert.deepEqual(texts(tunnelFlows(population)), tunnels);
});

test('the tunnel bridge without l2population: floods to every end of the type, answers nothing', () => {
  const flows = texts(
    tunnelFlows({
      patch: 1,
      arpResponder: false,
      segments: [
        { type: 'vxlan', id: 7, local: 4 },
        { type: 'geneve', id: 8, local: 5 },
      ],
      ports: new Map([
        [
          'vxlan',
          new Map([
            ['192.0.2.3', 9],
            [FAR, 2],
          ]),
        ],
      ]),
    }),
  );
  assert.deepEqual(
    flows.filter(f => f.startsWith('table=22')),
    ['table=22, priority=0 actions=drop', 'table=22, priority=1,dl_vlan=4 actions=pop_vlan,set_field:0x7->tun_id,output:2,output:9'],
  );
  assert.ok(flows.includes('table=6, priority=1,tun_id=0x8 actions=push_vlan:0x8100,set_field:4101->vlan_vid,goto_table:10'));
  assert.deepEqual(
    flows.filter(f => /table=21|goto_table:21/.test(f)),
    [],
  );
});

test('ports that nobody answers for are dropped, and any address is every address', () => {
  const free = compilePort({
    ...secured,
    mac_address: secured.mac,
    fixed_ips: [],
    allowed_address_pairs: [{ ip_address: '0.0.0.0/0' }],
    rules: [],
  });
  const flows = texts(
    integrationFlows({ admitted: [3], untagged: [], patches: [], translations: [], dead: [7], spoofing: new Map([[3, free]]) }),
  );
  assert.ok(flows.includes('priority=2,in_port=7 actions=drop'));
  assert.deepEqual(
    flows.filter(f => /arp|in_port=3,dl_src/.test(f)),
    ['table=25, priority=2,in_port=3,dl_src=fa:16:3e:3b:c5:e1 actions=goto_table:30'],
  );
});

test('what was told is read out of the flows that it made, and nothing that was learned', () => {
  const learned: Flow = {
    table: 20,
    priority: 1,
    cookie: 0n,
    hard_timeout: 300,
    match: { vlan_vid: 0x1003, eth_dst: 'fa:16:3e:00:00:77' },
    actions: [{ do: 'output', port: 3 }],
  };
  const networks = new Map([
    [3, 'a'],
    [4, 'b'],
  ]);
  const found = foundFdb({
    flows: [...tunnelFlows(population), learned],
    networkOf: vlan => networks.get(vlan),
    remoteOf: port => (port === 1 ? undefined : FAR),
  });
  assert.deepEqual(
    [...found],
    [
      ['a', told([['fa:16:3e:d1:04:10', '10.2.0.158']])],
      ['b', told([])],
    ],
  );
});
