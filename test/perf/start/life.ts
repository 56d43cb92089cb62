// One life of a server: from the exec of Node.js to its first answer, idle, under load, and idle again.
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { launcher, nodeEnv, nodeFlags } from '../../../src/main/supervise/node.ts';
import { Connection } from '../bench/connection.ts';
import { cpuMsOf, ownPssMib, pidsOf, pssMib } from '../bench/processes.ts';
import { endWeft } from '../bench/servers.ts';

export interface LifeOptions {
  /** Program and words; it is to listen at `port`. */
  readonly argv: readonly string[];
  readonly port: number;
  /** Called when it answers; it may ask for as long as it likes. Undefined: nothing is asked of it. */
  readonly load?: (url: string) => Promise<void>;
  /** Waits for more than the first answer before memory is looked at, with what the program has printed so far. */
  readonly settled?: (output: string) => boolean;
}

/** Times in ms, memory (PSS, with all child processes) in MiB. */
export interface Life {
  readonly answerMs: number;
  /** Processor time until then. */
  readonly answerCpuMs: number;
  readonly idleMib: number;
  /** Of its largest process. */
  readonly largestMib: number;
  readonly afterLoadMib: number;
}

/** Between two questions, of a client that must not take the processor from the one that starts. */
const pauseMs = 3;
const longestMs = 120_000;
/** Until what was only of the start, or of the load, has been collected. */
const restMs = 10_000;

export const compiledArgv = (program: string, words: readonly string[]): string[] => [...nodeFlags, launcher, program, ...words];

export async function live({ argv, port, load, settled }: LifeOptions): Promise<Life> {
  const url = `http://127.0.0.1:${port}`;
  const began = performance.now();
  const child = spawn(process.execPath, argv, { env: { ...nodeEnv, ...process.env }, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const pid = child.pid!;
  try {
    await untilIt(child, async () => (await ask(url)) !== 0);
    const answerMs = performance.now() - began;
    const answerCpuMs = cpuMsOf([pid]);
    if (settled) await untilIt(child, async () => settled(output));
    await sleep(restMs);
    const idle = { idleMib: pssMib([pid]), largestMib: Math.max(...pidsOf([pid]).map(ownPssMib)) };
    await load?.(url);
    if (load) await sleep(restMs);
    return { answerMs, answerCpuMs, ...idle, afterLoadMib: pssMib([pid]) };
  } finally {
    await endWeft(child);
  }
}

/** The status of an answer, whatever it is; 0 without one. */
async function ask(url: string): Promise<number> {
  using connection = new Connection(url, '');
  return (await connection.ask('GET', '/v2.0/networks')).status;
}

/** Asks again and again, and throws when the process has ended or takes too long. */
export async function untilIt(child: ChildProcess, does: () => Promise<boolean>): Promise<void> {
  for (const began = performance.now(); !(await does()); await sleep(pauseMs)) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('it has ended');
    if (performance.now() - began > longestMs) throw new Error('it does not answer');
  }
}
