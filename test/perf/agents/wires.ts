// The benchmarks of agents on a real kernel, each a program of its own, whose tables become a part of this one's.
import { spawn } from 'node:child_process';
import { join } from 'node:path';

interface Program {
  readonly title: string;
  readonly file: string;
}

const programs: readonly Program[] = [
  { title: 'A port is wired on a real kernel', file: 'port-up.ts' },
  { title: 'Agents are killed again and again under traffic', file: 'agent-restart.ts' },
];

export interface Wires {
  readonly text: string;
  readonly wrong: readonly string[];
}

/** One after the other, as root. */
export async function measureWires(progress: (line: string) => void, signal: AbortSignal): Promise<Wires> {
  const texts: string[] = [];
  const wrong: string[] = [];
  for (const { title, file } of programs) {
    progress(title);
    const { code, output } = await run(file, signal);
    signal.throwIfAborted();
    texts.push(`${title} (\`test/perf/${file}\`):\n\n${output.trim()}`);
    if (code !== 0) wrong.push(`test/perf/${file} ended with ${code}`);
  }
  return { text: texts.join('\n\n'), wrong };
}

function run(file: string, signal: AbortSignal): Promise<{ code: number | string; output: string }> {
  const argv = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '..', file)];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  // It removes what it has made.
  const stop = (): unknown => child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, by) => {
      signal.removeEventListener('abort', stop);
      resolve({ code: code ?? String(by), output });
    });
  });
}
