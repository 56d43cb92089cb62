// What many facts of a pass need to know of the cloud's hosts, read once for all of them, after the facts: whoever comes later asks the server for what he has missed.
import type { Predicate, Query, Row } from '../../contracts/store.ts';
import { groupedQuery } from '../commands/load.ts';
import { dhcpAgentType, l3AgentType } from '../commands/scheduling.ts';
import type { Services } from '../context.ts';

/** They filter nothing. */
const withoutFilters: ReadonlySet<unknown> = new Set([dhcpAgentType, l3AgentType, 'Metadata agent', 'Metering agent', 'L3 metering agent']);

export const agentsQuery: Query = { table: 'agents', columns: ['agent_type', 'configurations'] };

/** Rules that name one of the groups as the other side. */
export const namingQuery = (groups: readonly string[]): Query =>
  groupedQuery('security_group_rules', 'remote_group_id', groups, { columns: ['remote_group_id', 'security_group_id'] });

export class Known {
  private readonly services: Services;
  private readonly hosts = new Map<string, Promise<readonly string[]>>();
  private rows: Promise<Row[]> | undefined;

  constructor(services: Services) {
    this.services = services;
  }

  /** Whether no agent filters that has to hear of groups with all others: Neutron's, or an older one of ours. */
  async allHearByName(): Promise<boolean> {
    const agents = await this.agents();
    return agents.every(
      ({ agent_type, configurations }) =>
        withoutFilters.has(agent_type) || (configurations as { hears_of_groups?: unknown }).hears_of_groups === true,
    );
  }

  /** Where ports are that have one of the groups. */
  hostsOf(groups: readonly string[]): Promise<readonly string[]> {
    return this.once(`of ${groups.join()}`, () => this.hostsWith({ in: ['security_group_id', groups] }));
  }

  /** Where ports are of whose groups a rule names one of these as the other side. */
  hostsNaming(groups: readonly string[]): Promise<readonly string[]> {
    return this.once(`naming ${groups.join()}`, async () => {
      const rules: Row[] = [];
      for (const group of groups) rules.push(...(await this.services.store.select(namingQuery([group]))));
      const naming = [...new Set(rules.map(r => String(r.security_group_id)))];
      return naming.length === 0 ? [] : this.hostsWith({ in: ['security_group_id', naming] });
    });
  }

  private async hostsWith(where: Predicate): Promise<readonly string[]> {
    const on = [['port_id', 'port_id']] as const;
    const hosts = await this.services.store.countBy('port_bindings', 'host', { exists: { table: 'port_security_groups', on, where } });
    return [...hosts.keys()].map(String).filter(host => host !== '');
  }

  private once(key: string, ask: () => Promise<readonly string[]>): Promise<readonly string[]> {
    const asked = this.hosts.get(key) ?? ask();
    this.hosts.set(key, asked);
    return asked;
  }

  private agents(): Promise<Row[]> {
    this.rows ??= this.services.store.select(agentsQuery);
    return this.rows;
  }
}
