// Whether the host itself speaks on a device.
import type { Link } from '../../contracts/host/links.ts';

export const hasGlobalAddress = (link: Link | undefined): boolean => link?.addresses.some(a => a.scope === 'global') ?? false;
