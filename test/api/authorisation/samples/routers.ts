// Routers and floating IPs.
import type { Sample } from '../sample.ts';

export const samples: readonly Sample[] = [
  {
    resource: 'router',
    after: ['subnet'],
    body: () => ({}),
    policed: ({ external }) => [
      {
        external_gateway_info: {
          network_id: external.network!.id,
          enable_snat: false,
          external_fixed_ips: [{ subnet_id: external.subnet!.id }],
        },
      },
      { enable_default_route_ecmp: true, enable_default_route_bfd: true, evpn_vni: 0 },
      { ha: true },
      { distributed: true },
    ],
  },
  {
    resource: 'floatingip',
    after: ['subnet'],
    body: ({ external }) => ({ floating_network_id: external.network!.id }),
    policed: ({ external, n }) => ({
      floating_ip_address: String(external.subnet!.cidr).replace(/\d+\/\d+$/, String(100 + (n % 100))),
    }),
  },
];
