// What a result is of: the machine, and what ran on it.
import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  /** When it was asked; the run's own load is in it. */
  readonly load: number;
  readonly node: string;
  /** Of Weft, and whether something there was changed. */
  readonly commit: string;
  /** Of Debian's packages, by name. */
  readonly packages: Readonly<Record<string, string>>;
}

const packages = ['neutron-server', 'keystone', 'mariadb-server', 'postgresql-15', 'rabbitmq-server', 'openvswitch-switch'];

function answerOf(program: string, argv: readonly string[]): string {
  try {
    return execFileSync(program, argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], cwd: import.meta.dirname }).trim();
  } catch (error) {
    // dpkg-query tells of those that there are also where others are not.
    return String((error as { stdout?: string }).stdout ?? '').trim();
  }
}

export function thisMachine(): Machine {
  const [load = 0] = loadavg();
  const found = answerOf('dpkg-query', ['-W', '-f', '${Package} ${Version}\\n', ...packages]);
  const changed = answerOf('git', ['status', '--porcelain', '--untracked-files=no']) === '' ? '' : ' with changes';
  return {
    processor: cpus()[0]?.model ?? '',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    load,
    node: process.version,
    commit: answerOf('git', ['rev-parse', '--short', 'HEAD']) + changed,
    packages: Object.fromEntries(
      found
        .split('\n')
        .map(line => line.split(' '))
        .filter(([, version]) => version)
        .map(([name = '', version = '']) => [name, version]),
    ),
  };
}

/** Of the moment, where what else ran is told beside it. */
export function machineBrief(): string {
  const [load = 0] = loadavg();
  return `${cpus()[0]?.model}, ${availableParallelism()} cores, load ${load.toFixed(1)}; Node ${process.version}`;
}

export function machineWords({ processor, cores, memoryGib, load, node, commit, packages: versions }: Machine): string {
  const stack = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${processor}, ${cores} processors, ${memoryGib} GiB, load ${load.toFixed(1)} at the end; Weft ${commit}, Node ${node}${stack.length === 0 ? '' : `, ${stack.join(', ')}`}`;
}
