// Runs test files through node:test, each in a process of its own, and prints what a person needs: failures whole, the rest short.
import { relative } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Tests that ran: zero in a whole run is a failure. */
  readonly ran: number;
}

export interface StageOptions {
  readonly files: readonly string[];
  readonly cwd: string;
  readonly concurrency: number | boolean;
  /** A file that takes longer has hung, and fails. */
  readonly fileTimeoutMs: number;
  /** A line per passed test too. */
  readonly verbose: boolean;
  /** Runs the tests whose name contains this. */
  readonly only: string | undefined;
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

export async function runTests(options: StageOptions): Promise<Outcome> {
  const sum = { passed: 0, failed: 0, skipped: 0, ran: 0 };
  if (options.files.length === 0) return sum;
  const print = (text: string): void => {
    process.stdout.write(`${text}\n`);
  };
  const place = (event: TestEvent): string => (event.file ? `${relative(options.cwd, event.file)}:${event.line ?? 1}` : '');
  const stream = run({
    files: [...options.files],
    cwd: options.cwd,
    concurrency: options.concurrency,
    timeout: options.fileTimeoutMs,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    ...(options.only ? { testNamePatterns: [new RegExp(options.only.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))] } : {}),
  });

  const onPass = (event: TestEvent): void => {
    // With a name pattern, a file without such a test counts as one test of its own name.
    if (event.details.type === 'suite' || options.files.includes(event.name)) return;
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
    print(`  ${fails ? '✖' : '-'} skipped: ${event.name}${reason ? `: ${reason}` : ''}`);
  };
  const onFail = (event: TestEvent): void => {
    const error = event.details.error;
    // A parent fails with its children: only the children count.
    if (error?.failureType === 'subtestsFailed') return;
    sum.failed += 1;
    sum.ran += 1;
    print(`  ✖ ${event.name} (${Math.round(event.details.duration_ms)} ms)  ${place(event)}`);
    print(indent(inspect(error?.cause ?? error, { depth: 4, maxStringLength: 4000, colors: process.stdout.isTTY })));
  };
  stream.on('test:pass', event => onPass(event as TestEvent));
  stream.on('test:fail', event => onFail(event as TestEvent));
  stream.on('test:stdout', event => options.verbose && process.stdout.write(event.message));
  stream.on('test:stderr', event => process.stderr.write(event.message));
  for await (const _ of stream) {
    // Read to the end: the listeners above do the work.
  }
  return sum;
}

function indent(text: string): string {
  return text.replace(/^/gm, '      ');
}
