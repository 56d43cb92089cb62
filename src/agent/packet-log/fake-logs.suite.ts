// For tests: what a server with logs answers and pushes, beside the one of the L2 agents.
import { type FakeServer, uuid } from '../l2/fake-server.suite.ts';

export interface FakeLog {
  readonly id: string;
  event: 'ALL' | 'ACCEPT' | 'DROP';
  project: string;
  /** By port, the groups whose rules are logged. */
  readonly ports: Map<string, readonly string[]>;
}

export class FakeLogs {
  private readonly server: FakeServer;
  private readonly logs = new Map<string, FakeLog>();

  private constructor(server: FakeServer) {
    this.server = server;
  }

  static async open(server: FakeServer): Promise<FakeLogs> {
    const logs = new FakeLogs(server);
    await server.answer('logging-plugin', 'logging-plugin', {
      get_sg_log_info_for_port: args => logs.infos(log => log.ports.has(String(args['port_id'])), String(args['port_id'])),
      get_sg_log_info_for_log_resources: args => {
        const asked = (args['log_resources'] as { id: string }[]).map(l => l.id);
        return logs.infos(log => asked.includes(log.id));
      },
    });
    return logs;
  }

  /** `ports`: with the groups that the log is about. */
  async make(n: number, event: FakeLog['event'], ports: Readonly<Record<string, readonly string[]>>): Promise<FakeLog> {
    const log = { id: uuid(0x10, n), event, project: `project-${n}`, ports: new Map(Object.entries(ports)) };
    this.logs.set(log.id, log);
    await this.push('created', log);
    return log;
  }

  async changed(log: FakeLog): Promise<void> {
    await this.push('updated', log);
  }

  async delete(log: FakeLog): Promise<void> {
    this.logs.delete(log.id);
    await this.push('deleted', log);
  }

  private async push(event: 'created' | 'updated' | 'deleted', log: FakeLog): Promise<void> {
    await this.server.push('Log', event, {
      id: log.id,
      project_id: log.project,
      resource_type: 'security_group',
      event: log.event,
      enabled: true,
    });
  }

  /** Of ports that are up, unless one is asked for by its id. */
  private infos(about: (log: FakeLog) => boolean, only?: string): unknown[] {
    const listed = (port: string): boolean => (only === undefined ? this.server.ports.get(port)?.status === 'ACTIVE' : port === only);
    return [...this.logs.values()].filter(about).map(log => ({
      id: log.id,
      event: log.event,
      project_id: log.project,
      ports_log: [...log.ports]
        .filter(([port]) => listed(port))
        .map(([port_id, groups]) => ({ port_id, security_group_rules: groups.flatMap(g => this.server.groups.get(g) ?? []) })),
    }));
  }
}
