// Port numbers: reserved ones by name, in 32 bits and in OpenFlow 1.0's 16.
import type { Port } from '../../../domain/openflow/actions.ts';
import { BadFlow } from '../../../domain/openflow/values.ts';

const RESERVED: Readonly<Record<Exclude<Port, number>, number>> = {
  in_port: 0xfffffff8,
  table: 0xfffffff9,
  normal: 0xfffffffa,
  flood: 0xfffffffb,
  all: 0xfffffffc,
  controller: 0xfffffffd,
  local: 0xfffffffe,
  none: 0xffffffff,
};

export const ANY_PORT = 0xffffffff;
/** Ordinary ports of OVS end before it. */
const FIRST_RESERVED = 0xff00;

const byNumber = new Map(Object.entries(RESERVED).map(([name, number]) => [number, name as Port]));

export function portNumber(port: Port): number {
  if (typeof port !== 'number') return RESERVED[port];
  if (!Number.isInteger(port) || port < 0 || port > ANY_PORT) throw new BadFlow(`port ${port}`);
  return port;
}

export const portOf = (number: number): Port => byNumber.get(number) ?? number;

export function port16(port: Port): number {
  const number = portNumber(port);
  if (typeof port === 'number' && number >= FIRST_RESERVED) throw new BadFlow(`port ${port}`);
  return number & 0xffff;
}

export const portOf16 = (number: number): Port => portOf(number >= FIRST_RESERVED ? number + 0xffff0000 : number);
