// weft port stats: what the ports of hosts sent and received, as their agents tell it.
import { existsSync, readdirSync } from 'node:fs';
import type { RequestOptions } from 'node:http';
import { join } from 'node:path';
import { type Call, Failure, flag, texts, usage, type Verb } from '../verb.ts';
import { table } from './instance.ts';
import { stateOf, stateOption } from './state-option.ts';

const { request } = process.getBuiltinModule('node:http');

export const portStats: Verb = {
  path: ['port', 'stats'],
  usage: '[PORT…]',
  summary: 'show what ports sent and received',
  details: [
    'PORT is the beginning of the id of a port, of its network, or the name of its device. Without it all ports are shown that are wired on the hosts that are asked: those of a running "weft up", or with --metrics the agents whose "[weft] agent_metrics_listen" it names.',
    'OUT is what a port sends, IN what it is sent. DENIED is what its security groups and anti-spoofing dropped, where that is counted: by flows of Open vSwitch.',
  ],
  examples: ['weft port stats', 'weft port stats 8e1c', 'weft port stats --metrics http://127.0.0.1:9698/metrics --json'],
  options: {
    ...stateOption,
    metrics: { type: 'string', value: 'URL', multiple: true, help: 'an agent to ask, in place of those of "weft up"' },
    json: { type: 'boolean', help: 'print it as JSON' },
  },
  args: [0, 100],
  async run(call: Call) {
    const urls = texts(call, 'metrics');
    for (const url of urls)
      if (!/^http:\/\/\S+$/.test(url)) throw usage(portStats, `--metrics is a URL such as http://127.0.0.1:9698/metrics, not ${url}`);
    const all = (await Promise.all((urls.length > 0 ? urls : sockets(call)).map(ask))).flatMap(portsIn);
    const ports = all.filter(
      p => call.args.length === 0 || call.args.some(a => p.port_id.startsWith(a) || p.network_id.startsWith(a) || p.device === a),
    );
    if (flag(call, 'json')) call.out(JSON.stringify(ports, undefined, 2));
    else for (const line of table([HEAD, ...ports.map(row)])) call.out(line);
    if (ports.length === 0 && call.args.length > 0) throw new Failure(`no wired port fits ${call.args.join(' ')}`);
    return 0;
  },
};

const WAIT_MS = 10_000;

/** Of the agents of a running `weft up`. */
function sockets(call: Call): string[] {
  const { run } = stateOf(call);
  const found = existsSync(run) ? readdirSync(run).filter(name => name.endsWith('.metrics.sock')) : [];
  if (found.length === 0) throw new Failure(`no agents of "weft up" tell metrics in ${run}; --metrics names others`);
  return found.map(name => join(run, name));
}

function ask(place: string): Promise<string> {
  const to: RequestOptions | URL = place.startsWith('/') ? { socketPath: place, path: '/metrics' } : new URL(place);
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Failure(`${place}: ${why}`));
    const asked = request(to, reply => {
      let body = '';
      reply.setEncoding('utf8').on('data', (text: string) => (body += text));
      reply.on('end', () => (reply.statusCode === 200 ? resolve(body) : fail(`status ${reply.statusCode}`)));
    });
    asked.setTimeout(WAIT_MS, () => asked.destroy(new Error(`no answer within ${WAIT_MS / 1000} s`)));
    asked.on('error', error => fail(error.message)).end();
  });
}

interface PortStats {
  readonly port_id: string;
  readonly network_id: string;
  readonly device: string;
  /** `egress_bytes`, `ingress_packets`, …, `firewall_dropped`; what is not counted is not there. */
  readonly counters: Record<string, number>;
}

/** Samples as Prometheus reads them. */
export function portsIn(text: string): PortStats[] {
  const ports = new Map<string, PortStats>();
  for (const [, what = '', labels = '', value] of text.matchAll(/^weft_port_(\w+)_total\{(.*)\} (\S+)$/gm)) {
    const {
      port_id = '',
      network_id = '',
      device = '',
      direction,
    } = Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, label]) => [name, label]));
    const port = ports.get(port_id) ?? { port_id, network_id, device, counters: {} as Record<string, number> };
    port.counters[direction === undefined ? what : `${direction}_${what}`] = Number(value);
    ports.set(port_id, port);
  }
  return [...ports.values()].sort((a, b) => (a.port_id < b.port_id ? -1 : 1));
}

const sides = ['egress', 'ingress'] as const;
const counted = ['packets', 'bytes', 'dropped', 'errors'] as const;
const HEAD = ['PORT', 'DEVICE', ...sides.flatMap(s => counted.map(c => `${s === 'egress' ? 'OUT' : 'IN'}-${c.toUpperCase()}`)), 'DENIED'];

const row = ({ port_id, device, counters }: PortStats): string[] => [
  port_id,
  device,
  ...sides.flatMap(s => counted.map(c => String(counters[`${s}_${c}`] ?? '-'))),
  String(counters['firewall_dropped'] ?? '-'),
];
