// What routers do besides routing, as versioned objects: conntrack helpers and port forwardings.
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
