// A whole server on a free port with its own state, and a client for each of its users. Black box: HTTP, and the agents' bus.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectUnixBus } from '../../src/adapters/bus-unix/unix-bus.ts';
import { systemClock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import type { Bus, Json } from '../../src/contracts/bus.ts';
import type { Caller, Identity } from '../../src/contracts/identity.ts';
import { type RunningServer, startServer } from '../../src/main/server.ts';
import type { ServerConfig } from '../../src/server/context.ts';

export type Body = Record<string, unknown>;

export interface Answer {
  readonly status: number;
  readonly body: Body;
  readonly headers: Headers;
}

export interface Api {
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Creates one object and answers it; fails the test on any other status than 201. */
  make(path: string, name: string, attributes: Body): Promise<Body & { readonly id: string }>;
  /** The error type and message of a refused request. */
  refused(method: string, path: string, body?: unknown): Promise<readonly [status: number, type: string, message: string]>;
  readonly project: string;
}

export interface Harness extends AsyncDisposable {
  readonly server: RunningServer;
  readonly admin: Api;
  readonly member: Api;
  readonly reader: Api;
  /** A member of another project. */
  readonly other: Api;
  /** A connection of an agent's kind. */
  readonly bus: Bus;
  rpc(topic: string, method: string, args: Record<string, unknown>, version?: string): Promise<Json>;
  readonly stateDir: string;
}

function person(name: string, roles: readonly string[], project: string): Caller {
  return {
    user_id: name,
    user_name: name,
    user_domain_id: 'default',
    user_domain_name: 'Default',
    project_id: project,
    project_name: project,
    project_domain_id: 'default',
    project_domain_name: 'Default',
    domain_id: null,
    system_scope: null,
    roles,
    expires_at: '2099-01-01T00:00:00Z',
    audit_id: name,
  };
}

const projects = { admin: 'a'.repeat(32), weft: 'b'.repeat(32), other: 'c'.repeat(32) };
const people: Readonly<Record<string, Caller>> = {
  admin: person('admin', ['admin', 'member', 'reader'], projects.admin),
  member: person('member', ['member', 'reader'], projects.weft),
  reader: person('reader', ['reader'], projects.weft),
  other: person('other', ['member', 'reader'], projects.other),
};

/** Tokens are the users' names: what identity does has tests of its own. */
const identity: Identity = { authUri: 'http://127.0.0.1/identity/v3', validate: token => Promise.resolve(people[token]) };

export async function start(config: Partial<ServerConfig> = {}): Promise<Harness> {
  const stateDir = await mkdtemp(join(tmpdir(), 'weft-api-'));
  const lines: string[] = [];
  const log = textLog({ sink: { write: line => void lines.push(line) }, level: 'warning' });
  const server = await startServer({ stateDir, host: '127.0.0.1', port: 0, identity: async () => identity, log, config });
  const bus = await connectUnixBus(join(stateDir, 'bus.sock'), { clock: systemClock, log });
  const api = (who: string): Api => client(server.url, who, String(people[who]?.project_id));
  return {
    server,
    bus,
    stateDir,
    admin: api('admin'),
    member: api('member'),
    reader: api('reader'),
    other: api('other'),
    rpc: (topic, method, args, version = '1.0') => bus.call({ topic, version }, method, args, { timeoutMs: 10_000 }),
    async [Symbol.asyncDispose]() {
      await bus[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

function client(url: string, token: string, project: string): Api {
  const request = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> => {
    const payload = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
    const response = await fetch(`${url}${path.startsWith('/') ? path : `/v2.0/${path}`}`, {
      method,
      headers: { 'x-auth-token': token, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...payload,
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parse(text) };
  };
  return {
    request,
    project,
    async make(path, name, attributes) {
      const answer = await request('POST', path, { [name]: attributes });
      if (answer.status !== 201) throw new Error(`POST ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      return answer.body[name] as Body & { id: string };
    },
    async refused(method, path, body) {
      const answer = await request(method, path, body);
      const error = (answer.body.NeutronError ?? {}) as { type?: string; message?: string };
      return [answer.status, error.type ?? '', error.message ?? ''];
    },
  };
}

function parse(text: string): Body {
  try {
    return text === '' ? {} : (JSON.parse(text) as Body);
  } catch {
    return { text };
  }
}

/** A live Linux bridge agent, DHCP agent and L3 agent on a host, as far as heartbeats go. */
export async function beat(h: Harness, host: string, overrides: Body = {}): Promise<void> {
  const time = new Date().toISOString().slice(0, 19);
  const agent = (agent_type: string, binary: string, topic: string, configurations: Body) =>
    h.rpc(
      'q-reports-plugin',
      'report_state',
      { agent_state: { agent_state: { agent_type, binary, topic, host, configurations, uuid: randomUUID(), start_flag: true } }, time },
      '1.2',
    );
  await agent('Linux bridge agent', 'neutron-linuxbridge-agent', 'N/A', {
    interface_mappings: { public: 'eth1' },
    bridge_mappings: {},
    tunnel_types: ['vxlan'],
    tunneling_ip: `10.99.0.${host.length}`,
    l2_population: true,
    ...overrides,
  });
  await agent('DHCP agent', 'neutron-dhcp-agent', 'dhcp_agent', { networks: 0, subnets: 0, ports: 0 });
  await agent('L3 agent', 'neutron-l3-agent', 'l3_agent', { agent_mode: 'legacy' });
}

export async function until<T>(what: string, look: () => Promise<T | undefined | false>, ms = 10_000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise(r => setTimeout(r, 25));
  }
}
