// MAC addresses of ports: chosen, asked for, or those of the physical function that a port is.
import { apiError } from '../../domain/errors.ts';
import { parseMac, randomMac } from '../../domain/net/mac.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';

export function newMac(services: Services): string {
  return randomMac(services.config.baseMac, n => Math.floor(services.random() * n));
}

/** A random address, or the one that is asked for and is free. */
export async function macFor(services: Services, draft: Draft, networkId: string, asked: unknown): Promise<string> {
  if (typeof asked !== 'string') return newMac(services);
  await refuseUsedMac(services, draft, networkId, asked);
  return asked;
}

export async function refuseUsedMac(services: Services, draft: Draft, network_id: string, mac: string): Promise<void> {
  const key = `mac/${network_id}/${mac}`;
  const used = { and: [{ eq: ['network_id', network_id] }, { eq: ['mac_address', mac] }] } as const;
  if (draft.taken.has(key) || (await services.store.count('ports', used)) > 0)
    throw apiError('MacAddressInUse', { net_id: network_id, mac });
  draft.taken.add(key);
}

export interface PluggedAs {
  readonly host: string;
  readonly vnic_type: string;
  readonly profile: Readonly<Record<string, unknown>>;
}

/**
 * The MAC of a port after its binding has changed. A direct-physical port is a whole physical function, whose address Nova names in the
 * profile; a port that no longer is lets go of it, so that the next one may have it. Undefined: it stays.
 */
export function macOfDevice(services: Services, before: PluggedAs | undefined, after: PluggedAs): string | undefined {
  const device = deviceMac(after);
  if (device !== undefined) return device;
  return before && deviceMac(before) !== undefined ? newMac(services) : undefined;
}

function deviceMac({ host, vnic_type, profile }: PluggedAs): string | undefined {
  if (host === '' || vnic_type !== 'direct-physical') return undefined;
  const given = profile.device_mac_address;
  return typeof given === 'string' ? parseMac(given) : undefined;
}
