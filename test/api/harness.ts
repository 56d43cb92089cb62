// A whole server on a free port with its own state, and a client for each of its users. Black box: HTTP, and the agents' bus.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { textLog } from '../../src/adapters/log/text-log.ts';
import type { Bus, Json } from '../../src/contracts/bus.ts';
import type { Log } from '../../src/contracts/log.ts';
import { type RunningServer, type ServerOptions, startServer } from '../../src/main/server.ts';
import type { ServerConfig } from '../../src/server/context.ts';
import { agentsBus } from './agents-bus.ts';
import { type Api, type Body, client } from './client.ts';
import { newDatabase } from './database.ts';
import { databaseAt } from './open-database.ts';
import { identity } from './people.ts';
import { refuseWide, watchLocks } from './wide-locks.ts';

export type { Body } from './client.ts';

export interface Harness extends AsyncDisposable {
  readonly server: RunningServer;
  readonly admin: Api;
  readonly member: Api;
  readonly reader: Api;
  /** A token without roles. */
  readonly nobody: Api;
  /** A member of another project. */
  readonly other: Api;
  /** Anybody of people.ts. */
  as(who: string): Api;
  /** A connection of an agent's kind. */
  readonly bus: Bus;
  rpc(topic: string, method: string, args: Record<string, unknown>, version?: string): Promise<Json>;
  readonly stateDir: string;
  readonly database: ServerConfig['database'];
  /** What the server has logged, line by line. */
  readonly logged: readonly string[];
}

/** So that what the server chooses of a /24 is between .153 and .192: other addresses are for tests to name. */
const someChance = (): number => 0.6 + Math.random() * 0.15;

/** `log`: to see more than the warnings in `logged`. */
export async function start(config: Partial<ServerConfig> = {}, log?: Log, more: Partial<ServerOptions> = {}): Promise<Harness> {
  const stateDir = await mkdtemp(join(tmpdir(), 'weft-api-'));
  try {
    return await startIn(stateDir, config, log, more);
  } catch (error) {
    // Some tests want it not to start.
    await rm(stateDir, { recursive: true, force: true });
    throw error;
  }
}

/** The server ends, and one with another configuration goes on with its state. */
export async function again(h: Harness, config: Partial<ServerConfig>): Promise<Harness> {
  await h.bus[Symbol.asyncDispose]();
  await h.server[Symbol.asyncDispose]();
  return startIn(h.stateDir, { database: h.database, ...config });
}

async function startIn(stateDir: string, config: Partial<ServerConfig>, log?: Log, more: Partial<ServerOptions> = {}): Promise<Harness> {
  const lines: string[] = [];
  const warnings = textLog({ sink: { write: line => void lines.push(line) }, level: 'warning' });
  const agents = await agentsBus(stateDir);
  const database = config.database ?? databaseAt(await newDatabase(stateDir));
  const options = {
    stateDir,
    host: '127.0.0.1',
    port: 0,
    identity: async () => identity,
    config: { ...agents.config, ...config, database },
    random: someChance,
    ...more,
  };
  const server = await startServer({ ...options, log: log ?? warnings });
  const wide = watchLocks(server.store);
  const bus = await agents.connect(warnings);
  const api = (who: string): Api => client(server.url, who);
  return {
    server,
    bus,
    stateDir,
    database,
    logged: lines,
    admin: api('admin'),
    member: api('member'),
    reader: api('reader'),
    nobody: api('nobody'),
    other: api('other'),
    as: api,
    rpc: (topic, method, args, version = '1.0') => bus.call({ topic, version }, method, args, { timeoutMs: 10_000 }),
    async [Symbol.asyncDispose]() {
      await bus[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await rm(stateDir, { recursive: true, force: true });
      refuseWide(wide);
    },
  };
}

/** A live Linux bridge agent, DHCP agent and L3 agent on a host, as far as heartbeats go. */
export async function beat(h: Harness, host: string, overrides: Body = {}): Promise<void> {
  const time = new Date().toISOString().replace('Z', '');
  const agent = (agent_type: string, binary: string, topic: string, configurations: Body, more: Body = {}) =>
    h.rpc(
      'q-reports-plugin',
      'report_state',
      {
        agent_state: { agent_state: { agent_type, binary, topic, host, configurations, uuid: randomUUID(), start_flag: true, ...more } },
        time,
      },
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
  await agent('DHCP agent', 'neutron-dhcp-agent', 'dhcp_agent', { networks: 0, subnets: 0, ports: 0 }, { availability_zone: 'nova' });
  await agent('L3 agent', 'neutron-l3-agent', 'l3_agent', { agent_mode: 'legacy' }, { availability_zone: 'nova' });
}

export async function until<T>(what: string, look: () => Promise<T | undefined | false>, ms = 30_000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise(r => setTimeout(r, 25));
  }
}
