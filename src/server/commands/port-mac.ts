// MAC addresses of ports: chosen, asked for, or those of the physical function that a port is.
import { apiError } from '../../domain/errors.ts';
import { parseMac, randomMac } from '../../domain/net/mac.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { Unlucky } from '../retry.ts';

/** Another one than this draft has drawn already, as good as always. */
export function newMac({ config, random }: Services, draft: Draft): string {
  const draw = (): string => randomMac(config.baseMac, n => Math.floor(random() * n));
  let mac = draw();
  for (let tries = 0; draft.drawnMacs.has(mac) && tries < 100; tries++) mac = draw();
  draft.drawnMacs.add(mac);
  return mac;
}

/** A random address, or the one that is asked for and is free. */
export async function macFor(services: Services, draft: Draft, networkId: string, asked: unknown): Promise<string> {
  if (typeof asked !== 'string') return newMac(services, draft);
  await refuseUsedMac(services, draft, networkId, asked);
  return asked;
}

export async function refuseUsedMac(services: Services, draft: Draft, network_id: string, mac: string): Promise<void> {
  const key = `mac/${network_id}/${mac}`;
  const used = { and: [{ eq: ['network_id', network_id] }, { eq: ['mac_address', mac] }] } as const;
  if (draft.taken.has(key) || (await services.store.count('ports', used)) > 0) {
    const error = apiError('MacAddressInUse', { net_id: network_id, mac });
    throw draft.drawnMacs.has(mac) ? new Unlucky(error) : error;
  }
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
export function macOfDevice(services: Services, draft: Draft, before: PluggedAs | undefined, after: PluggedAs): string | undefined {
  const device = deviceMac(after);
  if (device !== undefined) return device;
  return before && deviceMac(before) !== undefined ? newMac(services, draft) : undefined;
}

function deviceMac({ host, vnic_type, profile }: PluggedAs): string | undefined {
  if (host === '' || vnic_type !== 'direct-physical') return undefined;
  const given = profile.device_mac_address;
  return typeof given === 'string' ? parseMac(given) : undefined;
}
