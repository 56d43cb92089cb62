// What all of a server's processes have, whatever they are for: the store, the policy, time, chance, configuration.
import { randomUUID } from 'node:crypto';
import { systemClock } from '../../adapters/clock/system-clock.ts';
import type { Drivers } from '../../contracts/drivers.ts';
import type { Log } from '../../contracts/log.ts';
import { drivers } from '../../drivers/all.ts';
import { putFirstTemplates } from '../../server/commands/default-security-group-rules.ts';
import { showDefaultRanges } from '../../server/commands/network-segment-ranges.ts';
import type { ServerConfig, Services } from '../../server/context.ts';
import { PrintedObjects, PrintedPages } from '../../server/printed.ts';
import { openAllocations } from '../nova.ts';
import { type LivePolicy, openPolicy } from '../policy.ts';
import { openStore } from '../store.ts';
import { newRegistry } from './metrics.ts';
import { openTracing } from './tracing.ts';

export interface ServicesOptions {
  readonly stateDir: string;
  readonly log: Log;
  readonly config: ServerConfig;
  /** In place of those of the tree. */
  readonly drivers?: Drivers;
  /** A number in [0, 1), in place of chance. */
  readonly random?: () => number;
}

export interface OpenedServices {
  readonly services: Services;
  readonly live: LivePolicy;
}

/** Ended by the stack. */
export async function openServices(options: ServicesOptions, stack: AsyncDisposableStack): Promise<OpenedServices> {
  const { stateDir, log, config } = options;
  const store = stack.use(await openStore(config.database, stateDir));
  const live = stack.use(await openPolicy(config.policy, stateDir, log));
  const metrics = newRegistry(config);
  const tracer = openTracing(config, log, stack);
  const allocations = openAllocations(config, stack);
  const services: Services = {
    ...{
      store,
      clock: systemClock,
      log,
      random: options.random ?? Math.random,
      newId: randomUUID,
      drivers: options.drivers ?? chosenDrivers(config),
      config,
      printed: new PrintedObjects(),
      pages: new PrintedPages(),
      ...(allocations ? { allocations } : {}),
      ...(metrics ? { metrics } : {}),
      ...(tracer ? { tracer } : {}),
    },
    get policy() {
      return live.current;
    },
  };
  await putFirstTemplates(services);
  await showDefaultRanges(services);
  return { services, live };
}

/** In the order of `mechanism_drivers`. */
function chosenDrivers({ mechanismDrivers }: ServerConfig): Drivers {
  return { ...drivers, mechanisms: mechanismDrivers.flatMap(name => drivers.mechanisms.find(driver => driver.name === name) ?? []) };
}
