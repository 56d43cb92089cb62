// `transport_url` as oslo.messaging reads it: rabbit://user:password@host:port,user:password@host2/vhost?option=value
import type { AmqpHost } from './options.ts';

export interface TransportUrl {
  readonly hosts: readonly AmqpHost[];
  readonly virtualHost: string;
  /** Options of [oslo_messaging_rabbit], which count more than those of the file. */
  readonly query: Readonly<Record<string, string>>;
}

const defaultPort = 5672;

/** Throws an Error that says what is wanted, and holds nothing of the URL: there are passwords in it. */
export function parseTransportUrl(text: string): TransportUrl {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(text);
  if (!match) throw new Error('a URL such as rabbit://user:password@host:5672/ is wanted');
  const [, scheme = '', places = '', path = '', query = ''] = match;
  if (!['rabbit', 'kombu', 'amqp'].includes(scheme.toLowerCase()))
    throw new Error('only rabbit:// is spoken here, so a URL such as rabbit://user:password@host:5672/ is wanted');
  const hosts = places === '' ? [place('localhost')] : places.split(',').map(place);
  return { hosts, virtualHost: plain(path) || '/', query: Object.fromEntries(new URLSearchParams(query)) };
}

function place(text: string): AmqpHost {
  const at = text.lastIndexOf('@');
  const [username = '', ...password] = at < 0 ? [] : text.slice(0, at).split(':');
  if (password.length > 1) throw new Error("a colon in a user's name or password is written %3A, so user:password@host is wanted");
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text.slice(at + 1));
  const port = Number(match?.[2] ?? defaultPort);
  if (!match || port < 1 || port > 65535) throw new Error('host or host:port is wanted after the user');
  return {
    host: plain(match[1] ?? '').replace(/^\[|\]$/g, ''),
    port,
    // As oslo.messaging does when there is none.
    username: at < 0 ? 'guest' : plain(username),
    password: at < 0 ? 'guest' : plain(password[0] ?? ''),
  };
}

function plain(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error('percent-encoding such as %40 is wanted');
  }
}
