// How phases are timed: clients that ask one after the other, or questions at a fixed rate whether or not the ones before were answered.
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../statistics.ts';
import { cpuMsOf, isAlive } from './processes.ts';
import type { Server } from './servers.ts';
import type { Done, Operation } from './world.ts';

export interface Timing {
  readonly warmUpMs: number;
  readonly measuredMs: number;
  readonly clients: number;
  /** Ends the run. */
  readonly signal?: AbortSignal;
}

export interface Result {
  /** Operations that were answered, and what they were of, in a second. */
  readonly operations: number;
  readonly items: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly errors: number;
  /** Processor time for an operation: of the server, and of what stands beside it. */
  readonly cpuMs: number;
  readonly besideCpuMs: number;
  /** How much of one processor this process, which asks, was busy with it. */
  readonly clientShare: number;
}

/** The numbers of questions go on over rounds. */
export type Serial = { next: number };

export async function closedLoop(server: Server, operation: Operation, serial: Serial, timing: Timing): Promise<Result> {
  const spread = async (forMs: number): Promise<{ seconds: number; done: Done[] }> => {
    const began = performance.now();
    const done: Done[] = [];
    const client = async (number: number): Promise<void> => {
      while (performance.now() - began < forMs && !timing.signal?.aborted) {
        const one = await operation(serial.next++, number);
        if (!one) return;
        if (!one.ok) mustGoOn(server, timing);
        done.push(one);
      }
    };
    await Promise.all(Array.from({ length: timing.clients }, (_, number) => client(number)));
    timing.signal?.throwIfAborted();
    return { seconds: (performance.now() - began) / 1000, done };
  };
  const warm = await spread(timing.warmUpMs);
  const before = spentBy(server);
  const { seconds, done } = await spread(timing.measuredMs);
  return resultOf({ done, seconds, errors: failedOf(warm.done), before, after: spentBy(server) });
}

/**
 * A question every so often; its time counts from when it was due, so that a server that stands still is charged for all who waited. A client is
 * taken again when it has its answer; with none left the question waits, and its time goes on.
 */
export async function openLoop(server: Server, operation: Operation, serial: Serial, timing: Timing, perSecond: number): Promise<Result> {
  const before = spentBy(server);
  const idle = Array.from({ length: timing.clients }, (_, number) => number);
  const waiting: ((client: number) => void)[] = [];
  const take = (): Promise<number> => {
    const free = idle.pop();
    return free === undefined ? new Promise(resolve => waiting.push(resolve)) : Promise.resolve(free);
  };
  const give = (client: number): void => {
    const next = waiting.shift();
    if (next) next(client);
    else idle.push(client);
  };
  const done: Done[] = [];
  const ask = async (due: number): Promise<void> => {
    const client = await take();
    const one = await operation(serial.next++, client);
    give(client);
    if (one && !one.ok) mustGoOn(server, timing);
    if (one) done.push({ ...one, ms: performance.now() - due });
  };
  const began = performance.now();
  const all: Promise<void>[] = [];
  for (let n = 0; performance.now() - began < timing.measuredMs && !timing.signal?.aborted; n++) {
    const due = began + (n * 1000) / perSecond;
    const early = due - performance.now();
    if (early > 1) await sleep(early);
    all.push(ask(due));
  }
  await Promise.all(all);
  timing.signal?.throwIfAborted();
  return resultOf({ done, seconds: (performance.now() - began) / 1000, errors: 0, before, after: spentBy(server) });
}

/** One after the other, each after `before`, which is not measured: as long as both take together, and once at least. */
export async function oneByOne(server: Server, operation: Operation, before: () => Promise<void>, timing: Timing): Promise<Result> {
  const done: Done[] = [];
  const spent = { own: 0, beside: 0, client: 0 };
  const began = performance.now();
  do {
    await before();
    timing.signal?.throwIfAborted();
    const from = spentBy(server);
    const one = await operation(done.length, 0);
    const to = spentBy(server);
    if (!one) break;
    if (!one.ok) mustGoOn(server, timing);
    for (const who of ['own', 'beside', 'client'] as const) spent[who] += to[who] - from[who];
    done.push(one);
  } while (performance.now() - began < timing.measuredMs);
  const seconds = done.reduce((sum, { ms }) => sum + ms, 0) / 1000;
  return resultOf({ done, seconds, errors: 0, before: { own: 0, beside: 0, client: 0 }, after: spent });
}

/** After something went wrong: nothing is measured at a server that is not there any more, or once the run is to end. */
function mustGoOn({ target, processes }: Server, { signal }: Timing): void {
  signal?.throwIfAborted();
  if (!processes.every(isAlive)) throw new Error(`${target.name}: the server has ended`);
}

/** Processor time in ms. */
interface Spent {
  readonly own: number;
  readonly beside: number;
  readonly client: number;
}

function spentBy({ processes, beside }: Server): Spent {
  const { user, system } = process.cpuUsage();
  return { own: cpuMsOf(processes), beside: cpuMsOf(beside), client: (user + system) / 1000 };
}

const failedOf = (done: readonly Done[]): number => done.filter(({ ok }) => !ok).length;

function resultOf(given: { done: readonly Done[]; seconds: number; errors: number; before: Spent; after: Spent }): Result {
  const { done, seconds, errors, before, after } = given;
  const good = done.filter(({ ok }) => ok);
  const times = good.map(({ ms }) => ms);
  const at = (share: number): number => percentile(times, share);
  return {
    operations: good.length / seconds,
    items: good.reduce((sum, { items }) => sum + (items ?? 1), 0) / seconds,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    errors: errors + failedOf(done),
    cpuMs: (after.own - before.own) / good.length,
    besideCpuMs: (after.beside - before.beside) / good.length,
    clientShare: (after.client - before.client) / (seconds * 1000),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Each figure's own median; errors are added up. */
export function medianOf(results: readonly Result[]): Result {
  const of = (key: keyof Result): number => median(results.map(r => r[key]));
  return {
    operations: of('operations'),
    items: of('items'),
    p50: of('p50'),
    p95: of('p95'),
    p99: of('p99'),
    errors: results.reduce((sum, { errors }) => sum + errors, 0),
    cpuMs: of('cpuMs'),
    besideCpuMs: of('besideCpuMs'),
    clientShare: of('clientShare'),
  };
}
