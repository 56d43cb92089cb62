// Keeps Placement as agents say that their hosts are. What is to be told is what no server has told since the agent said so: `resources_synced`.
import { type Placement, PlacementRefused } from '../../contracts/cloud.ts';
import type { Row } from '../../contracts/store.ts';
import { hypervisorsOf, providersOf, reportsResources } from '../../domain/placement.ts';
import { isAlive } from '../commands/agent-liveness.ts';
import type { Services } from '../context.ts';
import { uuid5 } from '../uuid5.ts';
import { type Report, tellAll, untold } from './reports.ts';

type Configurations = Readonly<Record<string, unknown>>;

const agents = {
  table: 'agents',
  key: 'id',
  synced: 'resources_synced',
  what: 'what a host has',
  about: ({ agent_type, host }: Row) => ({ agent_type: String(agent_type), host: String(host) }),
};

/** Answers whether there is nothing left to tell. */
export async function reportAll(services: Services, placement: Placement, hold?: () => Promise<boolean>): Promise<boolean> {
  const report: Report = { ...agents, tell: async row => ({ problem: await tell(placement, row) }) };
  const rows = await services.store.select({ table: 'agents', where: untold(report) });
  const waiting = rows.filter(
    row => reportsResources(String(row.agent_type), row.configurations as Configurations) && isAlive(services, row),
  );
  return tellAll(services, report, waiting, hold);
}

/** What is wrong, if anything; the rest is told all the same. */
async function tell(placement: Placement, row: Row): Promise<string | undefined> {
  const agent = { agent_type: String(row.agent_type), host: String(row.host), configurations: row.configurations as Configurations };
  const roots = new Map<string, string>();
  for (const name of new Set(hypervisorsOf(agent).values())) {
    const uuid = await placement.providerNamed(name);
    // Nova makes it, when the host is up.
    if (uuid === undefined) return `there is no resource provider ${name} yet`;
    roots.set(name, uuid);
  }
  const providers = providersOf(agent, roots, uuid5);
  if (!providers) return 'a device with a bandwidth is on no physical network of the agent';
  const problems: string[] = [];
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof PlacementRefused)) throw error;
      problems.push(error.message);
    }
  };
  for (const name of new Set(providers.flatMap(p => p.traits))) await attempt(() => placement.ensureTrait(name));
  for (const provider of providers) await attempt(() => placement.ensureProvider(provider));
  for (const { uuid, traits } of providers) await attempt(() => placement.setTraits(uuid, traits));
  for (const { uuid, inventories } of providers) if (inventories) await attempt(() => placement.setInventories(uuid, inventories));
  return problems[0];
}
