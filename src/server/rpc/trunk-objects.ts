// Trunks and subports as versioned objects.
import type { Row } from '../../contracts/store.ts';
import type { SubPort } from '../../model/trunk.ts';

export type Primitive = Readonly<Record<string, unknown>>;

function versioned(name: string, version: string, data: Primitive): Primitive {
  return {
    'versioned_object.name': name,
    'versioned_object.namespace': 'versionedobjects',
    'versioned_object.version': version,
    'versioned_object.data': data,
  };
}

export function subPortObject(trunk_id: string, { port_id, segmentation_type, segmentation_id }: SubPort): Primitive {
  return versioned('SubPort', '1.0', { port_id, trunk_id, segmentation_type, segmentation_id });
}

export function trunkObject(row: Row, subs: readonly SubPort[]): Primitive {
  const { id, admin_state_up, project_id, name, port_id, status, revision_number, description, created_at, updated_at } = row;
  const sub_ports = subs.map(s => subPortObject(String(id), s));
  const own = { admin_state_up, id, project_id, name, port_id, status, sub_ports };
  return versioned('Trunk', '1.1', { ...own, revision_number, description, created_at, updated_at });
}
