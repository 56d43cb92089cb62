// weft db import as a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const weft = join(import.meta.dirname, '../../../bin/weft');

export interface Done {
  readonly status: number | null;
  /** What it said, on both streams. */
  readonly text: string;
}

export interface Running {
  readonly done: Promise<Done>;
  /** Resolves when it has said that; rejects when it ended without. */
  said(text: string): Promise<void>;
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
}

export function begin(words: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(weft, ['db', 'import', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ...env },
  });
  let text = '';
  const heard = new EventTarget();
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      heard.dispatchEvent(new Event('said'));
    });
  const done = new Promise<Done>(resolve => child.once('close', status => resolve({ status, text })));
  return {
    done,
    async said(words) {
      let ended = false;
      void done.then(() => {
        ended = true;
        heard.dispatchEvent(new Event('said'));
      });
      while (!text.includes(words)) {
        if (ended) throw new Error(`it ended without a word of ${JSON.stringify(words)}: ${text}`);
        await once(heard, 'said');
      }
    },
    // All of it: the command is a script around the program.
    signal: name => void process.kill(-child.pid!, name),
  };
}
