// weft logs: the logs of the server and the agents, one or all of them in the order of time.
import { existsSync, readdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { StateFolder } from '../state.ts';
import { type Call, count, Failure, flag, text, usage, type Verb } from '../verb.ts';
import { stateOf, stateOption } from './state-option.ts';

const levels = ['DEBUG', 'INFO', 'WARNING', 'ERROR'];

export const logs: Verb = {
  path: ['logs'],
  usage: '[NAME]',
  summary: 'show the logs of the server and the agents',
  details: [
    'NAME is the beginning of a log\'s name: "server", "h1", "h1-dhcp-agent". Without it all logs are shown together, in the order of time.',
    'Every line has a time, a level, the name of its log, and the id of the API request that it belongs to, if there is one.',
  ],
  examples: ['weft logs --level warning', 'weft logs h1-l3-agent --follow', 'weft logs --request req-7c0e…'],
  options: {
    ...stateOption,
    lines: { type: 'string', short: 'n', value: 'N', help: 'the last N lines (default 200)' },
    level: { type: 'string', value: 'LEVEL', help: 'only this level and worse: debug, info, warning, error' },
    request: { type: 'string', value: 'ID', help: 'only lines of this request' },
    follow: { type: 'boolean', short: 'f', help: 'go on as lines are written' },
  },
  args: [0, 1],
  async run(call: Call) {
    const level = (text(call, 'level') ?? 'debug').toUpperCase();
    if (!levels.includes(level)) throw usage(logs, `--level is debug, info, warning or error, not ${level.toLowerCase()}`);
    const wanted = filter(level, text(call, 'request'));
    const most = count(logs, call, 'lines', { least: 0, most: 1_000_000, otherwise: 200 });
    const files = logFiles(stateOf(call), call.args[0]);
    const lines = merge(files.map(file => [`${file}.1`, file].map(read).join(''))).filter(wanted);
    for (const line of most === 0 ? [] : lines.slice(-most)) call.out(line);
    if (flag(call, 'follow')) await follow(files, line => wanted(line) && call.out(line));
    return 0;
  },
};

function logFiles(folder: StateFolder, begin = ''): string[] {
  const all = existsSync(folder.logs) ? readdirSync(folder.logs).filter(name => name.endsWith('.log')) : [];
  if (all.length === 0) throw new Failure(`there are no logs in ${folder.logs}`);
  const found = all.filter(name => name.startsWith(begin));
  if (found.length === 0) throw new Failure(`no log is called ${begin}; there is ${all.map(name => name.slice(0, -4)).join(', ')}`);
  return found.map(name => join(folder.logs, name));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Lines begin with their time in ISO 8601, so the order of text is the order of time; equal times keep the order of their file. */
export function merge(logs: readonly string[]): string[] {
  const lines = logs.flatMap(log => log.split('\n').filter(line => line !== ''));
  return lines
    .map((line, i) => [line.slice(0, 24), i, line] as const)
    .sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1]))
    .map(([, , line]) => line);
}

export function filter(level: string, request: string | undefined): (line: string) => boolean {
  const least = levels.indexOf(level);
  return line => levels.indexOf(line.split(' ', 2)[1] ?? '') >= least && (request === undefined || line.includes(`[${request}]`));
}

/** Reads what is appended to the files, until the process is ended. A file that was begun anew is read from its start. */
function follow(files: readonly string[], out: (line: string) => void): Promise<never> {
  const seen = new Map(files.map(file => [file, Buffer.byteLength(read(file))]));
  const look = (file: string): void => {
    const bytes = Buffer.from(read(file));
    const from = seen.get(file) ?? 0;
    const fresh = bytes.subarray(bytes.length < from ? 0 : from);
    const end = fresh.lastIndexOf(10);
    if (end < 0) return;
    seen.set(file, bytes.length - (fresh.length - end - 1));
    for (const line of fresh.subarray(0, end).toString('utf8').split('\n')) out(line);
  };
  for (const file of files) watch(file, () => look(file)).on('error', () => {});
  setInterval(() => files.forEach(look), 1000);
  return new Promise(() => {});
}
