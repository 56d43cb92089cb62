// What the benchmark asks of a server: the phases, what they need to be there, and how all of it is taken away again.
import { type Api, connect, type Target } from './bench-client.ts';
import { percentile } from './statistics.ts';

export interface Timing {
  readonly warmUpMs: number;
  readonly measuredMs: number;
  readonly clients: number;
}

export interface Result {
  readonly phase: string;
  readonly perSecond: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly count: number;
  readonly errors: number;
}

export interface LoadOptions extends Timing {
  /** Ports that a list has. */
  readonly ports: number;
  /** Networks with a subnet that wait for a router: as many as may be used up in a phase. */
  readonly spare: number;
  /** Phases whose name has one of these; all where there is none. */
  readonly only: readonly string[];
  readonly progress: (line: string) => void;
}

/** One operation: how long it took, and whether it was answered as it should be. */
type Operation = (i: number) => Promise<{ readonly ms: number; readonly ok: boolean } | undefined>;

const networks = 10;

export async function runLoad(target: Target, options: LoadOptions): Promise<Result[]> {
  const world = new World(target, options, crypto.randomUUID().replaceAll('-', ''));
  options.progress(`${target.name}: everything is made for a project of its own, ${world.project}`);
  try {
    return await world.run();
  } finally {
    options.progress(`${target.name}: taking everything away`);
    await world.clear();
  }
}

/** What a run that was cut off has left. */
export async function clearLoad(target: Target, options: LoadOptions, project: string): Promise<void> {
  await new World(target, options, project).clear();
}

class World {
  private readonly api: Api;
  private readonly options: LoadOptions;
  private readonly name: string;
  readonly project: string;
  private readonly nets: string[] = [];
  private readonly spare: string[] = [];
  private readonly ports: string[] = [];

  constructor(target: Target, options: LoadOptions, project: string) {
    this.project = project;
    this.api = connect(target, options.clients);
    this.options = options;
    this.name = target.name;
  }

  async run(): Promise<Result[]> {
    await this.prepare();
    const phases: readonly (readonly [name: string, operation: Operation, prepare?: () => Promise<void>])[] = [
      ['port create', i => this.createPort(i)],
      ['50 ports in one POST', i => this.createMany(i)],
      ['port show', i => this.showPort(i), () => this.trim()],
      [`list of ${this.options.ports} ports`, () => this.listPorts(), () => this.trim()],
      ['router with interface', () => this.createRouter(), () => this.prepareSpare()],
    ];
    const results: Result[] = [];
    for (const [name, operation, prepare] of phases) {
      if (this.options.only.length > 0 && !this.options.only.some(part => name.includes(part))) continue;
      await prepare?.();
      results.push(await this.phase(name, operation));
    }
    return results;
  }

  /** Clients ask one after the other until the time is over; what is under way then is waited for. One of them warms up. */
  private async phase(phase: string, operation: Operation): Promise<Result> {
    const { warmUpMs, measuredMs, clients } = this.options;
    let next = 0;
    const spread = async (clients: number, forMs: number): Promise<{ seconds: number; times: number[]; errors: number }> => {
      const began = performance.now();
      const times: number[] = [];
      let errors = 0;
      const client = async (): Promise<void> => {
        while (performance.now() - began < forMs) {
          const done = await operation(next++);
          if (!done) return;
          if (done.ok) times.push(done.ms);
          else errors++;
        }
      };
      await Promise.all(Array.from({ length: clients }, client));
      return { seconds: (performance.now() - began) / 1000, times, errors };
    };
    const warm = await spread(1, warmUpMs);
    const { seconds, times, errors } = await spread(clients, measuredMs);
    const at = (share: number): number => percentile(times, share);
    const result = { phase, perSecond: times.length / seconds, p50: at(0.5), p95: at(0.95), p99: at(0.99), count: times.length };
    this.options.progress(`${this.name}: ${phase}: ${result.perSecond.toFixed(1)}/s`);
    return { ...result, errors: errors + warm.errors };
  }

  private port(i: number): object {
    return { name: `bench-${i}`, project_id: this.project, network_id: this.nets[i % networks] };
  }

  private async createPort(i: number): ReturnType<Operation> {
    const { status, ms, data } = await this.api.ask('POST', 'ports', { port: this.port(i) });
    const id = (data.port as { id?: string } | undefined)?.id;
    if (id !== undefined) this.ports.push(id);
    return { ms, ok: status === 201 && id !== undefined };
  }

  private async createMany(i: number): ReturnType<Operation> {
    const { status, ms, data } = await this.api.ask('POST', 'ports', { ports: Array.from({ length: 50 }, () => this.port(i)) });
    const made = (data.ports as { id: string }[] | undefined) ?? [];
    this.ports.push(...made.map(p => p.id));
    return { ms, ok: status === 201 && made.length === 50 };
  }

  private async showPort(i: number): ReturnType<Operation> {
    const id = this.ports[(i * 7919) % this.ports.length];
    const { status, ms, data } = await this.api.ask('GET', `ports/${id}`);
    return { ms, ok: status === 200 && (data.port as { id?: string }).id === id };
  }

  private async listPorts(): ReturnType<Operation> {
    const { status, ms, data } = await this.api.ask('GET', `ports?project_id=${this.project}`);
    return { ms, ok: status === 200 && (data.ports as unknown[]).length === this.options.ports };
  }

  private async createRouter(): ReturnType<Operation> {
    const subnet_id = this.spare.pop();
    if (subnet_id === undefined) return undefined;
    const made = await this.api.ask('POST', 'routers', { router: { name: 'bench', project_id: this.project } });
    const id = (made.data.router as { id?: string } | undefined)?.id;
    const joined = await this.api.ask('PUT', `routers/${id}/add_router_interface`, { subnet_id });
    return { ms: made.ms + joined.ms, ok: made.status === 201 && joined.status === 200 };
  }

  private async prepare(): Promise<void> {
    const most = 1_000_000;
    const quota = { network: most, subnet: most, port: most, router: most, security_group: most };
    await this.api.must(200, 'PUT', `quotas/${this.project}`, { quota });
    for (let k = 0; k < networks; k++) this.nets.push((await this.subnet(`10.${k}.0.0/16`)).network_id);
  }

  private async subnet(cidr: string): Promise<{ readonly id: string; readonly network_id: string }> {
    const { network } = await this.api.must(201, 'POST', 'networks', { network: { name: 'bench', project_id: this.project } });
    const network_id = (network as { id: string }).id;
    const body = { network_id, project_id: this.project, ip_version: 4, cidr };
    return (await this.api.must(201, 'POST', 'subnets', { subnet: body })).subnet as { id: string; network_id: string };
  }

  private async prepareSpare(): Promise<void> {
    await this.each(Array.from({ length: this.options.spare }), async (_, i) => {
      this.spare.push((await this.subnet(`10.${100 + (i >> 8)}.${i & 255}.0/24`)).id);
    });
  }

  /** Exactly as many ports as a list shall have. */
  private async trim(): Promise<void> {
    const { ports } = this.options;
    await this.each(this.ports.splice(ports), id => this.api.must(204, 'DELETE', `ports/${id}`));
    while (this.ports.length < ports) {
      const items = Array.from({ length: Math.min(50, ports - this.ports.length) }, (_, i) => this.port(i));
      const { ports: made } = await this.api.must(201, 'POST', 'ports', { ports: items });
      this.ports.push(...(made as { id: string }[]).map(p => p.id));
    }
    this.options.progress(`${this.name}: ${ports} ports are there`);
  }

  private async each<T>(items: readonly T[], work: (item: T, i: number) => Promise<unknown>): Promise<void> {
    let next = 0;
    const one = async (): Promise<void> => {
      while (next < items.length) {
        const i = next++;
        await work(items[i] as T, i);
      }
    };
    await Promise.all(Array.from({ length: this.options.clients }, one));
  }

  async clear(): Promise<void> {
    const ids = async (path: string, key: string, more = ''): Promise<string[]> => {
      const { [key]: list } = await this.api.must(200, 'GET', `${path}?project_id=${this.project}&fields=id${more}`);
      return (list as { id: string }[]).map(o => o.id);
    };
    const legs = `ports?project_id=${this.project}&device_owner=network:router_interface&fields=id&fields=device_id`;
    const { ports } = await this.api.must(200, 'GET', legs);
    await this.each(ports as { id: string; device_id: string }[], p =>
      this.api.ask('PUT', `routers/${p.device_id}/remove_router_interface`, { port_id: p.id }),
    );
    for (const [path, key] of [
      ['routers', 'routers'],
      ['ports', 'ports'],
      ['networks', 'networks'],
    ] as const)
      await this.each(await ids(path, key), id => this.api.ask('DELETE', `${path}/${id}`));
    // A project's default group comes again when its groups are asked for by project.
    const { security_groups } = await this.api.must(200, 'GET', 'security-groups?fields=id&fields=project_id');
    const groups = (security_groups as { id: string; project_id: string }[]).filter(g => g.project_id === this.project);
    await this.each(groups, g => this.api.ask('DELETE', `security-groups/${g.id}`));
    await this.api.ask('DELETE', `quotas/${this.project}`);
    this.api[Symbol.dispose]();
  }
}
