// The options that every program of Neutron has by oslo.config and oslo.log, as far as they mean something here.
import { UsageError } from '../verb.ts';

export interface OsloCall {
  /** Options of `weft`, in their order. */
  readonly options: readonly string[];
  readonly stateDir: string | undefined;
  readonly namesFiles: boolean;
  /** Where its log goes, in the words of `weft agent`. */
  readonly logs: readonly string[];
  /** Options that have no effect on a server. */
  readonly idle: readonly string[];
  readonly rest: readonly string[];
}

const passed = new Set(['config-file', 'config-dir']);
const flags = new Map([
  ['debug', ['--debug']],
  ['nodebug', []],
]);
/** A server's log is where its files have it, whatever is said of it here. */
const idleValues = new Set([
  'log-file',
  'logfile',
  'log-dir',
  'logdir',
  'log-config-append',
  'log-config',
  'log-date-format',
  'syslog-log-facility',
]);
/** Those of them that agents take. */
export const logOptions: ReadonlyMap<string, string> = new Map([
  ['log-file', '--log-file'],
  ['logfile', '--log-file'],
  ['log-dir', '--log-dir'],
  ['logdir', '--log-dir'],
]);
const idleFlags = new Set(['use-syslog', 'use-journal', 'use-json', 'watch-log-file', 'use-stderr'].flatMap(name => [name, `no${name}`]));

export function osloOptions(program: string, argv: readonly string[]): OsloCall {
  const out = {
    options: [] as string[],
    logs: [] as string[],
    idle: [] as string[],
    rest: [] as string[],
    stateDir: undefined as string | undefined,
    namesFiles: false,
  };
  const words = [...argv];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const [, name = '', equals, inline = ''] = /^--([a-z_-]+)(=?)(.*)$/s.exec(word) ?? [];
    const value = (): string => {
      const given = equals === '=' ? inline : words.shift();
      if (given === undefined) throw new UsageError(`${program}: --${name} needs a value`);
      return given;
    };
    if (passed.has(name)) {
      out.options.push(`--${name}`, value());
      out.namesFiles = true;
    } else if (name === 'state_path' || name === 'state-dir') out.stateDir = value();
    else if (flags.has(name) && equals === '') out.options.push(...flags.get(name)!);
    else if (idleValues.has(name)) {
      const given = value();
      const log = logOptions.get(name);
      if (log !== undefined) out.logs.push(log, given);
      out.idle.push(`--${name}`);
    } else if (idleFlags.has(name) && equals === '') out.idle.push(`--${name}`);
    else out.rest.push(word);
  }
  return out;
}

/** Where oslo.config looks when no file is named, as far as it is below /etc/neutron. */
export function usualFiles(program: string, exists: (path: string) => boolean): string[] {
  const names = ['neutron', program];
  const files = names.map(name => `/etc/neutron/${name}.conf`).filter(exists);
  const dirs = names.map(name => `/etc/neutron/${name}.conf.d`).filter(exists);
  return [...files.flatMap(path => ['--config-file', path]), ...dirs.flatMap(path => ['--config-dir', path])];
}
