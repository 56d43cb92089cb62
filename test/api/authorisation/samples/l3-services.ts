// Local IPs, metering, logs of packets.
import type { Sample } from '../sample.ts';

export const samples: readonly Sample[] = [
  { resource: 'local_ip', body: ({ made }) => ({ network_id: made.network!.id }), on: { network: 'visible' }, after: ['subnet'] },
  { resource: 'metering_label', body: () => ({}) },
  {
    resource: 'metering_label_rule',
    body: ({ made, n }) => ({
      metering_label_id: made.metering_label!.id,
      direction: 'ingress',
      remote_ip_prefix: `10.${n >> 8}.${n & 255}.0/24`,
    }),
    after: ['metering_label'],
    own: true,
    // Stored, and never shown.
    target: ({ project }) => ({ project_id: project }),
  },
  { resource: 'log', body: () => ({ resource_type: 'security_group' }) },
  { resource: 'loggable_resource', relative: true },
  {
    resource: 'local_ip_port_association',
    prepare: async ({ kind, project, made }, admin) => {
      const body = { ports: Array.from({ length: 40 }, () => ({ project_id: project, network_id: made.network?.id })) };
      const ids = ((await admin.request('POST', 'ports', body)).body.ports as { id: string }[]).map(p => p.id);
      unused.set(kind, [...ids]);
      return async () => {
        for (const id of ids) await admin.request('DELETE', `ports/${id}`);
      };
    },
    body: ({ kind }) => ({ fixed_port_id: unused.get(kind)?.pop() }),
  },
];

const unused = new Map<string, string[]>();
