// Networks, subnets, ports.
import type { At, Sample } from '../sample.ts';

const onNetwork = ({ made }: At) => ({
  'network:project_id': made.network!.project_id,
  'networks:shared': made.network!.shared,
  shared: made.network!.shared,
});

export const samples: readonly Sample[] = [
  {
    resource: 'network',
    kinds: ['external', 'shared', 'own', 'foreign'],
    body: ({ kind }) => (kind === 'external' ? { 'router:external': true } : kind === 'shared' ? { shared: true } : {}),
    policed: ({ n }) => [
      { 'provider:network_type': 'vlan', 'provider:physical_network': 'p1', 'provider:segmentation_id': 1 + (n % 4000) },
      { segments: [{ 'provider:network_type': 'vxlan' }, { 'provider:network_type': 'vxlan' }] },
      { 'router:external': true, is_default: true },
    ],
  },
  {
    resource: 'subnet',
    kinds: ['external', 'shared', 'own', 'foreign'],
    body: ({ made, n }) => ({ network_id: made.network!.id, ip_version: 4, cidr: `10.${n >> 8}.${n & 255}.0/24` }),
    policed: ({ made }) => ({ segment_id: made.segment?.id }),
    on: { network: 'usable' },
    target: onNetwork,
  },
  {
    resource: 'port',
    kinds: ['external', 'shared', 'guest', 'own', 'foreign'],
    body: ({ made }) => ({ network_id: made.network!.id, device_owner: 'compute:walk' }),
    policed: ({ made, n }) => [
      {
        fixed_ips: [{ subnet_id: made.subnet!.id, ip_address: String(made.subnet!.cidr).replace('.0/24', `.${100 + (n % 100)}`) }],
        mac_address: `fa:16:3f:00:${[n >> 8, n & 255].map(b => b.toString(16).padStart(2, '0')).join(':')}`,
        device_id: 'walk',
        'binding:host_id': 'h1',
        'binding:profile': { a: 1 },
        'binding:vnic_type': 'direct',
        trusted: true,
        hints: { openvswitch: { other_config: { 'tx-steering': 'hash' } } },
        allowed_address_pairs: [{ ip_address: '10.9.9.9', mac_address: 'fa:16:3f:11:22:33' }],
      },
      // The network is no private VLAN: whoever may ask for it is told so.
      { pvlan_type: 'community', pvlan_community: 'walk' },
    ],
    on: { network: 'usable' },
    target: onNetwork,
  },
];
