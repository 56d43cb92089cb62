// The text form of a log: one line per event — time, level, name, request id, message, fields — safe to print and to grep.
import type { Log, LogFields, LogLevel } from '../../contracts/log.ts';
import { isSecretName, redact, redacted, redactText } from './redact.ts';

export const logLevels: readonly LogLevel[] = ['debug', 'info', 'warning', 'error'];

/** Takes whole lines, each with its line feed. Must not throw; process.stderr and RotatingFile fit. */
export interface LineSink {
  write(line: string): unknown;
}

export interface TextLogOptions {
  readonly sink: LineSink;
  /** The least level that is written, default info; a function is asked each time. */
  readonly level?: LogLevel | (() => LogLevel);
  /** Who speaks: the program or agent. A field `name` of a child replaces it. */
  readonly name?: string;
  /** Default `formatLine`. */
  readonly format?: typeof formatLine;
  /** Milliseconds since the epoch, default Date.now. */
  readonly now?: () => number;
}

export function textLog(options: TextLogOptions): Log {
  const { sink, level = 'info', name, now = Date.now, format = formatLine } = options;
  const least = typeof level === 'function' ? () => logLevels.indexOf(level()) : () => logLevels.indexOf(level);
  const make = (common: LogFields): Log => {
    const at = (rank: LogLevel) => (message: string, fields?: LogFields) => {
      if (logLevels.indexOf(rank) >= least()) sink.write(format(now(), rank, message, fields ? { ...common, ...fields } : common));
    };
    return {
      debug: at('debug'),
      info: at('info'),
      warning: at('warning'),
      error: at('error'),
      child: fields => make({ ...common, ...fields }),
    };
  };
  return make(name === undefined ? {} : { name });
}

export const maxLine = 16_384;

/** `2026-01-01T00:00:00.000Z WARNING dhcp-agent [req-…] message key=value key="two words"` and a line feed. */
export function formatLine(atMs: number, level: LogLevel, message: string, fields: LogFields): string {
  const { name, request_id, ...rest } = fields;
  const parts = [new Date(atMs).toISOString(), level.toUpperCase()];
  if (typeof name === 'string') parts.push(oneLine(name));
  if (typeof request_id === 'string') parts.push(`[${oneLine(request_id)}]`);
  parts.push(oneLine(redactText(String(message))));
  for (const [key, value] of Object.entries(rest)) {
    if (value !== undefined) parts.push(`${oneLine(key)}=${isSecretName(key) ? redacted : fieldText(redact(value))}`);
  }
  const line = parts.join(' ');
  return `${line.length > maxLine ? `${line.slice(0, maxLine)}…` : line}\n`;
}

/** Printable ASCII that needs no quotes. */
const plainWord = /^[!#-<>-[\]-~]+$/;
const plainText = /^[ -~]*$/;

export function fieldText(value: unknown): string {
  if (Number.isFinite(value)) return String(value);
  if (typeof value === 'string')
    return plainWord.test(value) ? value : /^[^\s"=\\]+$/.test(value) ? oneLine(value) : oneLine(JSON.stringify(value));
  return oneLine(JSON.stringify(value) ?? 'undefined');
}

/** Control characters and line separators become escapes: a tenant's name can neither forge a line nor drive a terminal. */
export function oneLine(text: string): string {
  if (plainText.test(text)) return text;
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, c =>
    c === '\n' ? '\\n' : c === '\t' ? '\\t' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
