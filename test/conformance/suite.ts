// Runs the tests of a Python suite: some workers, each of which runs one class at a time in a process of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export type Ending = 'passed' | 'failed' | 'skipped' | 'not run';

export interface TestResult {
  readonly outcome: Ending;
  readonly seconds: number;
  readonly why: string;
}

export interface SuiteOptions {
  /** `tempest.api.network`. */
  readonly pkg: string;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly workers: number;
  readonly wanted: (test: string) => boolean;
  /** After this no class is begun. */
  readonly until: number;
  readonly progress: (line: string) => void;
}

type Message =
  | { readonly classes: Readonly<Record<string, readonly string[]>> }
  | { readonly test: string; readonly outcome: Ending; readonly seconds: number; readonly why: string }
  | { readonly done: string };

/** A class that takes longer than this hangs. */
const classMs = 900_000;
const program = join(import.meta.dirname, 'programs/suite.py');

export async function runSuite(options: SuiteOptions): Promise<Map<string, TestResult>> {
  const run = new Run(options);
  await Promise.all(Array.from({ length: options.workers }, (_, i) => run.work(i)));
  return run.results;
}

const working = new Set<Worker>();
let stopped = false;

/** For an end before its time. */
export function stopWorkers(): void {
  stopped = true;
  for (const worker of working) worker.kill();
}

class Run {
  readonly results = new Map<string, TestResult>();
  private readonly options: SuiteOptions;
  private classes: Readonly<Record<string, readonly string[]>> = {};
  private queue: string[] | undefined;

  constructor(options: SuiteOptions) {
    this.options = options;
  }

  /** One worker after another, as long as there is something to do: a class that hangs or dies takes its worker with it. */
  async work(index: number): Promise<void> {
    while (!stopped && (this.queue === undefined || this.queue.length > 0) && Date.now() < this.options.until) {
      const worker = new Worker(this.options, index);
      working.add(worker);
      try {
        await this.feed(worker);
      } finally {
        worker.kill();
        working.delete(worker);
      }
    }
  }

  private async feed(worker: Worker): Promise<void> {
    const first = await worker.next();
    if (!first || !('classes' in first)) throw new Error(`${this.options.pkg} cannot be loaded; see ${worker.log}`);
    this.prepare(first.classes);
    for (let name = this.take(); name !== undefined; name = this.take()) {
      const began = Date.now();
      worker.run(name);
      if (!(await this.listen(worker, name))) return;
      this.tell(name, began);
    }
  }

  private take(): string | undefined {
    return Date.now() < this.options.until ? this.queue?.shift() : undefined;
  }

  private prepare(classes: Readonly<Record<string, readonly string[]>>): void {
    if (this.queue) return;
    this.classes = classes;
    const names = Object.keys(classes).filter(name => classes[name]?.some(this.options.wanted));
    // The long ones first, so that no worker is left alone with one.
    this.queue = names.sort((a, b) => (classes[b]?.length ?? 0) - (classes[a]?.length ?? 0));
    for (const name of names)
      for (const test of classes[name] ?? []) this.results.set(test, { outcome: 'not run', seconds: 0, why: 'the time was over' });
  }

  /** False when the worker is gone. */
  private async listen(worker: Worker, name: string): Promise<boolean> {
    for (;;) {
      const message = await worker.next();
      if (!message) {
        this.lost(name, 'the class hung or its process died');
        return false;
      }
      if ('done' in message) {
        this.lost(name, 'the process of the class ended without a word');
        return true;
      }
      // A failure in the cleaning up after a test that passed makes it a failed one.
      if ('test' in message && this.results.get(message.test)?.outcome !== 'failed') this.results.set(message.test, message);
    }
  }

  private lost(name: string, why: string): void {
    for (const test of this.classes[name] ?? [])
      if (this.results.get(test)?.outcome === 'not run') this.results.set(test, { outcome: 'failed', seconds: 0, why });
  }

  private tell(name: string, began: number): void {
    const counts = Object.groupBy(this.classes[name] ?? [], test => this.results.get(test)?.outcome ?? 'not run');
    const words = Object.entries(counts).map(([outcome, tests]) => `${tests.length} ${outcome}`);
    this.options.progress(`${name}: ${words.join(', ')} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  }
}

class Worker {
  readonly log: string;
  private readonly child: ChildProcess;
  private readonly messages: AsyncIterator<string>;

  constructor({ pkg, folder, env }: SuiteOptions, index: number) {
    this.log = join(folder, `${pkg}.${index}.log`);
    const output = openSync(this.log, 'a', 0o600);
    const search = { PATH: process.env['PATH'] ?? '', HOME: folder, LC_ALL: 'C.UTF-8', PYTHONDONTWRITEBYTECODE: '1' };
    this.child = spawn('/usr/bin/python3', [program, pkg], {
      cwd: folder,
      detached: true,
      stdio: ['pipe', output, output, 'pipe'],
      env: { ...search, ...env },
    });
    closeSync(output);
    this.child.stdin?.on('error', () => {});
    this.messages = createInterface(this.child.stdio[3] as Readable)[Symbol.asyncIterator]();
  }

  run(name: string): void {
    this.child.stdin?.write(`${name}\n`);
  }

  /** Undefined when it is gone, or has said nothing for too long. */
  async next(): Promise<Message | undefined> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), classMs);
    const line = await Promise.race([this.messages.next(), promise]);
    clearTimeout(timer);
    return line && !line.done ? (JSON.parse(line.value) as Message) : undefined;
  }

  kill(): void {
    try {
      if (this.child.pid !== undefined) process.kill(-this.child.pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
}
