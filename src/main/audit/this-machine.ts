// An audit of this machine, beside agents of a cloud that Neutron's files configure.
import { hostname } from 'node:os';
import { openAmqpBus } from '../../adapters/bus-amqp/amqp-bus.ts';
import { systemClock as clock } from '../../adapters/clock/system-clock.ts';
import { openHost } from '../../adapters/host/open-host.ts';
import { textLog } from '../../adapters/log/text-log.ts';
import { Session } from '../../adapters/openstack/session.ts';
import type { Get } from '../../agent/audit/expected.ts';
import { takeInventory } from '../../agent/audit/inventory.ts';
import { repair } from '../../agent/audit/repair.ts';
import { dhcpFolder } from '../../agent/dhcp/dnsmasq.ts';
import type { AuditView } from '../../cli/control.ts';
import { Failure } from '../../cli/verb.ts';
import type { AuditOptions } from '../../cli/verbs/audit.ts';
import { CloudUnavailable } from '../../contracts/cloud.ts';
import { partOf } from '../config/agents/partly.ts';
import { agentProgramOf } from '../config/agents/programs.ts';
import { type AgentSettings, agentConfigOf } from '../config/agents/settings.ts';
import { configOf, readProgram } from '../config/program.ts';
import { programs } from '../config/programs.ts';
import { amqpOptions } from '../config/rabbit.ts';
import { serverProgram } from '../config/server-options.ts';
import { type AuditedHost, auditHost, repairHost, resyncAgent } from './host-audit.ts';
import { runningByType } from './running.ts';

export async function auditThisMachine(options: AuditOptions): Promise<AuditView> {
  if (process.getuid?.() !== 0) throw new Failure('what other users have on this machine is for root to see');
  const end = new AbortController();
  try {
    const host = thisHost(options, end.signal);
    const findings = await auditHost(host);
    if (!findings) throw new Failure(`the API knows no agent on the host ${host.name}; --host says what it calls this machine`);
    return { findings, repaired: await repairHost(host, findings, options.shown) };
  } catch (error) {
    throw error instanceof CloudUnavailable ? new Failure(error.message) : error;
  } finally {
    end.abort();
  }
}

function thisHost({ configSources, host: named, url }: AuditOptions, end: AbortSignal): AuditedHost {
  const settings = configOf(readProgram(agentProgramOf.dhcp, configSources, { others: programs }));
  const config = agentConfigOf(settings, { host: hostname(), isRoot: true });
  const { account } = configOf(readProgram(serverProgram, configSources, { others: programs })).keystone;
  if (account.auth_url === '') throw new Failure('how to ask the API? The files have no account in [keystone_authtoken]');
  const session = new Session({ account, serviceType: 'network', clock, end, ...(url === undefined ? {} : { endpoint: url }) });
  const { linuxbridge } = partOf('linuxbridge', ['physical_interface_mappings'], configSources);
  const physical = Object.values(linuxbridge.interfaceMappings);
  const here = openHost();
  const name = nameOf(named, config.host);
  return {
    name,
    clock,
    get: readerOf(session),
    take: () => takeInventory(here, { dhcp: dhcpFolder(config), physical }, runningByType()),
    async repair(fixes) {
      const reasons: (string | undefined)[] = [];
      for (const fix of fixes) reasons.push(await repair(here, clock, fix));
      return reasons;
    },
    resync: kind => onBus(settings, name, kind),
  };
}

/** By another host's name, this machine's namespaces would be judged, and removed, by what the API wants there. */
function nameOf(named: string | undefined, configured: string): string {
  const own = [...new Set([configured, hostname()])];
  if (named === undefined || own.includes(named)) return named ?? configured;
  throw new Failure(
    `an audit is of the machine that it runs on, which is ${own.join(' or ')} and not ${named}: run it there, with the files there`,
  );
}

function readerOf(session: Session): Get {
  return async path => {
    const { status, json } = await session.request(`/v2.0${path}`, { method: 'GET' });
    if (status !== 200) throw new Failure(`the API answers ${status} to GET /v2.0${path.split('?')[0]}`);
    return json as Awaited<ReturnType<Get>>;
  };
}

async function onBus({ messaging }: AgentSettings, host: string, kind: 'DHCP agent' | 'L3 agent'): Promise<void> {
  if (messaging.transportUrl === '') throw new Error('the files name no transport_url, so the agent cannot be told');
  const log = textLog({ sink: { write: () => {} } });
  await using bus = await openAmqpBus({ amqp: amqpOptions(messaging), clock, log, name: `weft audit of ${host}, ${process.pid}` });
  await resyncAgent(bus, host, kind);
}
