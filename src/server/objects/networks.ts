// Networks and subnets as versioned objects.
import type { Row } from '../../contracts/store.ts';
import type { Image } from '../../domain/objects/encode.ts';
import { grouped } from '../commands/load.ts';
import { everyone, isExternal, sharingOf } from '../commands/sharing.ts';
import type { Services } from '../context.ts';
import { uuid5 } from '../uuid5.ts';
import type { Source } from './source.ts';

/** A segment's times are its network's, where it has none of its own. */
export function segmentImage(row: Row, network: Row | undefined): Image {
  const { created_at, updated_at } = { created_at: network?.created_at ?? null, updated_at: network?.created_at ?? null };
  // One that came with its network has no description.
  return { hosts: [], revision_number: 0, created_at, updated_at, ...row, description: row.description || null };
}

async function networkImages(services: Services, rows: readonly Row[]): Promise<readonly Image[]> {
  const ids = rows.map(r => String(r.id));
  const segments = await grouped(services, 'segments', 'network_id', ids, { order: [['segment_index', 'asc']] });
  const sharing = await sharingOf(services, ids);
  return rows.map(row => {
    const id = String(row.id);
    const hints = row.availability_zone_hints as readonly string[] | null | undefined;
    return {
      ...row,
      availability_zone_hints: hints && hints.length > 0 ? hints : null,
      shared: isForAll(sharing.get(id), 'access_as_shared'),
      dns_domain: row.dns_domain || null,
      security: { id, port_security_enabled: row.port_security_enabled },
      segments: (segments.get(id) ?? []).map(s => segmentImage(s, row)),
    };
  });
}

const isForAll = (entries: readonly Row[] | undefined, action: string): boolean =>
  (entries ?? []).some(e => e.action === action && e.target_project === everyone);

/** What another object says of being shared: with all, since agents are of no project. */
export async function sharedWithAll(services: Services, rows: readonly Row[]): Promise<ReadonlySet<unknown>> {
  const sharing = await sharingOf(
    services,
    rows.map(r => String(r.id)),
  );
  return new Set([...sharing].filter(([, entries]) => isForAll(entries, 'access_as_shared')).map(([id]) => id));
}

async function subnetImages(services: Services, rows: readonly Row[]): Promise<readonly Image[]> {
  const sharing = await sharingOf(
    services,
    rows.map(r => String(r.network_id)),
  );
  return rows.map(row => {
    const id = String(row.id);
    const at = { subnet_id: id };
    const ofNetwork = sharing.get(String(row.network_id));
    return {
      dns_publish_fixed_ip: false,
      ...row,
      shared: isForAll(ofNetwork, 'access_as_shared'),
      external: isExternal(ofNetwork),
      allocation_pools: pools(row).map(p => ({ id: uuid5(id, `${p.start}-${p.end}`), ...at, ...p })),
      dns_nameservers: ((row.dns_nameservers ?? []) as readonly string[]).map((address, order) => ({ ...at, address, order })),
      host_routes: ((row.host_routes ?? []) as readonly Image[]).map(route => ({ ...at, ...route })),
    };
  });
}

const pools = (row: Row): readonly { readonly start: string; readonly end: string }[] =>
  (row.allocation_pools ?? []) as unknown as readonly { readonly start: string; readonly end: string }[];

export const networkObjects: Source = {
  type: 'Network',
  table: 'networks',
  kind: 'network',
  told: 'core',
  gone: { shared: false, mtu: 1500, qos_policy_id: null },
  images: networkImages,
};

export const subnetObjects: Source = {
  type: 'Subnet',
  table: 'subnets',
  kind: 'subnet',
  told: 'core',
  gone: {},
  images: subnetImages,
};
