// Whether a cloud slows down as it grows: the same questions to Weft with 1,000, 10,000 and 100,000 ports, in turns. What counts is what each costs beside the smallest.
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Cloud, cloudConfig, type Form, pageSize } from './bench/cloud.ts';
import { startDurable } from './bench/databases.ts';
import { writeSection } from './bench/document.ts';
import { statusOf, untilInterrupted } from './bench/interruption.ts';
import { machineBrief } from './bench/machine.ts';
import { closedLoop, medianOf, type Result, type Serial } from './bench/measure.ts';
import { short, svgOf } from './bench/plot.ts';
import { startWeft, type WeftServer } from './bench/servers.ts';
import type { Phase } from './bench/world.ts';
import { digits, markdown } from './statistics.ts';

const usage = `usage: npm run bench:growth -- [--shape embedded] [--form spread] [--ports 1000 --ports 10000 --ports 100000] [--slice 0.4] [--rounds 9] [--only TEXT …]
                              [--keep FOLDER] [--write] [--node-option OPTION …]
  --shape NAME     embedded, mariadb or postgres
  --ports N        from 1,000 on; may be repeated
  --form NAME      spread: tenants, networks and hosts in proportion to the ports; heap: all ports in one network and one group of one tenant
  --slice S        seconds that each operation is measured at each size in each round
  --only TEXT      the operations that have this in their name; may be repeated
  --keep FOLDER    filled states (embedded) are left there, and taken from there
  --write          its section of docs/benchmarks.md, and the picture
  --node-option    for the servers' processes: --cpu-prof`;

/** Above that at the largest size, the run has failed. */
const allowed = 1.5;

interface Options {
  readonly shape: 'embedded' | 'mariadb' | 'postgres';
  readonly form: Form;
  readonly sizes: readonly number[];
  readonly sliceMs: number;
  readonly rounds: number;
  readonly only: readonly string[];
  readonly keep: string | undefined;
  readonly nodeOptions: readonly string[];
}

interface Place {
  readonly size: number;
  readonly server: WeftServer;
  readonly phases: readonly Phase[];
  readonly serials: ReadonlyMap<string, Serial>;
  readonly results: ReadonlyMap<string, Result[]>;
}

const clients = 1;
const fillers = 8;
const progress = (line: string): void => void process.stderr.write(`${line}\n`);

async function open(options: Options, stack: AsyncDisposableStack, signal: AbortSignal): Promise<Place[]> {
  const database = options.shape === 'embedded' ? undefined : stack.use(await startDurable(options.shape));
  const places: Place[] = [];
  // As many at each size, or the larger cloud would be charged for what the smaller one has printed already.
  const asked = Math.min(...options.sizes);
  for (const size of options.sizes) {
    const name = `${options.form} of ${size}`;
    const kept = options.keep === undefined ? undefined : join(options.keep, `${options.form}-${size}`);
    const connection = database ? `[database]\nconnection = ${await database.database()}\n` : '';
    const shape = { name, config: cloudConfig + connection, beside: database ? [database.pid!] : [], nodeOptions: options.nodeOptions };
    if (kept !== undefined && !existsSync(kept)) await fillInto(kept, size, options, signal);
    const server = stack.use(await startWeft({ ...shape, ...(kept === undefined ? {} : { from: kept }) }, signal));
    const world = { form: options.form, ports: size, asked, clients: fillers, progress };
    const cloud = stack.use(await untilInterrupted(Cloud.open(server.target, server.folder, world), signal));
    const phases = cloud.phases().filter(({ name: its }) => options.only.length === 0 || options.only.some(part => its.includes(part)));
    places.push({
      size,
      server,
      phases,
      serials: new Map(phases.map(phase => [phase.name, { next: 0 }])),
      results: new Map(phases.map(phase => [phase.name, []])),
    });
  }
  return places;
}

async function fillInto(folder: string, size: number, { form }: Options, signal: AbortSignal): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const name = `${form} of ${size}`;
  const server = await startWeft({ name, config: cloudConfig, beside: [], nodeOptions: [] }, signal);
  const copy = (): void => {
    mkdirSync(folder, { recursive: true });
    cpSync(server.folder, folder, { recursive: true, filter: path => !path.endsWith('.sock') });
  };
  stack.use(server);
  stack.use(await untilInterrupted(Cloud.open(server.target, server.folder, { form, ports: size, clients: fillers, progress }), signal));
  copy();
}

async function measure(places: readonly Place[], { sliceMs, rounds }: Options, signal: AbortSignal): Promise<void> {
  const names = places[0]!.phases.map(({ name }) => name);
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`);
    for (const [at, name] of names.entries()) {
      // Nobody is always the first after a pause.
      for (let i = 0; i < places.length; i++) {
        const { server, phases, serials, results } = places[(i + round + at) % places.length]!;
        // What is deleted was made just before, and would be gone after a warm-up.
        const warmUpMs = name.endsWith('delete') ? 0 : round === 0 ? sliceMs : sliceMs / 4;
        const timing = { warmUpMs, measuredMs: sliceMs, clients, signal };
        results.get(name)!.push(await closedLoop(server, phases[at]!.run, serials.get(name)!, timing));
      }
    }
  }
}

/** By size: milliseconds of an operation, and how many times as much as at the smallest. */
interface Figure {
  readonly ms: readonly number[];
  readonly times: readonly number[];
}

interface Growth {
  readonly name: string;
  /** Until it is answered. */
  readonly p50: Figure;
  /** Of the server and its database. */
  readonly cpu: Figure;
}

/** Where others work on the machine, processor time is the steadier: it is what the verdict goes by. */
function growthOf(name: string, places: readonly Place[]): Growth {
  const figure = (of: (results: readonly Result[]) => number): Figure => {
    const values = places.map(place => of(place.results.get(name)!));
    return { ms: values, times: values.map(value => value / values[0]!) };
  };
  return { name, p50: figure(results => medianOf(results).p50), cpu: figure(cpuOf) };
}

/** Of all rounds together: what a short one spent is a few ticks of the clock. */
function cpuOf(results: readonly Result[]): number {
  const some = results.filter(({ operations }) => operations > 0);
  const spent = some.reduce((sum, r) => sum + (r.cpuMs + r.besideCpuMs) * r.operations, 0);
  return spent / some.reduce((sum, { operations }) => sum + operations, 0);
}

function table(growths: readonly Growth[], sizes: readonly number[]): string {
  const [first, ...others] = sizes.map(short);
  const times = others.map(size => `${size}, times`);
  const head = ['', `${first}, CPU ms`, ...times, `${first}, p50 ms`, ...times];
  const cells = ({ ms: all, times: ratios }: Figure): string[] => [all[0]!, ...ratios.slice(1)].map(digits);
  return markdown([head, ...growths.map(({ name, p50, cpu }) => [name, ...cells(cpu), ...cells(p50)])]);
}

const root = join(import.meta.dirname, '../..');

/** The section of the document, and its picture. */
function write(growths: readonly Growth[], { sizes, shape, form }: Options, text: string): void {
  const picture = `growth-${shape}-${form}.svg`;
  mkdirSync(join(root, 'docs/images'), { recursive: true });
  writeFileSync(
    join(root, 'docs/images', picture),
    svgOf({
      title: `Processor time of an operation, ${shape}, ${form}`,
      xLabel: 'ports',
      yLabel: `times that with ${short(sizes[0]!)}`,
      ticks: sizes,
      limit: allowed,
      lines: growths.map(({ name, cpu }) => ({ name, points: sizes.map((x, i) => ({ x, y: cpu.times[i]! })) })),
    }),
  );
  const section = `![Processor time of an operation by the number of ports](images/${picture})\n\n${text}`;
  writeSection(join(root, 'docs/benchmarks.md'), `growth ${shape} ${form}`, section);
}

async function main(signal: AbortSignal): Promise<number> {
  const { values } = parseArgs({
    options: {
      shape: { type: 'string', default: 'embedded' },
      form: { type: 'string', default: 'spread' },
      ports: { type: 'string', multiple: true, default: ['1000', '10000', '100000'] },
      slice: { type: 'string', default: '0.4' },
      rounds: { type: 'string', default: '9' },
      only: { type: 'string', multiple: true, default: [] },
      keep: { type: 'string' },
      write: { type: 'boolean', default: false },
      'node-option': { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  // A page in the middle of a walk, and one at its end, are different ones.
  const areLarge = values.ports.every(size => Number(size) >= 2 * pageSize);
  const known = ['embedded', 'mariadb', 'postgres'].includes(values.shape) && ['spread', 'heap'].includes(values.form) && areLarge;
  if (values.help || !known) {
    process.stdout.write(`${usage}\n`);
    return values.help ? 0 : 2;
  }
  const options: Options = {
    shape: values.shape as Options['shape'],
    form: values.form as Form,
    sizes: values.ports.map(Number),
    sliceMs: Number(values.slice) * 1000,
    rounds: Number(values.rounds),
    only: values.only,
    keep: values.keep,
    nodeOptions: values['node-option'],
  };
  await using stack = new AsyncDisposableStack();
  const places = await open(options, stack, signal);
  await measure(places, options, signal);
  const growths = places[0]!.phases.map(({ name }) => growthOf(name, places));
  const text = `${machineBrief()}; ${options.rounds} rounds in turns, ${values.slice} s of each operation at each size, one client.\n\n${table(growths, options.sizes)}`;
  process.stdout.write(`${text}\n`);
  if (values.write) write(growths, options, text);
  const errors = places.flatMap(({ results }) => [...results.values()].flat()).reduce((sum, r) => sum + r.errors, 0);
  if (errors > 0) process.stdout.write(`\n${errors} errors\n`);
  return errors > 0 || growths.some(({ cpu }) => cpu.times.at(-1)! > allowed) ? 1 : 0;
}

process.exitCode = await statusOf(progress, main);
