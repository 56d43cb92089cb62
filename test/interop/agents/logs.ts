// What real agents must not log: errors, tracebacks, calls that failed. Each exception says why it is none.
import type { World } from './world.ts';

export interface Exception {
  /** Looked for in a whole record: a traceback is one. */
  readonly record: RegExp;
  readonly why: string;
}

const bad = / (ERROR|CRITICAL) |Traceback \(most recent call last\)|RemoteError|MessagingTimeout|UnsupportedVersion|NoSuchMethod/;
/** Where greenlets leave what nobody caught. */
const uncaught = /^[\w.]+(Error|Exception|NotReady|Timeout|NotFound)\b/;

/** What agents say while their server or their broker is away. */
export const whileAway: readonly Exception[] = [
  { record: / ERROR oslo[._]messaging\S* /, why: 'the broker cannot be reached, and is tried again' },
  { record: /oslo_messaging\.exceptions\.(MessagingTimeout|MessageDeliveryFailure)/, why: 'nobody answers a call; the agent calls again' },
  {
    record: /kombu\.exceptions|amqp\.exceptions|Connection(Refused|Reset)Error|BrokenPipeError|OSError: \[Errno/,
    why: 'the same, from below',
  },
];

/** Records that should not be there, with the agent's name before each; `from` is where each log is read from. */
export function complaints(world: World, exceptions: readonly Exception[], from: ReadonlyMap<string, number> = new Map()): string[] {
  const of = (texts: ReadonlyMap<string, string>, wrong: RegExp): string[] =>
    [...texts].flatMap(([name, text]) =>
      recordsOf(text.slice(from.get(name) ?? 0))
        .filter(record => wrong.test(record) && !exceptions.some(e => e.record.test(record)))
        .map(record => `${name}: ${shortened(record)}`),
    );
  return [...of(world.agents.logs(), bad), ...of(world.agents.outputs(), uncaught)];
}

/** Lines that were logged at one moment by one module belong together. */
function recordsOf(text: string): string[] {
  const out: string[] = [];
  let last = '';
  for (const line of text.split('\n').filter(l => l !== '')) {
    const head = /^\d{4}-\S+ \S+ \d+ [A-Z]+ \S+/.exec(line)?.[0];
    if (head !== undefined && head === last && / (ERROR|CRITICAL) /.test(head)) out[out.length - 1] += `\n${line}`;
    else out.push(line);
    last = head ?? '';
  }
  return out;
}

function shortened(record: string): string {
  const lines = record.split('\n');
  return lines.length <= 3 ? record : `${lines[0]}\n${lines.slice(-3).join('\n')}`;
}

/** Where each log ends now. */
export const marks = (world: World): Map<string, number> => new Map([...world.agents.logs()].map(([name, log]) => [name, log.length]));
