// Trunks. A port is in one trunk only, so each trunk of the walk takes another port, of a network of its own.
import type { Kind, Sample } from '../sample.ts';

/** Ports that no trunk has taken yet. */
const free = new Map<Kind, string[]>();

export const samples: readonly Sample[] = [
  {
    resource: 'trunk',
    async prepare({ kind, project }, admin) {
      const { id } = await admin.make('networks', 'network', { project_id: project });
      const ports = Array.from({ length: 40 }, () => ({ network_id: id, project_id: project }));
      const { body } = await admin.request('POST', 'ports', { ports });
      const ids = (body.ports as { id: string }[]).map(p => p.id);
      free.set(kind, [...ids]);
      return async () => {
        for (const port of ids) await admin.request('DELETE', `ports/${port}`);
        await admin.request('DELETE', `networks/${id}`);
      };
    },
    body: ({ kind }) => ({ port_id: free.get(kind)!.pop() }),
    on: { port: 'visible' },
    actions: {
      add_subports: { body: { sub_ports: [] }, status: 200 },
      remove_subports: { body: { sub_ports: [] }, status: 200 },
      get_subports: { status: 200 },
    },
  },
];
