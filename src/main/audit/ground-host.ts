// The hosts of a running `weft up`, for an audit: a program of ours looks at each from inside.
import { join } from 'node:path';
import { systemClock } from '../../adapters/clock/system-clock.ts';
import type { OnHost } from '../../agent/audit/finding.ts';
import type { Inventory } from '../../agent/audit/inventory.ts';
import type { ApiClient } from '../../client/api.ts';
import type { Bus } from '../../contracts/bus.ts';
import type { GroundHost } from '../ground.ts';
import { run } from '../sandbox/run.ts';
import { nodeArgv } from '../supervise/node.ts';
import { type AuditedHost, resyncAgent } from './host-audit.ts';
import type { Question } from './program.ts';

const program = join(import.meta.dirname, 'program.ts');

interface Audited {
  readonly place: GroundHost['place'];
  readonly agent: Pick<GroundHost['agent'], 'statePath' | 'interfaceMappings'>;
}

export function groundHost({ place, agent }: Audited, { api, bus }: { api: Pick<ApiClient, 'get'>; bus: Bus }): AuditedHost {
  const ask = async <T>(question: Question): Promise<T> => {
    const argv = place.init ? place.enter(nodeArgv([program])) : nodeArgv([program]);
    return JSON.parse(await run(argv, { input: JSON.stringify(question) })) as T;
  };
  return {
    name: place.name,
    clock: systemClock,
    get: path => api.get(path),
    take: () => ask<Inventory>({ take: { dhcp: `${agent.statePath}/dhcp`, physical: Object.values(agent.interfaceMappings) } }),
    async repair(fixes: readonly OnHost[]) {
      // On the machine itself there is what others have made, which the API knows nothing of.
      if (!place.init) return fixes.map(() => "on the machine's own network it is left to you, since others may have made it");
      return (await ask<(string | null)[]>({ repair: fixes })).map(why => why ?? undefined);
    },
    resync: kind => resyncAgent(bus, place.name, kind),
  };
}
