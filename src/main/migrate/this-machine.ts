// weft migrate l2: this machine goes from Linux bridge to Open vSwitch.
import { hostname } from 'node:os';
import { join } from 'node:path';
import { systemClock as clock } from '../../adapters/clock/system-clock.ts';
import { openHost } from '../../adapters/host/open-host.ts';
import { Session } from '../../adapters/openstack/session.ts';
import type { OpenvswitchConfig } from '../../agent/context.ts';
import { planMove } from '../../agent/desired/migrate/plan.ts';
import type { Target } from '../../agent/desired/migrate/situation.ts';
import { wordsOf } from '../../agent/desired/migrate/words.ts';
import { type Doors, MoveStopped } from '../../agent/migrate/doors.ts';
import { begun, readJournal, writeJournal } from '../../agent/migrate/journal.ts';
import { lookAround } from '../../agent/migrate/look.ts';
import { goBack, goOn } from '../../agent/migrate/run.ts';
import { Failure } from '../../cli/verb.ts';
import type { MigrateOptions } from '../../cli/verbs/migrate.ts';
import { CloudUnavailable } from '../../contracts/cloud.ts';
import { HostRefusal } from '../../contracts/host/firewall.ts';
import { OvsdbAway, OvsdbTimeout, SwitchAway } from '../../contracts/host/ovsdb.ts';
import { partOf } from '../config/agents/partly.ts';
import { agentConfigOf } from '../config/agents/settings.ts';
import { ConfigError } from '../config/ini.ts';
import { configOf, readProgram } from '../config/program.ts';
import { programs } from '../config/programs.ts';
import { serverProgram } from '../config/server-options.ts';
import { Locked, takeLock } from '../state/lock.ts';
import { cloudApi } from './cloud-api.ts';
import { unitsOf } from './units.ts';

/** How long the API may stay away, and ports may take to be ACTIVE. */
const awayMs = 60_000;
const patienceMs = 120_000;

const refused = 3;

/** Answers the exit status. */
export async function migrateThisMachine(options: MigrateOptions, out: (line: string) => void): Promise<number> {
  if (process.getuid?.() !== 0) throw new Failure('this changes the network of the machine, which needs root');
  const end = new AbortController();
  const stop = (): void => end.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  try {
    return await within(options, end.signal, out);
  } catch (error) {
    throw known(error) ? new Failure(error.message) : error;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
    end.abort();
  }
}

const kinds = [ConfigError, MoveStopped, CloudUnavailable, HostRefusal, OvsdbAway, OvsdbTimeout, SwitchAway, Locked];
const known = (error: unknown): error is Error => kinds.some(kind => error instanceof kind);

async function within(options: MigrateOptions, signal: AbortSignal, out: (line: string) => void): Promise<number> {
  const { doors, folder } = doorsOf(options, signal, out);
  await using _ = doors.session;
  const { files } = doors.host;
  if (options.what === 'plan') return await plan(doors, options.json, out);
  using _lock = takeLock(join(folder, 'migrate-l2.lock'), 'weft migrate l2', new Date());
  if (options.what === 'rollback') await goBack(doors);
  else {
    if (options.what === 'begin') {
      const there = await readJournal(files, doors.journal);
      if (there && !there.finished)
        throw new Failure(`a move of this host has begun (${doors.journal}): --resume goes on with it, --rollback takes it back`);
      const status = await begin(doors, out);
      if (status !== 0) return status;
    }
    await goOn(doors);
  }
  out('done');
  return 0;
}

async function plan(doors: Doors, json: boolean, out: (line: string) => void): Promise<number> {
  const planned = planMove(await lookAround(doors));
  if (json) out(JSON.stringify(planned, undefined, 2));
  else for (const line of wordsOf(planned)) out(line);
  return planned.refusals.length === 0 ? 0 : refused;
}

async function begin(doors: Doors, out: (line: string) => void): Promise<number> {
  const planned = planMove(await lookAround(doors));
  for (const line of wordsOf(planned)) out(line);
  if (planned.refusals.length > 0) return refused;
  out('');
  await writeJournal(doors.host.files, doors.journal, begun(planned.move));
  return 0;
}

function doorsOf(
  { configSources, host: named, url, service }: MigrateOptions,
  signal: AbortSignal,
  say: (line: string) => void,
): { doors: Doors; folder: string } {
  const config = agentConfigOf(partOf('openvswitch', ownOptions, configSources), { host: hostname(), isRoot: true });
  const { openvswitch } = config;
  if (!openvswitch) throw new Error('no configuration');
  const { account } = configOf(readProgram(serverProgram, configSources, { others: programs })).keystone;
  if (account.auth_url === '') throw new Failure('how to ask the API? The files have no account in [keystone_authtoken]');
  const hostName = nameOf(named, config.host);
  const session = new Session({ account, serviceType: 'network', clock, end: signal, ...(url === undefined ? {} : { endpoint: url }) });
  const host = openHost();
  const doors: Doors = {
    ...{ hostName, host, clock, signal, patienceMs, say },
    session: host.ovsdb.open(openvswitch),
    cloud: cloudApi({ session, host: hostName, clock, signal, awayMs }),
    units: unitsOf(service),
    target: targetOf(openvswitch),
    journal: join(config.statePath, 'migrate-l2.json'),
    portsFile: join(config.statePath, 'openvswitch-ports'),
  };
  return { doors, folder: config.statePath };
}

/** Of openvswitch_agent.ini and neutron.conf: what a move reads. */
const ownOptions = [
  ...['host', 'state_path', 'integration_bridge', 'tunnel_bridge', 'bridge_mappings', 'datapath_type', 'local_ip', 'tunnel_types'],
  ...['l2_population', 'vxlan_udp_port', 'firewall_driver', 'enable_security_group', 'ovsdb_connection', 'ovsdb_timeout'],
  ...['key', 'cert', 'ca_cert'].map(name => `ssl_${name}_file`),
];

function targetOf({ integrationBridge, tunnelBridge, bridgeMappings, datapathType, firewall, tunnels }: OpenvswitchConfig): Target {
  const { types = [], localIp = '', l2population = false, vxlanPort = 4789 } = tunnels ?? {};
  return {
    ...{ integrationBridge, tunnelBridge, bridgeMappings, datapathType, firewall },
    ...(tunnels ? { tunnels: { types, localIp, l2population, vxlanPort } } : {}),
  };
}

/** It is done where it is to happen. */
function nameOf(named: string | undefined, configured: string): string {
  const own = [...new Set([configured, hostname()])];
  if (named === undefined || own.includes(named)) return named ?? configured;
  throw new Failure(`this machine is ${own.join(' or ')} and not ${named}: run it there, with the files there`);
}
