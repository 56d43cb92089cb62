// Port forwardings of floating IPs: they need a router between the port and the external network.
import type { Sample } from '../sample.ts';
import { routed } from '../scenes.ts';

const ports = new Map<string, Record<string, unknown>>();

export const samples: readonly Sample[] = [
  {
    resource: 'port_forwarding',
    prepare: async (at, admin) => {
      const { port, undo } = await routed(at, admin);
      ports.set(at.kind, { internal_port_id: port.id, internal_ip_address: (port.fixed_ips as { ip_address: string }[])[0]?.ip_address });
      return undo;
    },
    body: ({ kind, n }) => ({ ...ports.get(kind), protocol: 'tcp', internal_port: 10_000 + n, external_port: 20_000 + n }),
    update: { external_port: 9 },
  },
];
