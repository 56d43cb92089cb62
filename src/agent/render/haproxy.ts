// The configuration of one haproxy that carries metadata requests from a namespace to the metadata agent's Unix socket.

export interface ProxyListener {
  readonly address: string;
  readonly port: number;
  /** A link-local address needs its device. */
  readonly device?: string;
}

export interface HaproxyConfig {
  /** What the namespace belongs to: its id tells the agent whose addresses the requests come from. */
  readonly kind: 'network' | 'router';
  readonly id: string;
  readonly listeners: readonly ProxyListener[];
  readonly socket: string;
  readonly pidFile: string;
  /** Absent where daemons cannot change user. */
  readonly user?: string;
  readonly group?: string;
}

const HEADERS = { network: 'X-Neutron-Network-ID', router: 'X-Neutron-Router-ID' } as const;

/** Connections of one address at a time: a client that opens many and says nothing must not leave none of `maxconn` for its neighbours. */
const PER_CLIENT = 32;

/**
 * Both identity headers and X-Forwarded-For are removed before ours are set, so nothing that a client sends survives.
 * `option forwardfor` writes the peer's address after those rules have run.
 */
export function haproxyText(config: HaproxyConfig): string {
  const own = HEADERS[config.kind];
  const foreign = HEADERS[config.kind === 'network' ? 'router' : 'network'];
  const lines = [
    'global',
    '    log         /dev/log local0 info',
    `    log-tag     haproxy-metadata-proxy-${word(config.id)}`,
    ...(config.user === undefined ? [] : [`    user        ${word(config.user)}`]),
    ...(config.group === undefined ? [] : [`    group       ${word(config.group)}`]),
    '    maxconn     1024',
    `    pidfile     ${word(config.pidFile)}`,
    '    daemon',
    '',
    'defaults',
    '    log global',
    '    mode http',
    '    option httplog',
    '    option dontlognull',
    '    option http-server-close',
    '    option forwardfor',
    '    retries                 3',
    '    timeout http-request    30s',
    '    timeout connect         30s',
    '    timeout client          32s',
    '    timeout server          32s',
    '    timeout http-keep-alive 30s',
    '',
    'listen listener',
    ...config.listeners.map(bindLine),
    '    stick-table type ipv6 size 16k expire 1m store conn_cur',
    '    tcp-request connection track-sc0 src',
    `    tcp-request connection reject if { sc0_conn_cur gt ${PER_CLIENT} }`,
    `    server metadata ${word(config.socket)}`,
    '    http-request del-header X-Forwarded-For',
    `    http-request del-header ${foreign}`,
    `    http-request set-header ${own} ${word(config.id)}`,
    '',
  ];
  return lines.join('\n');
}

function bindLine(listener: ProxyListener): string {
  const at = listener.address.includes(':') ? `[${word(listener.address)}]` : word(listener.address);
  const only6 = listener.address === '::' ? ' v6only' : '';
  const device = listener.device === undefined ? '' : ` interface ${word(listener.device)}`;
  return `    bind ${at}:${listener.port}${device}${only6}`;
}

/** haproxy splits words at blanks and knows quotes, escapes, comments and variables: none of them may come from outside. */
function word(text: string): string {
  if (!/^[A-Za-z0-9_./:+@=,-]+$/.test(text)) throw new Error(`not a plain word for haproxy: ${JSON.stringify(text)}`);
  return text;
}
