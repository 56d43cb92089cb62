// Agents: their heartbeats make them.
import type { Sample } from '../sample.ts';

export const samples: readonly Sample[] = [{ resource: 'agent' }];
