// Trunks that come and go, and their subports, told to whoever listens for the objects.
import type { OutboxRow, Row } from '../../contracts/store.ts';
import type { SubPort } from '../../model/trunk.ts';
import { subPortsOf } from '../commands/trunk-rows.ts';
import type { Services } from '../context.ts';
import { subPortObject, trunkObject } from '../rpc/trunk-objects.ts';
import { type Message, pushObjects } from './messages.ts';

/** As in Neutron a trunk whose name or state changes is not told. */
export async function trunkMessages(services: Services, { id, event, facts }: OutboxRow): Promise<Message[]> {
  if (event === 'updated') return [];
  const subs = event === 'deleted' ? ((facts.sub_ports ?? []) as SubPort[]) : ((await subPortsOf(services, [id])).get(id) ?? []);
  const row = event === 'deleted' ? (facts.last as Row | undefined) : await services.store.get('trunks', { id });
  return row ? [pushObjects('Trunk-1.1', event, [trunkObject(row, subs)])] : [];
}

export function subPortMessages({ id, event, facts }: OutboxRow): Message[] {
  const subs = (facts.sub_ports ?? []) as SubPort[];
  return [
    pushObjects(
      'SubPort-1.0',
      event,
      subs.map(s => subPortObject(id, s)),
    ),
  ];
}
