// Ports as versioned objects.
import type { Row } from '../../contracts/store.ts';
import type { Image } from '../../domain/objects/encode.ts';
import { byIds, grouped } from '../commands/load.ts';
import { profileOf } from '../commands/port-profile.ts';
import { networkPolicies } from '../commands/qos-view.ts';
import type { Services } from '../context.ts';
import { uuid5 } from '../uuid5.ts';
import { segmentImage } from './networks.ts';
import type { Source } from './source.ts';

interface Around {
  readonly bindings: ReadonlyMap<string, readonly Row[]>;
  readonly levels: ReadonlyMap<string, readonly Row[]>;
  readonly addresses: ReadonlyMap<string, readonly Row[]>;
  readonly groups: ReadonlyMap<string, readonly Row[]>;
  readonly segments: ReadonlyMap<string, Row>;
  readonly networks: ReadonlyMap<string, Row>;
  readonly policies: ReadonlyMap<string, string | null>;
}

async function around(services: Services, rows: readonly Row[]): Promise<Around> {
  const ids = rows.map(r => String(r.id));
  const networkIds = rows.map(r => r.network_id);
  const levels = await grouped(services, 'port_binding_levels', 'port_id', ids, { order: [['level', 'asc']] });
  return {
    bindings: await grouped(services, 'port_bindings', 'port_id', ids, { order: [['host', 'asc']] }),
    levels,
    addresses: await grouped(services, 'ip_allocations', 'port_id', ids, { order: [['position', 'asc']] }),
    groups: await grouped(services, 'port_security_groups', 'port_id', ids, { order: [['security_group_id', 'asc']] }),
    segments: await byIds(
      services,
      'segments',
      [...levels.values()].flat().map(l => l.segment_id),
    ),
    networks: await byIds(services, 'networks', networkIds),
    policies: await networkPolicies(services, networkIds),
  };
}

function image(row: Row, all: Around): Image {
  const id = String(row.id);
  const of = (rows: ReadonlyMap<string, readonly Row[]>): readonly Row[] => rows.get(id) ?? [];
  const at = { port_id: id };
  return {
    ...row,
    allowed_address_pairs: list(row.allowed_address_pairs).map(pair => ({ ...at, ...pair })),
    bindings: of(all.bindings).map(b => bindingImage(row, b)),
    data_plane_status: row.data_plane_status ? { ...at, data_plane_status: row.data_plane_status } : null,
    dhcp_options: list(row.extra_dhcp_opts).map(o => ({ ...at, id: uuid5(id, `${o.opt_name}/${o.ip_version}`), ...o })),
    distributed_bindings: [],
    dns: dnsImage(row),
    fixed_ips: of(all.addresses).map(({ subnet_id, network_id, ip_address }) => ({ ...at, subnet_id, network_id, ip_address })),
    security: { id, port_security_enabled: row.port_security_enabled },
    security_group_ids: of(all.groups).map(g => g.security_group_id),
    qos_network_policy_id: all.policies.get(String(row.network_id)) ?? null,
    binding_levels: of(all.levels).map(level => ({ ...level, segment: levelSegment(level, all) })),
    hints: row.hints ? { ...at, hints: row.hints } : null,
  };
}

const list = (value: unknown): readonly Image[] => (value ?? []) as readonly Image[];

function bindingImage(row: Row, binding: Row): Image {
  const details = binding.vif_details as Readonly<Record<string, unknown>> | null;
  return {
    ...binding,
    profile: binding.status === 'ACTIVE' ? profileOf(row, binding) : (binding.profile ?? {}),
    vif_details: details && Object.keys(details).length > 0 ? details : null,
  };
}

/** A port without a name is in no DNS. */
function dnsImage({ id, dns_name, dns_domain }: Row): Image | null {
  if (!dns_name) return null;
  const none = { current_dns_name: '', current_dns_domain: '', previous_dns_name: '', previous_dns_domain: '' };
  return { port_id: id, ...none, dns_name, dns_domain: dns_domain ?? '' };
}

function levelSegment(level: Row, { segments, networks }: Around): Image | null {
  const segment = segments.get(String(level.segment_id));
  return segment ? segmentImage(segment, networks.get(String(segment.network_id))) : null;
}

export const portObjects: Source = {
  type: 'Port',
  table: 'ports',
  kind: 'port',
  told: 'core',
  gone: { security_group_ids: null, qos_policy_id: null, qos_network_policy_id: null },
  async images(services, rows) {
    const all = await around(services, rows);
    return rows.map(row => image(row, all));
  },
  filters: {
    security_group_ids: values => ({
      exists: { table: 'port_security_groups', on: [['port_id', 'id']], where: { in: ['security_group_id', values] }, first: true },
    }),
  },
};
