// What routers do besides routing, as versioned objects: conntrack helpers and port forwardings.
import type { Row } from '../../contracts/store.ts';
import { ndpProxy } from '../../model/ndp-proxy.ts';
import { byIds } from '../commands/load.ts';
import type { Source } from './source.ts';

export const conntrackHelperObjects: Source = {
  type: 'ConntrackHelper',
  table: 'conntrack_helpers',
  kind: 'conntrack_helper',
  told: 'life',
  images: async (_services, rows) => rows,
};

export const portForwardingObjects: Source = {
  type: 'PortForwarding',
  table: 'port_forwardings',
  kind: 'port_forwarding',
  told: 'life',
  async images(services, rows) {
    const fips = await byIds(
      services,
      'floatingips',
      rows.map(r => r.floatingip_id),
    );
    return rows.map(row => {
      const fip = fips.get(String(row.floatingip_id));
      return {
        revision_number: 0,
        floating_ip_address: fip?.floating_ip_address,
        ...row,
        router_id: row.router_id ?? fip?.router_id,
      };
    });
  },
};

export const localIpObjects: Source = {
  type: 'LocalIPAssociation',
  table: 'local_ip_associations',
  kind: 'local_ip_port_association',
  told: 'ends',
  async rows({ store }, { event, facts }) {
    const { local_ip_id, fixed_port_id, fixed_ip } = facts.last as Row;
    if (event === 'deleted') return [{ local_ip_id, fixed_port_id, fixed_ip } as Row];
    const row = await store.get('local_ip_associations', { local_ip_id, fixed_port_id } as Record<string, string>);
    return row ? [row] : [];
  },
  async images(services, rows) {
    const parents = await byIds(
      services,
      'local_ips',
      rows.map(r => r.local_ip_id),
    );
    return rows.map(row => ({
      ...row,
      id: `${String(row.local_ip_id)}_${String(row.fixed_port_id)}`,
      local_ip: parents.get(String(row.local_ip_id)) ?? null,
    }));
  },
};

export const ndpProxyObjects: Source = {
  type: 'NDPProxy',
  table: ndpProxy.table.name,
  kind: ndpProxy.name,
  told: 'ends',
  images: async (_services, rows) => rows,
};
