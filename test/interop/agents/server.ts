// Weft's server as a process that can be killed, configured by files as Neutron has them.
import { join } from 'node:path';
import { control } from '../../../src/cli/control.ts';
import { stateFolder } from '../../../src/cli/state.ts';
import { ApiClient, type Body, type Credentials } from '../../../src/client/api.ts';
import { type Job, startJob, until } from '../../system/job.ts';

const checkout = join(import.meta.dirname, '../../..');

export interface Made extends Body {
  readonly id: string;
}

export class WeftServer implements AsyncDisposable {
  private readonly folder: string;
  private readonly listen: string;
  private readonly files: readonly string[];
  private job: Job | undefined;
  private api: ApiClient | undefined;

  /** `port` is free, and stays the server's over its restarts. */
  constructor(folder: string, port: number, files: readonly string[]) {
    this.folder = folder;
    this.listen = `127.0.0.1:${port}`;
    this.files = files;
  }

  async up(): Promise<void> {
    const config = this.files.flatMap(file => ['--config-file', file]);
    const argv = [join(checkout, 'bin/weft'), 'server', '--state-dir', this.folder, '--listen', this.listen, ...config];
    const job = startJob(['setpriv', '--pdeathsig', 'KILL', '--', ...argv], { cwd: checkout });
    this.job = job;
    const isReady = (): boolean => {
      if (job.child.exitCode !== null) throw new Error(`weft server ended:\n${job.output()}`);
      return /^ready/m.test(job.output());
    };
    await until('weft server is ready', isReady, { withinMs: 60_000, story: job.output });
    const folder = stateFolder(this.folder);
    const { url, admin } = await control<{ url: string; admin: Credentials }>(folder, 'GET', '/credentials');
    this.api = new ApiClient(url, admin);
  }

  async kill(): Promise<void> {
    const { job } = this;
    this.job = undefined;
    job?.kill('SIGKILL');
    await job?.done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  get admin(): ApiClient {
    if (!this.api) throw new Error('the server was not started');
    return this.api;
  }

  async make(path: string, name: string, attributes: Body): Promise<Made> {
    return (await this.admin.post<Record<string, Made>>(`/${path}`, { [name]: attributes }))[name] as Made;
  }

  async list(path: string): Promise<Made[]> {
    const body = await this.admin.get<Record<string, Made[]>>(`/${path}`);
    return Object.entries(body).find(([key]) => !key.endsWith('_links'))?.[1] ?? [];
  }

  async set(path: string, name: string, attributes: Body): Promise<Made> {
    return (await this.admin.put<Record<string, Made>>(`/${path}`, { [name]: attributes }))[name] as Made;
  }
}
