// Whether a server stays as it is while a cloud works with it: the same mixed load at a fixed rate, minute by minute. Memory must not grow, nothing may fail, and the last
// questions must be answered as fast as the first.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { freePort } from '../../src/contracts/free-port.ts';
import { Cloud, cloudConfig } from './bench/cloud.ts';
import { type Command, type Goal, runCommand } from './bench/command.ts';
import { startDurable } from './bench/databases.ts';
import { untilInterrupted } from './bench/interruption.ts';
import { machineWords, thisMachine } from './bench/machine.ts';
import { closedLoop, median, openLoop } from './bench/measure.ts';
import { Mixed } from './bench/mixed.ts';
import { positive, whole } from './bench/options.ts';
import { pssMib } from './bench/processes.ts';
import { startWeft, type WeftServer } from './bench/servers.ts';
import { type Shape, shapes } from './bench/shapes.ts';
import { grows, type Trend, thirds, trendOf } from './bench/trend.ts';
import { markdown, ms, percentile } from './statistics.ts';

const usage = `usage: npm run bench:soak -- [--minutes 30] [--ports 2000] [--rate N] [--shape embedded] [--node-option OPTION …]
  --rate N         things that are done in a second; without it half of what is reached at the beginning
  --shape NAME     embedded, mariadb or postgres
  --json FILE      every minute's figures
  --document FILE  where the result is written between its marks; docs/benchmarks.md after a whole run of the embedded shape, else nowhere
  --node-option    for the server's process: --heapsnapshot-signal=SIGPROF`;

const numbers = { minutes: '30', ports: '2000' } as const;

interface SoakOptions extends Goal {
  readonly minutes: number;
  readonly ports: number;
  readonly rate: number | undefined;
  readonly shape: Shape;
  readonly nodeOptions: readonly string[];
}

/** What a run must keep to. */
const limits = { memoryShareOfAnHour: 0.1, p99Times: 1.5, loopMs: 20 };

interface Minute {
  readonly minute: number;
  readonly heapMib: number;
  readonly externalMib: number;
  readonly rssMib: number;
  readonly pssMib: number;
  readonly p50: number;
  readonly p99: number;
  readonly errors: number;
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  readonly handles: number;
  readonly files: Readonly<Record<string, number>>;
}

interface Left {
  readonly heapUsed: number;
  readonly external: number;
  readonly rss: number;
}

const mib = (bytes: number): number => bytes / 2 ** 20;
const clients = 8;

/** What is left after the server has collected its garbage. */
async function probed(server: WeftServer, file: string): Promise<Left> {
  rmSync(file, { force: true });
  process.kill(server.processes[0]!, 'SIGUSR2');
  for (let waited = 0; waited < 10_000; waited += 50) {
    await sleep(50);
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as Left;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error('the server does not say what it holds');
}

/** In ms, since it was asked last. */
async function loopDelay(metrics: string): Promise<{ readonly p99: number; readonly max: number }> {
  const text = await (await fetch(`http://${metrics}/metrics`)).text();
  const of = (what: string): number => Number(new RegExp(`^nodejs_eventloop_lag_${what}_seconds (\\S+)$`, 'm').exec(text)?.[1]) * 1000;
  return { p99: of('p99'), max: of('max') };
}

/** By kind, in MiB. */
function sizesIn(folder: string): Record<string, number> {
  const sizes: Record<string, number> = { database: 0, WAL: 0, logs: 0 };
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const kind = entry.name.endsWith('.db')
      ? 'database'
      : entry.name.endsWith('-wal')
        ? 'WAL'
        : entry.parentPath.endsWith('logs')
          ? 'logs'
          : undefined;
    if (kind) sizes[kind]! += mib(statSync(join(entry.parentPath, entry.name)).size);
  }
  return sizes;
}

const columns = ['minute', 'heap', 'external', 'RSS', 'PSS', 'p50 ms', 'p99 ms', 'errors', 'loop p99', 'loop max', 'fds', 'files, MiB'];

function cellsOf(m: Minute): string[] {
  const files = Object.entries(m.files).map(([name, size]) => `${name} ${size.toFixed(1)}`);
  const memory = [m.heapMib, m.externalMib, m.rssMib, m.pssMib].map(value => value.toFixed(1));
  const delays = [m.loopP99Ms.toFixed(1), m.loopMaxMs.toFixed(0)];
  return [String(m.minute), ...memory, ms(m.p50), ms(m.p99), String(m.errors), ...delays, String(m.handles), files.join(', ')];
}

async function watch(
  mixed: Mixed,
  server: WeftServer,
  given: { rate: number; minutes: number; metrics: string; probe: string; progress: (line: string) => void; signal: AbortSignal },
): Promise<Minute[]> {
  const minutes: Minute[] = [];
  const serial = { next: 0 };
  const operation = (i: number, client: number) => mixed.run(i, client);
  const timing = { warmUpMs: 0, measuredMs: 60_000, clients, signal: given.signal };
  given.progress(columns.join('\t'));
  mixed.tally.take();
  await loopDelay(given.metrics);
  for (let minute = 1; minute <= given.minutes; minute++) {
    await openLoop(server, operation, serial, timing, given.rate);
    const { times, errors } = mixed.tally.take();
    // Asked before garbage is collected by force, which is no delay of the server's own.
    const loop = await loopDelay(given.metrics);
    const left = await probed(server, given.probe);
    const now: Minute = {
      minute,
      heapMib: mib(left.heapUsed),
      externalMib: mib(left.external),
      rssMib: mib(left.rss),
      pssMib: pssMib(server.processes),
      p50: percentile(times, 0.5),
      p99: percentile(times, 0.99),
      errors,
      loopP99Ms: loop.p99,
      loopMaxMs: loop.max,
      handles: readdirSync(`/proc/${server.processes[0]}/fd`).length,
      files: sizesIn(server.folder),
    };
    minutes.push(now);
    given.progress(cellsOf(now).join('\t'));
    await loopDelay(given.metrics);
  }
  return minutes;
}

const words = (what: string, { perMinute, noise, mean }: Trend): string =>
  `${what}: ${perMinute >= 0 ? '+' : ''}${perMinute.toFixed(3)} MiB a minute, ± ${noise.toFixed(3)}; ${mean.toFixed(1)} MiB on average`;

/** Of the minutes after the first third, in which caches fill. */
function verdict(
  all: readonly Minute[],
  complaints: ReadonlyMap<string, number>,
): { readonly lines: readonly string[]; readonly missed: readonly string[]; readonly wrong: readonly string[] } {
  const steady = all.slice(Math.floor(all.length / 3));
  const trend = (figure: (m: Minute) => number): Trend => trendOf(steady.map(m => ({ minute: m.minute, value: figure(m) })));
  const [heap, pss] = [trend(m => m.heapMib + m.externalMib), trend(m => m.pssMib)];
  const { first, last } = thirds(all);
  const [before, after] = [median(first.map(m => m.p99)), median(last.map(m => m.p99))];
  const loop = median(all.map(m => m.loopP99Ms));
  const errors = all.reduce((sum, m) => sum + m.errors, 0);
  const missed = [
    ...(grows(heap, limits.memoryShareOfAnHour) ? ['memory grows'] : []),
    ...(grows(pss, limits.memoryShareOfAnHour) ? ['the process grows'] : []),
    ...(after > limits.p99Times * before ? ['answers become slower'] : []),
    ...(loop >= limits.loopMs ? ['the event loop is late'] : []),
  ];
  return {
    lines: [
      words('heap and external', heap),
      words('PSS', pss),
      `p99: ${ms(before)} ms in the first third, ${ms(after)} ms in the last; event loop p99: ${loop.toFixed(1)} ms; ${errors} errors`,
      ...[...complaints].map(([what, times]) => `${times} times: ${what}`),
      missed.length === 0 ? 'Flat.' : `Missed: ${missed.join('; ')}.`,
    ],
    missed,
    wrong: errors > 0 ? ['not everything was answered as it should be'] : [],
  };
}

function read(args: readonly string[]): SoakOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: numbers.minutes },
      ports: { type: 'string', default: numbers.ports },
      rate: { type: 'string' },
      shape: { type: 'string', default: 'embedded' },
      json: { type: 'string' },
      document: { type: 'string' },
      'node-option': { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  const shape = shapes.find(name => name === values.shape);
  if (!shape) throw new Error(`there is no shape ${values.shape}: ${shapes.join(', ')}`);
  return {
    minutes: whole('minutes', values.minutes),
    ports: whole('ports', values.ports),
    rate: values.rate === undefined ? undefined : positive('rate', values.rate),
    shape,
    nodeOptions: values['node-option'],
    json: values.json,
    document: values.document,
    help: values.help,
  };
}

const isWhole = ({ minutes, ports, rate, shape, nodeOptions }: SoakOptions): boolean =>
  minutes >= Number(numbers.minutes) &&
  ports >= Number(numbers.ports) &&
  rate === undefined &&
  shape === 'embedded' &&
  nodeOptions.length === 0;

interface Soaked {
  readonly rate: number;
  readonly minutes: readonly Minute[];
  readonly complaints: ReadonlyMap<string, number>;
}

async function soaked(options: SoakOptions, progress: (line: string) => void, signal: AbortSignal): Promise<Soaked> {
  const { shape } = options;
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'weft-soak-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const probe = join(folder, 'probe.json');
  process.env['WEFT_PROBE'] = probe;
  const metrics = `127.0.0.1:${await freePort()}`;
  const database = shape === 'embedded' ? undefined : stack.use(await startDurable(shape));
  const connection = database ? `[database]\nconnection = ${await database.database()}\n` : '';
  const server = stack.use(
    await startWeft(
      {
        name: shape,
        config: `${cloudConfig}[weft]\nmetrics_listen = ${metrics}\n${connection}`,
        beside: database ? [database.pid!] : [],
        nodeOptions: ['--expose-gc', '--import', join(import.meta.dirname, 'bench/probe.ts'), ...options.nodeOptions],
      },
      signal,
    ),
  );
  const world = { form: 'spread', ports: options.ports, clients, progress } as const;
  const cloud = stack.use(await untilInterrupted(Cloud.open(server.target, server.folder, world), signal));
  const mixed = new Mixed(cloud);
  const turn = (i: number, client: number) => mixed.run(i, client);
  const reached = await closedLoop(server, turn, { next: 0 }, { warmUpMs: 5000, measuredMs: 10_000, clients, signal });
  const rate = options.rate ?? reached.operations / 2;
  progress(`process ${server.processes[0]}: ${reached.operations.toFixed(0)} a second reached, ${rate.toFixed(0)} asked for`);
  const minutes = await watch(mixed, server, { rate, minutes: options.minutes, metrics, probe, progress, signal });
  return { rate, minutes, complaints: mixed.tally.complaints };
}

const soak: Command<SoakOptions> = {
  name: 'npm run bench:soak',
  usage,
  read,
  async run(options, { command, date, progress, signal }) {
    const { rate, minutes, complaints } = await soaked(options, progress, signal);
    const { lines, missed, wrong } = verdict(minutes, complaints);
    const machine = thisMachine();
    const head = `\`${command}\`, ${date}. ${machineWords(machine)}. ${rate.toFixed(0)} things done in a second; memory in MiB, after a collection.`;
    return {
      text: [head, markdown([columns, ...minutes.map(cellsOf)]), lines.map(line => `- ${line}`).join('\n')].join('\n\n'),
      raw: { command, date, machine, conditions: options, rate, minutes, complaints: Object.fromEntries(complaints) },
      missed,
      wrong,
      isWhole: isWhole(options),
    };
  },
};

process.exitCode = await runCommand(soak, process.argv.slice(2));
