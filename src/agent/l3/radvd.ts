// One radvd per router: its files, its start, and changes to its configuration without a restart.
import type { AgentContext } from '../context.ts';
import { isUuid } from '../desired/l3/values.ts';

type RadvdContext = Pick<AgentContext, 'config' | 'host'>;

export class Radvd {
  private readonly ctx: RadvdContext;
  /** Routers whose radvd this agent has started or reloaded. */
  private readonly told = new Set<string>();

  constructor(ctx: RadvdContext) {
    this.ctx = ctx;
  }

  /** An empty text wants none. */
  async realise(id: string, netns: string, text: string): Promise<void> {
    if (text === '') return await this.remove(id);
    const { files, processes } = this.ctx.host;
    const { conf, pid } = this.paths(id);
    const before = await this.alive(id);
    // radvd refuses a file that others may write.
    const changed = await files.write(conf, text, 0o644);
    const now = await processes.ensure({ name: `radvd-${id}`, netns, argv: this.argv(conf, pid), pidFile: pid, selfPid: true });
    // It reads its file at start and on SIGHUP. Stopping it would tell every instance to drop its default route.
    // One that an earlier agent left may not have been told of the last change: it is told now.
    if (now === before && (changed || !this.told.has(id))) await this.reload(id);
    this.told.add(id);
  }

  async reload(id: string): Promise<void> {
    const { conf, pid } = this.paths(id);
    await this.ctx.host.processes.signal(pid, conf, 'SIGHUP');
  }

  alive(id: string): Promise<number | undefined> {
    const { conf, pid } = this.paths(id);
    return this.ctx.host.processes.alive(pid, conf);
  }

  async remove(id: string): Promise<void> {
    const { files, processes } = this.ctx.host;
    const { conf, pid } = this.paths(id);
    this.told.delete(id);
    await processes.stop(pid, conf);
    await files.remove(conf);
  }

  /** Ids of the routers that files of ours are left of. */
  async known(): Promise<string[]> {
    const names = await this.ctx.host.files.list(this.folder);
    return names.flatMap(name => {
      const id = name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : '';
      return isUuid(id) ? [id] : [];
    });
  }

  private get folder(): string {
    return this.ctx.config.l3?.raFolder ?? `${this.ctx.config.statePath}/ra`;
  }

  private paths(id: string): { readonly conf: string; readonly pid: string } {
    const { statePath } = this.ctx.config;
    return { conf: `${this.folder}/${id}${SUFFIX}`, pid: `${statePath}/external/pids/${id}.pid.radvd` };
  }

  /** In the foreground, as a daemon of the door's; its words go to syslog, since any neighbour can make it talk. */
  private argv(conf: string, pid: string): string[] {
    const user = this.ctx.config.l3?.dropUser ? ['-u', 'nobody'] : [];
    return ['radvd', '-n', '-C', conf, '-p', pid, '-m', 'syslog', ...user];
  }
}

const SUFFIX = '.radvd.conf';
