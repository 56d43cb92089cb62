// Heartbeats. An agent is born of its first one.
import { type Endpoint, RpcFailure } from '../../contracts/bus.ts';
import type { Row, Value } from '../../contracts/store.ts';
import { physicalNetworksIn, reportsResources, resourcesIn } from '../../domain/placement.ts';
import { agent } from '../../model/agent.ts';
import { isAlive } from '../commands/agent-liveness.ts';
import { type Services, timestamp } from '../context.ts';
import type { Draft } from '../draft.ts';
import { type Message, resourceVersions } from '../relay/messages.ts';
import { commitDecision } from '../retry.ts';
import { type Args, record, text } from './arguments.ts';

/** What Neutron's table of agents holds of each. */
const maxConfigurations = 4095;
const maxVersions = 8191;
const maxText = 255;

export function agentState(services: Services, startedAt: string, tell: (message: Message) => Promise<void>): Endpoint {
  return {
    version: '1.4',
    methods: {
      has_alive_neutron_server: () => true,
      report_state: async args => {
        const answer = await reportState(services, startedAt, args);
        if (answer !== null) await tellVersions(services, tell, args);
        return answer;
      },
    },
  };
}

/** What versions of objects an agent knows is for all servers that push to it. A bus that is away is no reason to refuse a heartbeat. */
async function tellVersions({ log }: Services, tell: (message: Message) => Promise<void>, args: Args): Promise<void> {
  const state = record(record(args.agent_state, 'agent_state').agent_state, 'agent_state.agent_state');
  if (state.resource_versions === undefined) return;
  await tell(resourceVersions(String(state.agent_type), String(state.host), state.resource_versions)).catch((error: unknown) =>
    log.warning('the versions of an agent were not passed on', { host: String(state.host), error }),
  );
}

async function reportState(services: Services, startedAt: string, args: Args): Promise<string | null> {
  const state = record(record(args.agent_state, 'agent_state').agent_state, 'agent_state.agent_state');
  const time = text(args, 'time');
  if (time < startedAt.slice(0, 19)) return null;
  const identity = { agent_type: short(state, 'agent_type'), host: short(state, 'host') };
  if (!identity.agent_type || !identity.host)
    throw new RpcFailure('InvalidInput', 'Invalid input for operation: agent_type and host are required.');
  for (const name of ['binary', 'topic', 'availability_zone']) short(state, name);
  const configurations = bounded(record(state.configurations ?? {}, 'configurations'), 'configurations', maxConfigurations);
  if (state.resource_versions) bounded(record(state.resource_versions, 'resource_versions'), 'resource_versions', maxVersions);
  return commitDecision(services, {
    decide: async draft => {
      const now = timestamp(services.clock);
      const [row] = await services.store.select({
        table: 'agents',
        where: { and: [{ eq: ['agent_type', identity.agent_type] }, { eq: ['host', identity.host] }] },
      });
      const seen = {
        configurations: configurations as Value,
        heartbeat_timestamp: now,
        ...(state.start_flag === true ? { started_at: now } : {}),
      };
      if (!row) {
        draft.create(agent, newAgent(services, state, identity, now, configurations), {
          physical_networks: physicalNetworksIn(configurations),
        });
        return 'new';
      }
      const answer = isAlive(services, row) ? 'alive' : 'revived';
      const versions = state.resource_versions === undefined ? {} : { resource_versions: state.resource_versions as Value };
      const zone = typeof state.availability_zone === 'string' ? { availability_zone: state.availability_zone } : {};
      const synced = hasNews(services, row, state, configurations) ? { resources_synced: false } : {};
      draft.ops.push({
        op: 'update',
        table: 'agents',
        where: { eq: ['id', String(row.id)] },
        set: { ...seen, ...versions, ...zone, ...synced },
        expect: 1,
      });
      announceMappings(draft, row, state, configurations);
      return answer;
    },
  });
}

/** Placement is to be told what the host has: the agent has begun anew, or says something else. */
function hasNews({ config }: Services, row: Row, state: Record<string, unknown>, configurations: Record<string, unknown>): boolean {
  if (config.placement.account.auth_url === '' || !reportsResources(String(row.agent_type), configurations)) return false;
  return state.start_flag === true || resourcesIn(configurations) !== resourcesIn(row.configurations as Record<string, unknown>);
}

/** Which networks a host is connected to concerns those who tell others of segments. One that begins anew may have come before its host was known there. */
function announceMappings(draft: Draft, row: Row, state: Record<string, unknown>, configurations: Record<string, unknown>): void {
  const [before, after] = [physicalNetworksIn(row.configurations as Record<string, unknown>), physicalNetworksIn(configurations)];
  const changed = [...new Set([...before, ...after])].filter(name => !before.includes(name) || !after.includes(name));
  const physical_networks = state.start_flag === true ? [...new Set([...before, ...after])] : changed;
  if (physical_networks.length === 0) return;
  draft.announce({ kind: 'agent', id: String(row.id), event: 'updated', revision: 0, facts: { physical_networks } });
}

const tooLong = (name: string): Error => new RpcFailure('InvalidInput', `Invalid input for operation: ${name} is too long.`);

function short(state: Readonly<Record<string, unknown>>, name: string): string {
  const value = String(state[name] ?? '');
  if (value.length > maxText) throw tooLong(name);
  return value;
}

function bounded(value: Record<string, unknown>, name: string, most: number): Record<string, unknown> {
  if (JSON.stringify(value).length > most) throw tooLong(name);
  return value;
}

function newAgent(
  services: Services,
  state: Record<string, unknown>,
  identity: { agent_type: string; host: string },
  now: string,
  configurations: Record<string, unknown>,
): Row {
  return {
    id: services.newId(),
    ...identity,
    binary: String(state.binary ?? ''),
    topic: String(state.topic ?? ''),
    admin_state_up: services.config.enableNewAgents,
    configurations,
    created_at: now,
    started_at: now,
    heartbeat_timestamp: now,
    description: null,
    availability_zone: typeof state.availability_zone === 'string' ? state.availability_zone : null,
    resource_versions: (state.resource_versions as Value | undefined) ?? null,
  };
}
