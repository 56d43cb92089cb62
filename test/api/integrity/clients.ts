// Clients that do this and that, and go on whatever becomes of their server.
import type { Api, Body } from '../client.ts';
import { chains } from './chains.ts';
import { type Chance, chance } from './chance.ts';
import { changes } from './changes.ts';
import { type Making, makings } from './makings.ts';
import { Objects } from './objects.ts';
import type { Scene } from './scene.ts';

/** Refusals that Neutron gives as 503, too. */
const disabled = ['FlavorDisabled', 'ServiceProfileDisabled'];

/** What came of all their requests. */
export class Tally {
  /** Answers that nobody may get. */
  readonly failed: string[] = [];
  /** Requests that a server took with it. */
  lost = 0;
  /** The last requests, for whoever looks for what went wrong. */
  recent: string[] = [];
  private readonly done = new Map<string, number>();

  asked(what: string, body: unknown, of: string): void {
    this.recent = [...this.recent.slice(-60), `${of} ${what} ${JSON.stringify(body) ?? ''}`];
  }

  answered(status: number, what: string, body: Body): void {
    this.recent.push(`  ${status} ${what} ${JSON.stringify(body).slice(0, 200)}`);
    const { type } = (body?.NeutronError ?? {}) as { type?: string };
    if (status >= 500 && !disabled.includes(String(type))) this.failed.push(`${status} ${what} ${JSON.stringify(body)}`);
    const kind = what.replace(/[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}/g, '*');
    if (status < 300) this.done.set(kind, this.of(kind) + 1);
  }

  /** How many of a kind succeeded: `POST networks`. */
  of(kind: string): number {
    return this.done.get(kind) ?? 0;
  }

  kinds(): [string, number][] {
    return [...this.done].sort(([a], [b]) => a.localeCompare(b));
  }
}

/** Whoever it is that answers now. */
export type Server = () => { as(who: string): Api };

export interface Shared {
  readonly objects: Objects;
  readonly scene: Scene;
  readonly tally: Tally;
}

export class Client {
  private readonly name: string;
  private readonly shared: Shared;
  private readonly server: Server;
  private readonly by: Chance;
  private readonly makings: readonly (() => Making)[];
  private readonly changes: ReturnType<typeof changes>;

  constructor(shared: Shared, server: Server, by: Chance, name = '') {
    this.name = name;
    const { objects, scene } = shared;
    this.shared = shared;
    this.server = server;
    this.by = by;
    this.makings = makings(objects, scene, by);
    this.changes = changes(objects, scene, by);
  }

  /** Makes what belongs together. */
  chain(): Promise<void> {
    return this.by.pick(chains)(this.shared.scene, making => this.make(making), this.ask.bind(this), this.by);
  }

  async step(): Promise<void> {
    const dice = this.by.next();
    const path = this.shared.objects.any(this.by);
    if (dice < 0.04) await this.chain();
    else if (dice < 0.46 || path === undefined) await this.make(this.by.pick(this.makings)());
    else if (dice < 0.64) await this.ask('DELETE', path);
    else if (dice < 0.98) await this.ask(...this.by.pick(this.changes)());
    else await this.greet();
  }

  private async make(making: Making): Promise<string | undefined> {
    const [path, name, attributes] = making;
    const made = (await this.ask('POST', path, { [name]: attributes }))?.[name] as Body | undefined;
    if (!made) return undefined;
    const id = String(made.id ?? made.fixed_port_id);
    this.shared.objects.add(name, id, `${path}/${id}`);
    return id;
  }

  /** A project's first look, after which it has a default group; which may go again. */
  private async greet(): Promise<void> {
    const project = this.by.pick(['f0', 'f1', 'f2'].map(two => two.repeat(16)));
    await this.ask('GET', 'security-groups', undefined, `member@${project}`);
    const groups = (await this.ask('GET', `security-groups?project_id=${project}`))?.security_groups as Body[] | undefined;
    if (groups?.[0] && this.by.often(0.6)) await this.ask('DELETE', `security-groups/${String(groups[0].id)}`);
  }

  private async ask(method: string, path: string, body?: Body, who = 'admin'): Promise<Body | undefined> {
    const { tally } = this.shared;
    tally.asked(`${method} ${path}`, body, this.name);
    try {
      const answer = await this.server().as(who).request(method, path, body);
      tally.answered(answer.status, `${method} ${path}`, answer.body);
      return answer.status < 300 ? answer.body : undefined;
    } catch (error) {
      // It was killed: what was asked is done, or is not.
      if (!(error instanceof TypeError)) throw error;
      tally.lost++;
      await new Promise(resolve => setTimeout(resolve, 50));
      return undefined;
    }
  }
}

/** Several clients at once about the same few objects, over both servers, and again about others. */
export class Quarrel {
  private readonly shared: Shared;
  private readonly servers: readonly Server[];
  private readonly by: Chance;

  constructor(shared: Shared, servers: readonly Server[], by: Chance) {
    this.shared = shared;
    this.servers = servers;
    this.by = by;
  }

  async step(): Promise<void> {
    const shared = { ...this.shared, objects: new Objects() };
    const seeds = Array.from({ length: 6 }, () => this.by.below(2 ** 31));
    const clients = seeds.map((seed, i) => new Client(shared, this.servers[i % this.servers.length] as Server, chance(seed)));
    await clients[0]?.chain();
    for (let round = 0; round < 3; round++) await Promise.all(clients.map(client => client.step()));
  }
}
