// Subports as a request names them: their form, and which tags there are.
import { invalidInput } from './errors.ts';
import { pyRepr, pyStr } from './input/python.ts';
import { Invalid, isUuid } from './input/text.ts';

/** As asked for; `inherit` and the rest are decided where networks are known. */
export interface WantedSubPort {
  readonly port_id: string;
  readonly segmentation_type?: unknown;
  readonly segmentation_id?: unknown;
}

/** More than there are tags. */
const most = 4094;

/** Neutron's checks of the form, in its order. Details that are missing altogether are found later. */
export function readSubPorts(value: unknown): WantedSubPort[] {
  if (!Array.isArray(value)) throw new Invalid(`Invalid data format for subports: '${pyStr(value)}' is not a list.`);
  if (value.length > most) throw new Invalid(`the list has more than ${most} items.`);
  const ports = new Set<string>();
  const tags = new Set<string>();
  return value.map(item => {
    if (typeof item !== 'object' || item === null || Array.isArray(item))
      throw new Invalid(`Invalid data format for subport: '${pyStr(item)}' is not a dict.`);
    const { port_id, segmentation_type, segmentation_id } = item as Record<string, unknown>;
    if (port_id === undefined) throw new Invalid('A valid port UUID must be specified.');
    if (!isUuid(port_id)) throw new Invalid(`Invalid UUID for subport: '${pyStr(port_id)}'.`);
    if (ports.has(port_id)) throw new Invalid(`Non unique UUID for subport: '${port_id}'.`);
    ports.add(port_id);
    if (segmentation_type !== 'inherit') noteTag(item as WantedSubPort, tags);
    return {
      port_id,
      ...(segmentation_type === undefined ? {} : { segmentation_type }),
      ...(segmentation_id === undefined ? {} : { segmentation_id }),
    };
  });
}

function noteTag(item: WantedSubPort, tags: Set<string>): void {
  const { port_id, segmentation_type, segmentation_id } = item;
  const missing = !segmentation_type || segmentation_id === undefined || segmentation_id === null;
  if (missing && Object.keys(item).length > 1) throw new Invalid(withoutDetails(item));
  const tag = JSON.stringify([segmentation_type, segmentation_id]);
  if (!missing && tags.has(tag)) throw new Invalid(`Segmentation ID '${pyStr(segmentation_id)}' for '${port_id}' is not unique.`);
  tags.add(tag);
}

function withoutDetails(item: WantedSubPort): string {
  const both = 'Must specify both segmentation_id and segmentation_type';
  return `Invalid subport details '${pyRepr(item)}': missing segmentation information. ${both}.`;
}

export interface Segmentation {
  readonly segmentation_type: string;
  readonly segmentation_id: number;
}

/** The tag of a subport. Only VLAN tags are known. */
export function readSegmentation(wanted: WantedSubPort): Segmentation {
  const { segmentation_type: type, segmentation_id: id } = wanted;
  if (type === undefined || id === undefined) throw invalidInput(withoutDetails(wanted).replace(/\.$/, ''));
  const number = typeof id === 'string' && /^[0-9]{1,10}$/.test(id.trim()) ? Number(id) : id;
  if (typeof number !== 'number' || !Number.isInteger(number))
    throw invalidInput(`Invalid subport details: segmentation_id '${pyStr(id)}' is not an integer`);
  if (type !== 'vlan') throw invalidInput(`Unknown segmentation_type '${pyStr(type)}'`);
  if (number < 1 || number > 4094) throw invalidInput(`Segmentation ID '${number}' is not in range`);
  return { segmentation_type: type, segmentation_id: number };
}

/** Statuses that an agent may report. */
export const trunkStatuses: readonly string[] = ['ACTIVE', 'DOWN', 'BUILD', 'DEGRADED', 'ERROR'];
