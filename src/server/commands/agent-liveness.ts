// Which agents live: those whose heartbeats are young enough.
import type { Row } from '../../contracts/store.ts';
import { type Services, timestamp } from '../context.ts';

/** Heartbeats at or after this time make an agent alive; `times`: with so much more patience. */
export function aliveSince(services: Services, times = 1): string {
  const ms = services.clock.now() - services.config.agentDownTime * times * 1000;
  return timestamp({ now: () => ms, sleep: services.clock.sleep });
}

export function isAlive(services: Services, row: Row): boolean {
  return String(row.heartbeat_timestamp) >= aliveSince(services);
}
