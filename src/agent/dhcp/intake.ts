// What the server tells the DHCP agent (topic dhcp_agent): each message becomes an event in the inbox of its network.
import type { Endpoint, Json } from '../../contracts/bus.ts';
import type { Log } from '../../contracts/log.ts';
import type { NetworkEvent } from '../desired/dhcp/inbox.ts';
import { isUuid, readPort } from '../desired/dhcp/wire.ts';

export interface Intake {
  push(networkId: string, event: NetworkEvent, priority: number): void;
  resync(): void;
  readonly log: Log;
}

type Payload = Readonly<Record<string, Json>>;

/** Priorities of messages that bring none. */
const DEFAULTS = {
  network_create_end: 0,
  network_update_end: 1,
  network_delete_end: 2,
  subnet_create_end: 3,
  subnet_update_end: 3,
  subnet_delete_end: 4,
  port_create_end: 6,
  port_update_end: 6,
  port_delete_end: 6,
} as const;

export function dhcpEndpoint(intake: Intake): Endpoint {
  const hear = (method: keyof typeof DEFAULTS, read: (payload: Payload) => readonly [unknown, NetworkEvent] | undefined) => {
    return (args: Payload): null => {
      const payload = dict(args['payload']);
      const [networkId, event] = read(payload) ?? [];
      const priority = payload['priority'];
      if (isUuid(networkId) && event) intake.push(networkId, event, typeof priority === 'number' ? priority : DEFAULTS[method]);
      else intake.log.warning('a message that names no network is ignored', { method });
      return null;
    };
  };
  const port = (payload: Payload): readonly [unknown, NetworkEvent] | undefined => {
    const read = readPort(payload['port']);
    for (const warning of read?.warnings ?? []) intake.log.warning(warning);
    return read && [read.value.network_id, { kind: 'port', port: read.value }];
  };
  const subnet = (payload: Payload): readonly [unknown, NetworkEvent] => [dict(payload['subnet'])['network_id'], { kind: 'changed' }];
  return {
    version: '1.0',
    methods: {
      network_create_end: hear('network_create_end', p => [dict(p['network'])['id'], { kind: 'scheduled' }]),
      network_update_end: hear('network_update_end', p => [dict(p['network'])['id'], { kind: 'changed' }]),
      network_delete_end: hear('network_delete_end', p => [p['network_id'], { kind: 'removed' }]),
      subnet_create_end: hear('subnet_create_end', subnet),
      subnet_update_end: hear('subnet_update_end', subnet),
      subnet_delete_end: hear('subnet_delete_end', p => [p['network_id'], { kind: 'changed' }]),
      port_create_end: hear('port_create_end', port),
      port_update_end: hear('port_update_end', port),
      port_delete_end: hear('port_delete_end', p => [p['network_id'], { kind: 'port-gone', port_id: String(p['port_id']) }]),
      agent_updated: () => {
        intake.resync();
        return null;
      },
    },
  };
}

function dict(value: Json | undefined): Payload {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Payload) : {};
}
