// A trunk as the server tells of it: its parent port, and subports with a VLAN tag each. A subport that makes no sense is set aside, alone.
import type { WireObject } from '../../domain/objects/decode.ts';

export interface SubPort {
  readonly port_id: string;
  /** 1 to 4094. */
  readonly segmentation_id: number;
}

export interface Trunk {
  readonly id: string;
  /** The parent. */
  readonly port_id: string;
  /** What the server thinks of it. */
  readonly status: string;
  /** One for each port and each tag. */
  readonly sub_ports: readonly SubPort[];
  /** Subports that cannot be wired, and why. */
  readonly unusable: ReadonlyMap<string, string>;
}

const isUuid = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(value);

/** Of a `Trunk`; undefined for what is none. */
export function readTrunk({ name, data }: WireObject): Trunk | undefined {
  const { id, port_id, status, sub_ports } = data;
  if (name !== 'Trunk' || !isUuid(id) || !isUuid(port_id)) return undefined;
  const unusable = new Map<string, string>();
  const byPort = new Map<string, SubPort>();
  const tags = new Set<number>();
  for (const fields of Array.isArray(sub_ports) ? sub_ports.map(fieldsOf) : []) {
    const { port_id: port, segmentation_type, segmentation_id: tag } = fields;
    if (!isUuid(port) || port === port_id || byPort.has(port)) continue;
    if (segmentation_type !== 'vlan') unusable.set(port, `segmentation type ${JSON.stringify(segmentation_type)} is not vlan`);
    else if (typeof tag !== 'number' || !Number.isInteger(tag) || tag < 1 || tag > 4094)
      unusable.set(port, `${JSON.stringify(tag)} is no VLAN tag`);
    else if (tags.has(tag)) unusable.set(port, `VLAN tag ${tag} is another subport's`);
    else {
      tags.add(tag);
      byPort.set(port, { port_id: port, segmentation_id: tag });
    }
  }
  return { id, port_id, status: typeof status === 'string' ? status : '', sub_ports: [...byPort.values()], unusable };
}

function fieldsOf(item: unknown): Readonly<Record<string, unknown>> {
  const { data } = (item ?? {}) as { readonly data?: unknown };
  return typeof data === 'object' && data !== null ? (data as Readonly<Record<string, unknown>>) : {};
}
