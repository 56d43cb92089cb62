// Trunks and their subports as versioned objects.
import type { Row } from '../../contracts/store.ts';
import { subPortsOf } from '../commands/trunk-rows.ts';
import type { Source } from './source.ts';

export const trunkObjects: Source = {
  type: 'Trunk',
  table: 'trunks',
  kind: 'trunk',
  // A trunk whose name or state changes is not told, as in Neutron.
  told: 'ends',
  // Agents find a trunk by the port that they see.
  pulledBy: 'port_id',
  async images(services, rows) {
    const subs = await subPortsOf(
      services,
      rows.map(r => r.id),
    );
    return rows.map(row => {
      const own = (row.sub_ports ?? subs.get(String(row.id)) ?? []) as readonly object[];
      return { ...row, sub_ports: own.map(s => ({ ...s, trunk_id: row.id })) };
    });
  },
};

export const subPortObjects: Source = {
  type: 'SubPort',
  table: 'sub_ports',
  kind: 'sub_ports',
  told: 'ends',
  // One fact tells of all that came, or went, together.
  rows: async (_services, { id, facts }) => ((facts.sub_ports ?? []) as readonly Row[]).map(sub => ({ ...sub, trunk_id: id })),
  images: async (_services, rows) => rows,
};
