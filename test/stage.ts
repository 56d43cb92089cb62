// Runs test files through node:test, each in a process of its own, and prints what a person needs: failures whole, the rest short.
import { relative, resolve } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Tests that ran: zero in a whole run is a failure. */
  readonly ran: number;
  /** What failed, to be told once more at the end of a run. */
  readonly failures: readonly Failure[];
  /** What failed first and passed when its file ran once more. */
  readonly unsteady: readonly Failure[];
}

export interface Failure {
  /** Where it stands, from the project's root; empty where no file is known. */
  readonly place: string;
  readonly name: string;
  /** The error, in full. */
  readonly text: string;
}

export const nothing: Outcome = { passed: 0, failed: 0, skipped: 0, ran: 0, failures: [], unsteady: [] };

export interface StageOptions {
  readonly files: readonly string[];
  readonly cwd: string;
  readonly concurrency: number;
  /** A file that takes longer has hung, and fails. */
  readonly fileTimeoutMs: number;
  /** A line per passed test too. */
  readonly verbose: boolean;
  /** Runs the tests whose name contains this. */
  readonly only: string | undefined;
  /**
   * When no more files than this have a failed test, they run once more; those that pass then are told of as unsteady. For tests beside programs of
   * others, whose hiccups are not ours; a guard that fails once has failed.
   */
  readonly secondChances?: number;
}

interface TestEvent {
  readonly name: string;
  readonly nesting: number;
  readonly file?: string;
  readonly line?: number;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly details: { readonly duration_ms: number; readonly type?: string; readonly error?: Error & { readonly failureType?: string } };
}

/** On a build server nothing may be missing, so a skipped test is a failed one there, unless the kernel or the place of the checkout is why. */
const skipFails = (reason: string): boolean => Boolean(process.env['CI']) && !/^(kernel|place):/.test(reason);

/** A file that takes longer is told of. */
const LONG_MS = 30_000;

/** What one run of files came to; the file of each failure, too. */
interface Run extends Outcome {
  readonly failures: (Failure & { readonly file: string })[];
}

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

export async function runTests(options: StageOptions): Promise<Outcome> {
  if (options.files.length === 0) return nothing;
  const first = await runFiles(options, options.files);
  const suspects = new Set(first.failures.map(failure => failure.file));
  const known = options.files.filter(file => suspects.has(resolve(options.cwd, file)));
  if (known.length === 0 || known.length !== suspects.size || known.length > (options.secondChances ?? 0)) return first;
  print(`  once more: ${known.join(', ')}`);
  const again = await runFiles(options, known);
  const stillBad = new Set(again.failures.map(failure => failure.file));
  const failures = first.failures.filter(failure => stillBad.has(failure.file));
  const unsteady = first.failures.filter(failure => !stillBad.has(failure.file));
  return { ...first, passed: first.passed + unsteady.length, failed: first.failed - unsteady.length, failures, unsteady };
}

async function runFiles(options: StageOptions, files: readonly string[]): Promise<Run> {
  const sum = { passed: 0, failed: 0, skipped: 0, ran: 0 };
  const failures: Run['failures'] = [];
  /** By file, in ms. */
  const times = new Map<string, number>();
  const took = ({ file, nesting, details }: TestEvent): void => {
    if (file && nesting === 0) times.set(file, (times.get(file) ?? 0) + details.duration_ms);
  };
  const place = (event: TestEvent): string => (event.file ? `${relative(options.cwd, event.file)}:${event.line ?? 1}` : '');
  const stream = run({
    files: [...files],
    cwd: options.cwd,
    concurrency: options.concurrency,
    timeout: options.fileTimeoutMs,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    ...(options.only ? { testNamePatterns: [new RegExp(options.only.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))] } : {}),
  });

  const onPass = (event: TestEvent): void => {
    // With a name pattern, a file without such a test counts as one test of its own name.
    if (event.details.type === 'suite' || files.includes(event.name)) return;
    if (event.skip !== undefined && event.skip !== false) {
      onSkip(event, typeof event.skip === 'string' ? event.skip : '');
      return;
    }
    sum.passed += 1;
    sum.ran += 1;
    if (options.verbose) print(`  ✔ ${event.name} (${Math.round(event.details.duration_ms)} ms)`);
  };
  const onSkip = (event: TestEvent, reason: string): void => {
    // Tests that a name pattern leaves out are reported as skipped, too.
    if (options.only) return;
    const fails = skipFails(reason);
    sum[fails ? 'failed' : 'skipped'] += 1;
    if (fails) fail(event, `skipped: ${reason}`);
    print(`  ${fails ? '✖' : '-'} skipped: ${event.name}${reason ? `: ${reason}` : ''}`);
  };
  const onFail = (event: TestEvent): void => {
    const error = event.details.error;
    // A parent fails with its children: only the children count.
    if (error?.failureType === 'subtestsFailed') return;
    sum.failed += 1;
    sum.ran += 1;
    const text = inspect(error?.cause ?? error, { depth: 4, maxStringLength: 4000, colors: process.stdout.isTTY });
    fail(event, text);
    print(`  ✖ ${event.name} (${Math.round(event.details.duration_ms)} ms)  ${place(event)}`);
    print(indent(text));
  };
  const fail = (event: TestEvent, text: string): void => {
    failures.push({ file: event.file ?? resolve(options.cwd, event.name), place: place(event), name: event.name, text });
  };
  stream.on('test:pass', event => onPass(event as TestEvent));
  stream.on('test:fail', event => onFail(event as TestEvent));
  stream.on('test:stdout', event => options.verbose && process.stdout.write(event.message));
  stream.on('test:stderr', event => process.stderr.write(event.message));
  for (const end of ['test:pass', 'test:fail'] as const) stream.on(end, event => took(event as TestEvent));
  for await (const _ of stream) {
    // Read to the end: the listeners above do the work.
  }
  if (options.verbose) tellLongest(options.cwd, times);
  return { ...sum, failures, unsteady: [] };
}

/** What a stage spends its time on. */
function tellLongest(cwd: string, times: ReadonlyMap<string, number>): void {
  const long = [...times].filter(([, ms]) => ms > LONG_MS).sort(([, a], [, b]) => b - a);
  if (long.length > 0) print(`  longest: ${long.map(([file, ms]) => `${relative(cwd, file)} ${Math.round(ms / 1000)} s`).join(', ')}`);
}

export function indent(text: string): string {
  return text.replace(/^/gm, '      ');
}
