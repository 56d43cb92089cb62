// The digest in names of VLAN devices that are too long.
import { createHash } from 'node:crypto';

export const sha1Hex = (text: string): string => createHash('sha1').update(text).digest('hex');
