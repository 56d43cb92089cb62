// Automatic topologies, which a GET makes, and the availability of addresses, which nobody makes.
import type { Sample } from '../sample.ts';

export const samples: readonly Sample[] = [
  {
    resource: 'auto_allocated_topology',
    after: ['network', 'subnet'],
    async make({ project, external, n }, admin) {
      const out = external.network!.id;
      await admin.request('PUT', `networks/${out}`, { network: { is_default: true } });
      const pool = { name: 'd', prefixes: [`10.${n % 100}.0.0/16`], default_prefixlen: 24, is_default: true, shared: true };
      await admin.request('POST', 'subnetpools', { subnetpool: pool });
      const { body } = await admin.request('GET', `auto-allocated-topology/${project}`);
      if (!body.auto_allocated_topology) throw new Error(JSON.stringify(body));
      return body.auto_allocated_topology as never;
    },
  },
  { resource: 'network_ip_availability' },
];
