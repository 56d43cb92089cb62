// Where the client thinks it is, for links: by its request, or behind a trusted proxy by what that one says.
import type { IncomingHttpHeaders } from 'node:http';

export interface ProxyConfig {
  /** `enable_proxy_headers_parsing`: the headers come from a proxy of ours, which replaces what clients send. */
  readonly enabled: boolean;
  /** `network_link_prefix`: what links begin with, whatever the request says. */
  readonly linkPrefix: string;
}

export const noProxy: ProxyConfig = { enabled: false, linkPrefix: '' };

/** What a proxy says of the request that it passes on. */
interface Forwarded {
  readonly proto?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: string | undefined;
  readonly for?: string | undefined;
}

/** What the connection is by itself. */
export interface Connection {
  readonly peer: string;
  readonly secure: boolean;
}

/** Who asks, for the log. */
export function clientOf(headers: IncomingHttpHeaders, { peer }: Pick<Connection, 'peer'>, config: ProxyConfig): string {
  const said = config.enabled ? forwarded(headers).for : undefined;
  return said !== undefined && plainAddress.test(said) ? said : peer;
}

/** What links begin with: scheme, host and prefix, without a slash at the end. */
export function baseOf(headers: IncomingHttpHeaders, { secure }: Pick<Connection, 'secure'>, config: ProxyConfig): string {
  if (config.linkPrefix !== '') return config.linkPrefix.replace(/\/+$/, '');
  const said = config.enabled ? forwarded(headers) : {};
  // As from Neutron, the scheme counts always: a wrong one spoils the links of who sent it.
  const proto = (said.proto ?? first(headers['x-forwarded-proto']))?.toLowerCase();
  const scheme = (proto === undefined ? secure : proto === 'https') ? 'https' : 'http';
  const host = plainHost.test(said.host ?? '') ? said.host : plainHost.test(headers.host ?? '') ? headers.host : 'localhost';
  const prefix = config.enabled ? prefixOf(first(headers['x-forwarded-prefix'])) : '';
  return `${scheme}://${host}${portOf(scheme, host ?? '', said.port)}${prefix}`;
}

/** A host and perhaps a port; nothing that could end a link or begin another. */
const plainHost = /^(?:[\w.-]{1,255}|\[[\da-fA-F:.]{2,45}\])(?::\d{1,5})?$/;
const plainAddress = /^[\w.:[\]-]{1,64}$/;

function forwarded(headers: IncomingHttpHeaders): Forwarded {
  const standard = headers.forwarded;
  if (standard !== undefined && standard !== '') return parseForwarded(standard);
  return {
    proto: first(headers['x-forwarded-proto']),
    host: first(headers['x-forwarded-host']),
    port: first(headers['x-forwarded-port']),
    for: first(headers['x-forwarded-for']),
  };
}

/** RFC 7239, of several proxies the first. */
function parseForwarded(text: string): Forwarded {
  const pairs = (text.split(',')[0] ?? '').split(';').map(pair => {
    const at = pair.indexOf('=');
    return [pair.slice(0, Math.max(at, 0)).trim().toLowerCase(), unquoted(pair.slice(at + 1).trim())] as const;
  });
  const said = new Map(pairs.filter(([, value]) => value !== ''));
  return { proto: said.get('proto'), host: said.get('host'), for: said.get('for') };
}

const unquoted = (text: string): string => (/^".*"$/.test(text) ? text.slice(1, -1) : text);

function first(header: string | string[] | undefined): string | undefined {
  const text = (Array.isArray(header) ? header.join(',') : header)?.split(',')[0]?.trim();
  return text === '' ? undefined : text;
}

/** The proxy's own port, where the host names none and the scheme does not imply it. */
function portOf(scheme: string, host: string, port: string | undefined): string {
  if (port === undefined || !/^\d{1,5}$/.test(port) || /:\d+$/.test(host)) return '';
  return Number(port) === (scheme === 'https' ? 443 : 80) ? '' : `:${Number(port)}`;
}

function prefixOf(prefix: string | undefined): string {
  return prefix !== undefined && /^(?:\/[\w.~%-]+)+\/?$/.test(prefix) ? prefix.replace(/\/$/, '') : '';
}
