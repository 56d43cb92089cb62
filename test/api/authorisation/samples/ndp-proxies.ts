// NDP proxies: each for another port behind a router that answers for them.
import type { Sample } from '../sample.ts';
import { proxying } from '../scenes.ts';

export const samples: readonly Sample[] = [
  {
    resource: 'ndp_proxy',
    own: true,
    prepare: async ({ kind, project, n }, admin) => {
      const scene = await proxying(project, admin, n);
      const body = { ports: Array.from({ length: 40 }, () => ({ project_id: project, network_id: scene.net.id })) };
      const made = await admin.request('POST', 'ports', body);
      if (made.status !== 201) throw new Error(`forty ports: ${made.status} ${JSON.stringify(made.body)}`);
      const ids = (made.body.ports as { id: string }[]).map(p => p.id);
      unused.set(kind, { router_id: scene.router.id, ids: [...ids] });
      return async () => {
        for (const id of ids) await admin.request('DELETE', `ports/${id}`);
        await scene.undo();
      };
    },
    body: ({ kind }) => ({ router_id: unused.get(kind)?.router_id, port_id: unused.get(kind)?.ids.pop() }),
  },
];

const unused = new Map<string, { readonly router_id: string; readonly ids: string[] }>();
