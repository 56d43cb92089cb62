// Open vSwitch of a test's own: a database and a switch daemon in a folder, with the userspace datapath, in the network namespace of the caller.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

export class Ovs implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'ovs-'));
  private readonly env: NodeJS.ProcessEnv;
  private readonly children: ChildProcess[] = [];
  private daemon: ChildProcess | undefined;

  private constructor() {
    this.env = { ...process.env, OVS_RUNDIR: this.folder, OVS_LOGDIR: this.folder, OVS_DBDIR: this.folder, OVS_SYSCONFDIR: this.folder };
  }

  static async open(): Promise<Ovs> {
    const ovs = new Ovs();
    try {
      ovs.run('ovsdb-tool', 'create', join(ovs.folder, 'conf.db'), SCHEMA);
      ovs.spawn('ovsdb-server', join(ovs.folder, 'conf.db'), `--remote=punix:${ovs.folder}/db.sock`, '-vconsole:off');
      await ovs.until(() => ovs.try('ovs-vsctl', '--no-wait', 'init'));
      await ovs.start();
    } catch (error) {
      await ovs[Symbol.asyncDispose]();
      throw error;
    }
    return ovs;
  }

  async start(): Promise<void> {
    this.daemon = this.spawn('ovs-vswitchd', `unix:${this.folder}/db.sock`, '--disable-system', '--pidfile', '-vconsole:off');
    await this.until(() => this.try('ovs-appctl', 'version'));
    // the configuration that stands in the database has been taken
    this.vsctl('set', 'Open_vSwitch', '.', 'external_ids:started=yes');
  }

  async stop(): Promise<void> {
    if (this.daemon) await ended(this.daemon);
    this.daemon = undefined;
  }

  addBridge(name: string): void {
    this.vsctl('add-br', name, '--', 'set', 'bridge', name, 'datapath_type=netdev', 'fail_mode=secure');
  }

  vsctl(...args: readonly string[]): string {
    return this.run('ovs-vsctl', '--timeout=20', ...args);
  }

  ofctl(...args: readonly string[]): string {
    return this.run('ovs-ofctl', '-O', 'OpenFlow14', ...args);
  }

  run(program: string, ...args: readonly string[]): string {
    const done = spawnSync(program, args, { encoding: 'utf8', env: this.env, maxBuffer: 1 << 28 });
    if (done.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${done.stderr}${done.error ?? ''}`);
    return done.stdout;
  }

  private try(program: string, ...args: readonly string[]): boolean {
    return spawnSync(program, args, { env: this.env }).status === 0;
  }

  private spawn(program: string, ...args: readonly string[]): ChildProcess {
    const child = spawn(program, args, { stdio: 'ignore', env: this.env });
    this.children.push(child);
    return child;
  }

  private async until(holds: () => boolean): Promise<void> {
    const end = Date.now() + 20_000;
    while (!holds()) {
      if (Date.now() > end) throw new Error('Open vSwitch does not answer');
      await sleep(20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.children.toReversed()) await ended(child);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise(resolve => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}
