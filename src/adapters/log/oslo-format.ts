// Lines as oslo.log writes them: its default text, and its JSON. Each is one line, whatever is in it, and without credentials.
import { hostname } from 'node:os';
import type { LogFields, LogLevel } from '../../contracts/log.ts';
import { isSecretName, redact, redacted, redactText } from './redact.ts';
import { fieldText, maxLine, oneLine } from './text-log.ts';

/** Who asked, in oslo's order: user, project, domain, system scope, domains of user and project. */
const identityFields = ['user_id', 'project_id', 'domain_id', 'system_scope', 'user_domain_id', 'project_domain_id'] as const;
const contextFields: readonly string[] = ['name', 'request_id', 'global_request_id', ...identityFields];

const word = (value: unknown): string => (typeof value === 'string' && value !== '' ? oneLine(redactText(value)) : '-');
const own = (fields: LogFields): [string, unknown][] =>
  Object.entries(fields).filter(([key, value]) => value !== undefined && !contextFields.includes(key));

/** `2026-01-01 00:00:00.000 4711 INFO server [global-request-id request-id user project domain scope user-domain project-domain] message key=value` */
export function osloLine(atMs: number, level: LogLevel, message: string, fields: LogFields): string {
  const about =
    fields.request_id === undefined ? '-' : ['global_request_id', 'request_id', ...identityFields].map(k => word(fields[k])).join(' ');
  const parts = [localTime(atMs), process.pid, level.toUpperCase(), word(fields.name), `[${about}]`, oneLine(redactText(message))];
  for (const [key, value] of own(fields)) parts.push(`${oneLine(key)}=${isSecretName(key) ? redacted : fieldText(redact(value))}`);
  const line = parts.join(' ');
  return `${line.length > maxLine ? `${line.slice(0, maxLine)}…` : line}\n`;
}

/** In the zone of the machine, as oslo's. */
function localTime(atMs: number): string {
  const at = new Date(atMs);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

const levels: Readonly<Record<LogLevel, number>> = { debug: 10, info: 20, warning: 30, error: 40 };
const beganMs = Date.now();
const host = hostname();

/** The fields of oslo.log's JSONFormatter; those that tell of Python's source are null. */
export function jsonLine(atMs: number, level: LogLevel, message: string, fields: LogFields): string {
  const { error } = fields;
  const text = redactText(message).slice(0, maxLine);
  const [asctime, msecs] = [localTime(atMs).replace('.', ','), atMs % 1000];
  const line = {
    ...{ message: text, asctime, name: word(fields.name), msg: text, args: [] },
    ...{ levelname: level.toUpperCase(), levelno: levels[level], created: atMs / 1000, msecs, relative_created: atMs - beganMs },
    ...{ pathname: null, filename: null, module: null, lineno: null, funcname: null, thread: null, thread_name: null },
    ...{ process_name: 'weft', process: process.pid, hostname: host },
    traceback: error instanceof Error ? String(redact(error)).split('\n') : null,
    error_summary:
      error instanceof Error && levels[level] >= levels.warning ? redactText(`${error.name}: ${error.message}`.slice(0, 1000)) : '',
    context: contextOf(fields),
    extra: redact(Object.fromEntries(own(fields).filter(([key]) => key !== 'error' || !(error instanceof Error)))),
  };
  const whole = JSON.stringify(line);
  // What is cut off must not leave half of an object.
  return `${oneLine(whole.length > 4 * maxLine ? JSON.stringify({ ...line, traceback: null, extra: { cut: whole.length } }) : whole)}\n`;
}

function contextOf(fields: LogFields): Record<string, unknown> {
  const known = contextFields.slice(1).filter(key => fields[key] !== undefined);
  if (known.length === 0) return {};
  return {
    ...Object.fromEntries(known.map(key => [key, redact(fields[key])])),
    user_identity: identityFields.map(key => word(fields[key])).join(' '),
  };
}
