// What the demonstration plays on: the API as two tenants, instances, programs that run in them, and the way back from everything.
import { type ChildProcess, spawn } from 'node:child_process';
import { ApiClient, type Body, type Credentials } from '../../client/api.ts';
import { control, type InstanceView, type StatusView } from '../control.ts';
import type { StateFolder } from '../state.ts';
import { Failure } from '../verb.ts';
import { enterArgv, insideEnvironment } from '../verbs/enter.ts';

export type Tenant = 'weft' | 'other';

export interface Made {
  readonly id: string;
  readonly [attribute: string]: unknown;
}

export interface Ran {
  readonly code: number;
  readonly output: string;
}

export interface StageOptions {
  readonly folder: StateFolder;
  readonly out: (line: string) => void;
  readonly signal: AbortSignal;
}

export class Stage {
  readonly status: StatusView;
  private readonly options: StageOptions;
  private readonly clients: Readonly<Record<Tenant, ApiClient>>;
  private readonly undo: { readonly what: string; readonly back: () => Promise<unknown> }[] = [];

  private constructor(options: StageOptions, status: StatusView, clients: Readonly<Record<Tenant, ApiClient>>) {
    this.options = options;
    this.status = status;
    this.clients = clients;
  }

  static async open(options: StageOptions): Promise<Stage> {
    const status = await control<StatusView>(options.folder, 'GET', '/status');
    if (!status.ready) throw new Failure(`Weft is not ready: ${status.missing.join('; ')}`);
    if (status.underlay === undefined) throw new Failure('the demonstration needs contained hosts');
    const { url, weft, other } = await control<{ url: string } & Record<Tenant, Credentials>>(options.folder, 'GET', '/credentials');
    return new Stage(options, status, { weft: new ApiClient(url, weft), other: new ApiClient(url, other) });
  }

  /** A paragraph between steps. */
  tell(text: string): void {
    this.options.out('');
    this.options.out(text);
  }

  /** The command that a person would type for what comes next. */
  command(text: string): void {
    this.check();
    this.options.out(`  $ ${text}`);
  }

  /** Throws when somebody has asked us to end. */
  check(): void {
    if (this.options.signal.aborted) throw new Failure('interrupted');
  }

  result(text: string): void {
    this.options.out(`    ${text}`);
  }

  /** Creates one object, to be deleted at the end. `collection` is as in the URL: `security-groups`. */
  async create(tenant: Tenant, collection: string, body: Body): Promise<Made> {
    const key = collection.replace(/s$/, '').replaceAll('-', '_');
    const made = (await this.clients[tenant].post<Record<string, Made>>(`/${collection}`, { [key]: body }))[key];
    if (!made) throw new Failure(`the API made no ${key}`);
    this.later(`${key} ${made.id}`, () => this.clients[tenant].delete(`/${collection}/${made.id}`));
    return made;
  }

  put(tenant: Tenant, path: string, body: Body): Promise<Body> {
    return this.clients[tenant].put(path, body);
  }

  get<T = Body>(tenant: Tenant, path: string): Promise<T> {
    return this.clients[tenant].get<T>(path);
  }

  later(what: string, back: () => Promise<unknown>): void {
    this.undo.push({ what, back });
  }

  async instance(name: string, port: string, host: string): Promise<InstanceView> {
    const made = await control<InstanceView>(this.options.folder, 'POST', '/instances', { name, port, host, wait: 30 });
    this.later(`instance ${name}`, () => this.deleteInstance(name));
    if (made.state !== 'running') throw new Failure(`instance ${name} does not run: ${made.why ?? ''}`);
    return made;
  }

  async deleteInstance(name: string): Promise<void> {
    await control(this.options.folder, 'DELETE', `/instances/${name}`);
  }

  /** Deletes the instances that a tour left which was cut off. */
  async forget(names: RegExp): Promise<void> {
    const { instances } = await control<{ instances: InstanceView[] }>(this.options.folder, 'GET', '/instances');
    for (const { name } of instances.filter(instance => names.test(instance.name))) await this.deleteInstance(name);
  }

  /** Runs a command inside a sandbox to its end. */
  run(init: number | undefined, argv: readonly string[]): Promise<Ran> {
    const child = this.start(init, argv);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', code => resolve({ code: code ?? 1, output: output.trim() }));
    });
  }

  /** Starts a program inside a sandbox that goes on until the end. */
  serve(init: number | undefined, program: string): void {
    const child = this.start(init, [process.execPath, '-e', program]);
    this.later('a server', async () => child.kill('SIGKILL'));
  }

  /** Takes everything back, the last first; answers what could not be. */
  async clear(): Promise<string[]> {
    const stuck: string[] = [];
    for (const { what, back } of this.undo.splice(0).reverse())
      await back().catch((error: unknown) => stuck.push(`${what}: ${error instanceof Error ? error.message : String(error)}`));
    return stuck;
  }

  private start(init: number | undefined, argv: readonly string[]): ChildProcess {
    if (init === undefined) throw new Failure('an instance has gone');
    const [command = '', ...args] = enterArgv(init, argv, this.status.rootless);
    return spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: insideEnvironment() });
  }
}
