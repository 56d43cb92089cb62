// What Nova is to hear of one fact of the outbox. It is told of instances' ports only.
import type { NovaEvent } from '../../contracts/cloud.ts';
import type { OutboxRow, Row } from '../../contracts/store.ts';
import type { Services } from '../context.ts';

export interface Told {
  /** `notify_nova_on_port_status_changes`: plugged and unplugged. */
  readonly status: boolean;
  /** `notify_nova_on_port_data_changes`: changed and deleted. */
  readonly data: boolean;
}

interface Device {
  readonly device_id?: unknown;
  readonly device_owner?: unknown;
}

const uuid = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

/** The instance whose port it is. */
function instanceOf(device: Device | undefined): string | undefined {
  const id = String(device?.device_id ?? '');
  return uuid.test(id) && String(device?.device_owner ?? '').startsWith('compute:') ? id : undefined;
}

export async function novaEvents(services: Services, row: OutboxRow, told: Told): Promise<NovaEvent[]> {
  if (row.kind === 'port') return portEvents(row, told);
  if (row.kind === 'port_plugged') return told.status ? aboutPort(row.facts.after as Device, row.id, plugged) : [];
  return row.kind === 'floatingip' && told.data ? floatingIpEvents(services, row) : [];
}

type About = Omit<NovaEvent, 'server_uuid' | 'tag'>;

const plugged: About = { name: 'network-vif-plugged', status: 'completed' };
const changed: About = { name: 'network-changed' };

function aboutPort(device: Device | undefined, tag: string, about: About): NovaEvent[] {
  const server_uuid = instanceOf(device);
  return server_uuid === undefined ? [] : [{ server_uuid, tag, ...about }];
}

function portEvents({ id, event, facts }: OutboxRow, told: Told): NovaEvent[] {
  const device = (facts.after ?? facts.before) as Device | undefined;
  if (event === 'deleted') return told.data ? aboutPort(device, id, { name: 'network-vif-deleted' }) : [];
  const turn = told.status && facts.untold !== true ? turnOf(facts.turned) : undefined;
  return [...(turn ? aboutPort(device, id, turn) : []), ...(told.data && facts.asked === true ? aboutPort(device, id, changed) : [])];
}

function turnOf(turned: unknown): About | undefined {
  const { from, to } = (turned ?? {}) as { readonly from?: unknown; readonly to?: unknown };
  if (from === 'ACTIVE') return to === 'DOWN' ? { name: 'network-vif-unplugged', status: 'completed' } : undefined;
  if (from !== 'DOWN' && from !== 'BUILD') return undefined;
  if (to === 'ACTIVE') return plugged;
  return to === 'ERROR' ? { name: 'network-vif-plugged', status: 'failed' } : undefined;
}

/** An address that goes from one instance to another concerns both. Other changes than a client's concern none. */
async function floatingIpEvents(services: Services, row: OutboxRow): Promise<NovaEvent[]> {
  const { event, facts } = row;
  if (event !== 'deleted' && facts.port_after === undefined) return [];
  const devices = (facts.devices as readonly Row[] | undefined) ?? (await devicesNow(services, row));
  return devices.flatMap(device => aboutPort(device, String(device.id), changed));
}

/** A server of an earlier version does not say whose the ports were. */
async function devicesNow({ store }: Services, { facts }: OutboxRow): Promise<Row[]> {
  const last = facts.last as Row | undefined;
  const ids = [...new Set([last?.port_id ?? facts.port_before, facts.port_after])].filter(id => typeof id === 'string');
  const rows = await Promise.all(ids.map(id => store.get('ports', { id })));
  return rows.filter(row => row !== undefined);
}
