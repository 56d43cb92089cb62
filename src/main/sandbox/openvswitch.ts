// Open vSwitch of a contained host: a database and a switch of its own, two bridges on its wires, and the one that instances are plugged into.
// What else there is agents make.
//
//   eth0 ── br-phy 198.18.0.1/24 (ends of tunnels)      eth1 ── br-ex (physical network "public")
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { missingPackages, programFolders, switchPackages } from '../../../bin/packages.mjs';
import { systemClock } from '../../adapters/clock/system-clock.ts';
import type { Log } from '../../contracts/log.ts';
import { startProcess } from '../supervise/process.ts';
import { type Supervised, supervise } from '../supervise/supervisor.ts';
import { type PlannedHost, publicNetwork, underlayMtu } from './plan.ts';
import { run, tryRun } from './run.ts';
import type { Sandbox } from './sandbox.ts';

export interface OpenedSwitch {
  /** `system`: the kernel's, where it has one. */
  readonly datapath: 'system' | 'netdev';
  readonly daemons: readonly Supervised[];
}

interface SwitchOptions {
  readonly host: PlannedHost & { readonly sandbox: Sandbox };
  readonly logs: string;
  readonly log: Log;
}

/** In the host's own /run, where the programs of Open vSwitch look for it. */
const runFolder = '/run/openvswitch';
const schema = '/usr/share/openvswitch/vswitch.ovsschema';
/** The bridge that physical network "public" is mapped to. */
export const publicBridge = 'br-ex';
export const databaseConnection = `unix:${runFolder}/db.sock`;
export const integrationBridge = 'br-int';
const underlayBridge = 'br-phy';
const startMs = 10_000;

/** Throws with words for the user. */
export function refuseWithoutSwitch(path = process.env['PATH'] ?? ''): void {
  const missing = missingPackages(switchPackages, programFolders(path));
  if (missing.length === 0) return;
  const programs = missing.flatMap(name => switchPackages[name] ?? []);
  throw new Error(
    `hosts with Open vSwitch need ${programs.join(', ')}: apt-get install ${missing.join(' ')}, and see to it that the machine does not start it as a service, unless it is to`,
  );
}

export async function openSwitch(options: SwitchOptions): Promise<OpenedSwitch> {
  const { host } = options;
  const on = (...argv: string[]): Promise<string> => run(host.sandbox.enter(argv));
  const vsctl = async (...argv: string[]): Promise<string> => (await on('ovs-vsctl', '--timeout=20', ...argv)).trim();
  await on('mkdir', '-p', runFolder);
  await on('ovsdb-tool', 'create', `${runFolder}/conf.db`, schema);
  // The kernel's datapath is asked for again and again where there is none.
  const quiet = ['-vconsole:warn', '-vdpif:console:err', '-vsyslog:off', '--pidfile'];
  const daemons = [daemon(options, ['ovsdb-server', `${runFolder}/conf.db`, `--remote=p${databaseConnection}`, ...quiet])];
  try {
    await untilIt(async () => (await tryRun(host.sandbox.enter(['ovs-vsctl', '--timeout=2', '--no-wait', 'init']))).code === 0);
    daemons.push(daemon(options, ['ovs-vswitchd', databaseConnection, ...quiet]));
    const datapath = await firstBridge(vsctl);
    // What a switch in user space reads from a wire has to be complete: checksums are nobody's to add behind it.
    await Promise.all(['eth0', publicNetwork.device].map(wire => on('ethtool', '-K', wire, 'tx', 'off')));
    const kind = `datapath_type=${datapath}`;
    await vsctl(
      ...['add-port', underlayBridge, 'eth0', '--', 'set', 'Interface', underlayBridge, `mtu_request=${underlayMtu}`],
      ...['--', 'add-br', publicBridge, '--', 'set', 'Bridge', publicBridge, kind, '--', 'add-port', publicBridge, publicNetwork.device],
      ...['--', 'add-br', integrationBridge, '--', 'set', 'Bridge', integrationBridge, kind, 'fail_mode=secure'],
    );
    const batch = [`address add ${host.localIp}/24 dev ${underlayBridge}`, `link set ${underlayBridge} up`, ''];
    await run(host.sandbox.enterNetwork(['ip', '-batch', '-']), { input: batch.join('\n') });
    return { datapath, daemons };
  } catch (error) {
    await Promise.all(daemons.map(each => each[Symbol.asyncDispose]()));
    throw new Error(`Open vSwitch of ${host.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** A bridge that the switch cannot make has no datapath: then the kernel has none, and the one in user space serves. */
async function firstBridge(vsctl: (...argv: string[]) => Promise<string>): Promise<'system' | 'netdev'> {
  await vsctl('add-br', underlayBridge, '--', 'set', 'Bridge', underlayBridge, 'datapath_type=system');
  if ((await vsctl('get', 'Bridge', underlayBridge, 'datapath_id')) !== '[]') return 'system';
  await vsctl('set', 'Bridge', underlayBridge, 'datapath_type=netdev');
  return 'netdev';
}

function daemon({ host, logs, log }: SwitchOptions, argv: readonly string[]): Supervised {
  const name = argv[0] ?? '';
  return supervise({
    name: `${name} of ${host.name}`,
    clock: systemClock,
    log,
    random: Math.random,
    start: () => startProcess({ place: host.sandbox, argv, outputFile: join(logs, `${host.name}-${name}.out`) }),
  });
}

async function untilIt(holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + startMs; !(await holds()); await sleep(20))
    if (performance.now() > deadline) throw new Error('its database does not answer');
}
