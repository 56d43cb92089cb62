// What is written of a packet, in the words of Neutron's agent: a line for each project whose logs are about it.

import { connectionOf } from '../render/packet/began.ts';
import { readLayers } from '../render/packet/layers.ts';
import { packetText } from '../render/packet/text.ts';
import type { FlowView } from '../render/security-flows.ts';
import { isPermitted } from '../render/security-flows.ts';
import type { Direction } from '../render/security-rules.ts';
import type { PortLog } from './wire.ts';

export interface LoggedPacket {
  readonly port: string;
  readonly action: 'ACCEPT' | 'DROP';
  readonly direction: Direction;
  /** From its Ethernet header on. */
  readonly data: Uint8Array;
}

/** None where no log is about it: a log of a group has what that group's rules accept, not what those of other groups do. */
export function linesOf(
  { port, action, direction, data }: LoggedPacket,
  logs: readonly PortLog[],
  isMember: FlowView['isMember'],
): string[] {
  const layers = readLayers(data);
  const connection = connectionOf(layers);
  const concerned = logs.filter(log =>
    action === 'DROP' ? log.dropped : log.accepted && connection !== undefined && isPermitted(log.rules, connection, direction, isMember),
  );
  const pkt = packetText(layers);
  return [...Map.groupBy(concerned, log => log.projectId)].map(([project, some]) => {
    const ids = some.map(log => `'${log.id}'`).sort();
    return `action=${action} project_id=${project} log_resource_ids=[${ids.join(', ')}] vm_port=${port} pkt=${pkt}`;
  });
}
