// Private VLANs: what a port is in one.
import { apiError } from './errors.ts';
import { pyStr } from './input/python.ts';
import { Invalid } from './input/text.ts';
import { isServicePort } from './ipam/owners.ts';

export type PvlanType = 'isolated' | 'promiscuous' | 'community';

export interface PvlanPlace {
  readonly pvlan_type: PvlanType | null;
  readonly pvlan_community: string | null;
}

export interface PvlanPort {
  readonly id: string;
  readonly network_id: string;
  readonly owner: string;
  readonly secured: boolean;
}

/** No private VLAN is around the port. */
export const outside: PvlanPlace = { pvlan_type: null, pvlan_community: null };

/** Of a row of `ports`. */
export const pvlanOf = (row: Readonly<Record<string, unknown>>): PvlanPlace => ({
  pvlan_type: (row.pvlan_type ?? null) as PvlanType | null,
  pvlan_community: (row.pvlan_community ?? null) as string | null,
});

/** Ports that must not reach all others. */
export const isKeptApart = (type: PvlanType | null): boolean => type === 'isolated' || type === 'community';

export function readCommunity(value: unknown): string {
  if (typeof value === 'string' && /^[a-zA-Z_.][a-zA-Z_.0-9]{0,231}$/.test(value)) return value;
  throw new Invalid(`'${pyStr(value)}' is not a valid input.`);
}

/** What is asked for, beside what the port is now (`outside` of a new one); on a network that is none, nothing may be asked for. */
export function placeOf(isPvlan: boolean, port: PvlanPort, input: Readonly<Record<string, unknown>>, now: PvlanPlace): PvlanPlace {
  const asked = input as Partial<PvlanPlace>;
  if (isPvlan) return placeInside(port, asked, now);
  if (asked.pvlan_type || asked.pvlan_community) throw apiError('PVLANNotEnabledOnNetwork', { network_id: port.network_id });
  return outside;
}

function placeInside(port: PvlanPort, asked: Partial<PvlanPlace>, now: PvlanPlace): PvlanPlace {
  requireSecurity(port);
  const port_id = port.id;
  const pvlan_type = (asked.pvlan_type === undefined ? now.pvlan_type : asked.pvlan_type) ?? 'promiscuous';
  if (pvlan_type !== 'community') {
    if (asked.pvlan_community) throw apiError('PVLANCannotSetCommunityName', { port_id });
    return { pvlan_type, pvlan_community: null };
  }
  const pvlan_community = asked.pvlan_community ?? now.pvlan_community;
  if (!pvlan_community) throw apiError('PVLANCommunityNameRequired', { port_id });
  return { pvlan_type, pvlan_community };
}

/** Who may send from any address may be anybody's neighbour. */
function requireSecurity({ id, owner, secured }: PvlanPort): void {
  if (!secured && !isServicePort(owner)) throw apiError('PVLANPortSecurityDisabled', { port_id: id });
}
