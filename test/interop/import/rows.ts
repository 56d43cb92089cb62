// Rows of Neutron's tables, written past the server: a network with a port, and with many.
const network = [
  "INSERT INTO standardattributes (id, resource_type, revision_number) VALUES (1, 'networks', 3), (2, 'subnets', 0), (3, 'ports', 7), (4, 'networksegments', 0)",
  "INSERT INTO networks (id, project_id, name, status, admin_state_up, standard_attr_id, mtu) VALUES ('net-1', 'p', 'one', 'ACTIVE', 1, 1, 1450)",
  "INSERT INTO networksegments (id, network_id, network_type, segmentation_id, is_dynamic, segment_index, standard_attr_id) VALUES ('seg-1', 'net-1', 'vxlan', 77, 0, 0, 4)",
  "INSERT INTO subnets (id, project_id, name, network_id, ip_version, cidr, gateway_ip, enable_dhcp, standard_attr_id) VALUES ('sub-1', 'p', '', 'net-1', 4, '10.0.0.0/16', '10.0.0.1', 1, 2)",
  "INSERT INTO ipallocationpools (id, subnet_id, first_ip, last_ip) VALUES ('pool-1', 'sub-1', '10.0.0.2', '10.0.255.254')",
  "INSERT INTO ports (id, project_id, name, network_id, mac_address, admin_state_up, status, device_id, device_owner, standard_attr_id) VALUES ('port-1', 'p', '', 'net-1', 'fa:16:3e:00:00:01', 1, 'ACTIVE', 'd', 'compute:nova', 3)",
  "INSERT INTO ipallocations (port_id, ip_address, subnet_id, network_id) VALUES ('port-1', '10.0.0.5', 'sub-1', 'net-1')",
  "INSERT INTO ml2_port_bindings (port_id, host, vif_type, vnic_type, profile, vif_details, status) VALUES ('port-1', 'node-1', 'bridge', 'normal', '', '', 'ACTIVE')",
];

export const smallSql = `${network.join(';\n')};`;

/** The n-th of many ports begins here. */
const base = 1000;

const each = (n: number, table: string, columns: string, row: (i: number) => string): string =>
  `INSERT INTO ${table} (${columns}) VALUES ${Array.from({ length: n }, (_, i) => `(${row(i + base)})`).join(', ')};`;

const address = (i: number): string => `10.0.${i >> 8}.${i & 255}`;
const mac = (i: number): string => `fa:16:3e:01:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`;

/** Ports `many-N` beside the one. */
export const manySql = (n: number): string =>
  [
    each(n, 'standardattributes', 'id, resource_type, revision_number', i => `${i}, 'ports', 0`),
    each(
      n,
      'ports',
      'id, project_id, name, network_id, mac_address, admin_state_up, status, device_id, device_owner, standard_attr_id',
      i => `'many-${i}', 'p', '', 'net-1', '${mac(i)}', 1, 'DOWN', '', '', ${i}`,
    ),
    each(n, 'ipallocations', 'port_id, ip_address, subnet_id, network_id', i => `'many-${i}', '${address(i)}', 'sub-1', 'net-1'`),
    each(
      n,
      'ml2_port_bindings',
      'port_id, host, vif_type, vnic_type, profile, vif_details, status',
      i => `'many-${i}', '', 'unbound', 'normal', '', '', 'ACTIVE'`,
    ),
  ].join('\n');

/** Takes them away again; what hangs on ports goes with them. */
export const noneOfMany = `DELETE FROM ports WHERE id LIKE 'many-%'; DELETE FROM standardattributes WHERE id >= ${base};`;
