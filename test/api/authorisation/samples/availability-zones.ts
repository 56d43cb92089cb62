// Availability zones: agents make them.
import type { Sample } from '../sample.ts';

export const samples: readonly Sample[] = [{ resource: 'availability_zone' }];
