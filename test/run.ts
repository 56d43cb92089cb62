// The test runner: test/run.ts check|unit|api|databases|everywhere|conformance|interop|system|long|all [name pattern]. Each stage prints one summary line; the
// last line of all is `N passed, N failed`. The exit status is not zero when anything failed, or when not a single test ran.
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { mariadbMissing } from '../src/contracts/store-suite/servers/mariadb.ts';
import { postgresMissing } from '../src/contracts/store-suite/servers/postgres.ts';
import { noRabbit } from './interop/rabbit.ts';
import { type Failure, indent, nothing, type Outcome, runTests } from './stage.ts';

const root = join(import.meta.dirname, '..');
const bin = (name: string): string => join(root, 'node_modules/.bin', name);

interface Stage {
  readonly name: string;
  run(): Promise<Outcome>;
}

/** A program's way to say that it cannot run here. */
const cannotRun = 77;

/** One program that must end with status 0; its output is shown only when it does not. Where nothing may be missing, one that cannot run fails. */
function program(name: string, argv: readonly string[]): Stage {
  const run = (): Promise<Outcome> =>
    new Promise(resolve => {
      const [command = '', ...args] = argv;
      const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      child.stdout.on('data', chunk => (output += chunk));
      child.stderr.on('data', chunk => (output += chunk));
      child.on('error', error => (output += `${error.message}\n`));
      child.on('close', code => {
        if (code !== 0) process.stdout.write(`${output.trimEnd()}\n`);
        const skipped = code === cannotRun && !process.env['CI'];
        const failed = code !== 0 && !skipped;
        const failures = failed ? [{ place: '', name, text: output.trimEnd().split('\n').slice(-30).join('\n') }] : [];
        resolve({
          ...nothing,
          passed: code === 0 ? 1 : 0,
          failed: failed ? 1 : 0,
          skipped: skipped ? 1 : 0,
          ran: skipped ? 0 : 1,
          failures,
        });
      });
    });
  return { name, run };
}

/** Too long to be run for each change; `long` runs them. */
const longOnes = ['**/*.long.test.ts'];

function tests(
  name: string,
  patterns: readonly string[],
  options: { concurrency: number; verbose: boolean; fileTimeoutMs: number; secondChances?: number },
  exclude: readonly string[] = longOnes,
): Stage {
  return {
    name,
    run: () => runTests({ files: globSync([...patterns], { cwd: root, exclude }).sort(), cwd: root, ...options, only: process.argv[3] }),
  };
}

const unit = tests('unit tests', ['src/**/*.test.ts', 'test/*.test.ts', 'test/perf/**/*.test.ts', 'bin/*.test.mjs'], {
  concurrency: availableParallelism(),
  verbose: false,
  fileTimeoutMs: 180_000,
});
const api = tests('API tests', ['test/api/**/*.test.ts'], { concurrency: 2, verbose: true, fileTimeoutMs: 300_000 });
const besidePrograms = { concurrency: 1, verbose: true, fileTimeoutMs: 600_000, secondChances: 3 };
// System tests share the machine's processors and measure times: one file after another.
const system = tests('system tests', ['test/system/**/*.test.ts'], besidePrograms);
// Programs of others on the other side.
const interop = tests('interop tests', ['test/interop/**/*.test.ts'], besidePrograms);
const long = tests('long tests', ['test/{system,interop}/**/*.long.test.ts'], { ...besidePrograms, fileTimeoutMs: 1_200_000 }, []);
/** API tests elsewhere than on a file and a Unix socket: which, and what the environment says. */
interface Elsewhere {
  readonly where: string;
  readonly env: Readonly<Record<string, string>>;
  readonly missing: string | undefined;
  /** Names of files without their ending; all where there are none. */
  readonly files?: readonly string[];
}

function apiOn({ where, env, missing, files }: Elsewhere): Stage {
  const name = `API tests on ${where}`;
  const patterns = (files ?? ['**/*']).map(file => `test/api/${file}.test.ts`);
  const stage = tests(name, patterns, { concurrency: 1, verbose: true, fileTimeoutMs: 600_000 });
  const run = async (): Promise<Outcome> => {
    if (missing !== undefined && !process.env['CI']) {
      process.stdout.write(`${name}: skipped, ${missing}\n`);
      return { ...nothing, skipped: 1 };
    }
    Object.assign(process.env, env);
    try {
      return await stage.run();
    } finally {
      for (const variable of Object.keys(env)) delete process.env[variable];
    }
  };
  return { name, run };
}

/** Those that ask much of a database. */
const hard = [
  'busy-database',
  'concurrency',
  'concurrency-pools',
  'create-cost',
  'gateway-concurrency',
  'integrity',
  'lists',
  'qos-concurrency',
  'torn-reads',
  'two-versions',
  'wide-locks',
  'workers',
];
/** Those in which agents speak. */
const withAgents = [
  'addressing',
  'agents',
  'distributed-routers',
  'log-agents',
  'metering-agents',
  'port-bindings',
  'prefix-delegation',
  'pvlan',
  'qos-use',
  'routed-networks',
  'router-modes',
  'schedulers',
  'trunks',
  'versioned-objects',
];
const engines = [
  { where: 'MariaDB', env: { WEFT_TEST_STORE: 'mariadb' }, missing: mariadbMissing() },
  { where: 'PostgreSQL', env: { WEFT_TEST_STORE: 'postgres' }, missing: postgresMissing() },
] as const;
const rabbit = {
  where: 'RabbitMQ',
  env: { WEFT_TEST_BUS: 'rabbit' },
  missing: noRabbit === false ? undefined : noRabbit,
  files: withAgents,
};
const databases = engines.map(engine => apiOn({ ...engine, files: hard }));
const everywhere = [...engines.map(apiOn), apiOn(rabbit)];
// It ends with this run, whatever ends it.
const conformance = program('conformance', [
  ...['setpriv', '--pdeathsig', 'TERM', bin('node'), '--disable-warning=ExperimentalWarning'],
  ...['test/conformance/run.ts', '--quick'],
]);
const check: readonly Stage[] = [
  program('format and lint', [bin('biome'), 'check', '--error-on-warnings', '.']),
  program('types', [bin('tsc'), '-p', 'tsconfig.json', '--noEmit']),
  program('types of the pure folders', [bin('tsc'), '-p', 'tsconfig.pure.json', '--noEmit']),
  program('unused files and exports', [bin('knip'), '--no-progress']),
  unit,
];
const modes: Readonly<Record<string, readonly Stage[]>> = {
  check,
  unit: [unit],
  api: [api],
  databases,
  everywhere,
  system: [system],
  interop: [interop],
  long: [long],
  conformance: [conformance],
  all: [...check, api, ...databases, conformance, interop, system],
};

async function main(): Promise<void> {
  // Hundreds of processes load the same files.
  process.env['NODE_COMPILE_CACHE'] ??= join(root, 'node_modules/.cache/weft-code');
  const stages = modes[process.argv[2] ?? 'all'];
  if (!stages) throw new Error(`usage: test/run.ts ${Object.keys(modes).join('|')} [name pattern]`);
  const sum = { passed: 0, failed: 0, skipped: 0, ran: 0 };
  const failures: Failure[] = [];
  const unsteady: Failure[] = [];
  for (const stage of stages) {
    const began = performance.now();
    const outcome = await stage.run();
    for (const key of ['passed', 'failed', 'skipped', 'ran'] as const) sum[key] += outcome[key];
    failures.push(...outcome.failures);
    unsteady.push(...outcome.unsteady);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const skipped = outcome.skipped > 0 ? `, ${outcome.skipped} skipped` : '';
    process.stdout.write(
      `${outcome.failed > 0 ? '✖' : '✔'} ${stage.name}: ${outcome.passed} passed, ${outcome.failed} failed${skipped} (${seconds} s)\n`,
    );
  }
  tellAgain('Failed at first, and passed when their files ran once more', unsteady);
  tellAgain('Failed', failures);
  process.exitCode = sum.failed > 0 || sum.ran === 0 ? 1 : 0;
  process.stdout.write(`${sum.passed} passed, ${sum.failed} failed\n`);
}

/** The end of a long output is what people read. */
function tellAgain(title: string, what: readonly Failure[]): void {
  if (what.length === 0) return;
  process.stdout.write(`${title}:\n`);
  for (const { place, name, text } of what) {
    process.stdout.write(`  ✖ ${name}  ${place}\n${indent(text.split('\n').slice(0, 30).join('\n'))}\n`);
  }
}

await main();
