// Where a database is: URLs as SQLAlchemy writes them in `[database] connection`, and hosts separated by commas where there are several.
import { StoreMisuse } from '../common/misuse.ts';

export interface Node {
  readonly host: string;
  readonly port: number;
}

export interface Location {
  readonly kind: 'mariadb' | 'postgres' | 'sqlite';
  readonly user: string;
  readonly password: string;
  /** Tried in this order. */
  readonly nodes: readonly Node[];
  /** Of the database; of a SQLite file its path. */
  readonly database: string;
  readonly options: ReadonlyMap<string, string>;
  /** The URL without its password, for messages and logs. */
  readonly shown: string;
}

const kinds = new Map<string, Location['kind']>([
  ['mysql', 'mariadb'],
  ['mariadb', 'mariadb'],
  ['postgresql', 'postgres'],
  ['postgres', 'postgres'],
  ['sqlite', 'sqlite'],
]);
const ports = { mariadb: 3306, postgres: 5432, sqlite: 0 };
const form = /^([a-z]+)(?:\+[a-z0-9_]+)?:\/\/(?:([^@/]*)@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s;

/** Never says what was given: it may hold a password. */
const wrong = (why: string) => new StoreMisuse(`the database's URL ${why} (expected: mysql+pymysql://user:password@host/database)`);

export function parseUrl(url: string): Location {
  const [, scheme = '', login = '', hosts = '', path = '', query = ''] = form.exec(splitLogin(url)) ?? [];
  const kind = kinds.get(scheme);
  if (!kind) throw wrong(scheme === '' ? 'is not one' : `is of an unknown kind, ${scheme}`);
  const [user = '', ...rest] = login.split(':');
  const database = decoded(path);
  if (database === '') throw wrong('names no database');
  if (kind !== 'sqlite' && hosts === '') throw wrong('names no host');
  return {
    kind,
    user: decoded(user),
    password: decoded(rest.join(':')),
    nodes: kind === 'sqlite' ? [] : hosts.split(',').map(host => node(host, ports[kind])),
    database,
    options: new Map(new URLSearchParams(query)),
    shown: kind === 'sqlite' ? `sqlite:///${database}` : `${scheme}://${user === '' ? '' : `${user}@`}${hosts}/${path}`,
  };
}

/** A password may hold an unescaped `@` or `/`, as SQLAlchemy allows: the login ends at the last `@` before the query. */
function splitLogin(url: string): string {
  const begin = url.indexOf('://') + 3;
  const query = url.indexOf('?', begin);
  const at = url.lastIndexOf('@', query < 0 ? url.length : query);
  if (begin < 3 || at < begin) return url;
  const login = url.slice(begin, at).replaceAll('@', '%40').replaceAll('/', '%2F');
  return url.slice(0, begin) + login + url.slice(at);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function node(text: string, usual: number): Node {
  const [, v6, name, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? [];
  const host = v6 ?? name ?? '';
  if (host === '') throw wrong('has a host that is not one');
  return { host, port: port === undefined ? usual : Number(port) };
}
