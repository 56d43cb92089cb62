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
  },
  {
    resource: 'subnet',
    kinds: ['external', 'shared', 'own', 'foreign'],
    body: ({ made, n }) => ({ network_id: made.network!.id, ip_version: 4, cidr: `10.${n >> 8}.${n & 255}.0/24` }),
    on: { network: 'usable' },
    target: onNetwork,
  },
  {
    resource: 'port',
    kinds: ['external', 'shared', 'guest', 'own', 'foreign'],
    body: ({ made }) => ({ network_id: made.network!.id, device_owner: 'compute:walk' }),
    on: { network: 'usable' },
    target: onNetwork,
  },
];
