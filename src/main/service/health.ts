// What `/healthcheck` looks at in this process.
import { existsSync } from 'node:fs';
import type { HealthConfig, Services } from '../../server/context.ts';
import type { Health, HealthCheck, HealthOptions } from '../../server/http/healthcheck.ts';

/** Whether the broker can be reached, as far as this process knows. */
export interface BusWatch {
  /** Undefined: there is none. */
  up: boolean | undefined;
}

const fine = (details: string): Health => ({ available: true, reason: 'OK', details });

export function healthOptions({ config, store, clock }: Services, bus: BusWatch): HealthOptions {
  const { health } = config;
  const looks: Readonly<Record<HealthConfig['backends'][number], HealthCheck['look']>> = {
    disable_by_file: async () => byFile(health.disableByFilePath),
    disable_by_files_ports: async port => byFile(health.disableByFilePaths[port]),
    database: rarely(() => reachable(() => store.select({ table: 'agents', columns: ['id'], limit: 1 })), clock.now),
    messaging: async () =>
      bus.up === false
        ? { available: false, reason: 'MESSAGING UNREACHABLE', details: 'there is no connection to the broker' }
        : fine(bus.up === undefined ? 'there is no broker' : 'connected'),
  };
  return {
    checks: health.backends.map(name => ({ name, look: looks[name] })),
    detailed: health.detailed,
    now: () => clock.now(),
  };
}

function byFile(path: string | undefined): Health {
  if (path === undefined || path === '') return fine("No 'disable_by_file_path' configuration value specified");
  return existsSync(path)
    ? { available: false, reason: 'DISABLED BY FILE', details: `Path '${path}' was found` }
    : fine(`Path '${path}' was not found`);
}

const patienceMs = 5_000;
const rarelyMs = 1_000;

async function reachable(ask: () => Promise<unknown>): Promise<Health> {
  const over = Promise.withResolvers<never>();
  const timer = setTimeout(() => over.reject(new Error('no answer')), patienceMs);
  try {
    await Promise.race([ask(), over.promise]);
    return fine('it answers');
  } catch {
    // What it says may name more than everybody is to know.
    return { available: false, reason: 'DATABASE UNREACHABLE', details: 'it does not answer' };
  } finally {
    clearTimeout(timer);
  }
}

/** Everybody may ask, so not everybody is a query. */
function rarely(look: () => Promise<Health>, now: () => number): () => Promise<Health> {
  let last: { readonly at: number; readonly answer: Promise<Health> } | undefined;
  return () => {
    if (!last || Math.abs(now() - last.at) > rarelyMs) last = { at: now(), answer: look() };
    return last.answer;
  };
}
