// What "weft upgrade check" looks at: the configuration, the database, the policy files, and the agents that have reported.
import type { CheckPlace, CheckResult } from '../../cli/verbs/upgrade-check.ts';
import type { Row } from '../../contracts/store.ts';
import { problemText } from '../../domain/policy/rules.ts';
import { drivers } from '../../drivers/all.ts';
import { tablesOf } from '../../model/kit/revision.ts';
import { dhcpAgentType, l3AgentType } from '../../server/commands/scheduling.ts';
import { defaultConfig, type ServerConfig } from '../../server/context.ts';
import { readServerOptions, type ServerSettings } from '../config/server-options.ts';
import { defaultServerProcess } from '../config/server-process.ts';
import { loadPolicy, policyPlaces } from '../policy.ts';
import { openStoreAs } from '../store.ts';
import { databaseDesk, whereIs } from './desk.ts';
import { history } from './history.ts';
import { program } from './program.ts';

/** Agents of these kinds are served; of others only the record is kept. */
const servedTypes: ReadonlySet<string> = new Set([
  ...drivers.mechanisms.map(mechanism => mechanism.agentType),
  ...[dhcpAgentType, l3AgentType, 'Metadata agent', 'Metering agent'],
]);

export async function upgradeChecks(place: CheckPlace): Promise<readonly CheckResult[]> {
  const { settings, result } = configuration(place);
  return [
    result,
    await tried('Database schema', () => database(place)),
    await tried('Policy files', () => policyFiles(settings)),
    await tried('Agents', () => agents(place, settings.config)),
  ];
}

type Finding = Omit<CheckResult, 'check'>;

const success: Finding = { result: 'Success', details: [] };
const unless = (details: readonly string[], result: 'Warning' | 'Failure'): Finding => (details.length > 0 ? { result, details } : success);

/** What cannot be looked at is a failure of its own, and the others are looked at all the same. */
async function tried(check: string, look: () => Promise<Finding>): Promise<CheckResult> {
  try {
    return { check, ...(await look()) };
  } catch (error) {
    return { check, result: 'Failure', details: [wordsOf(error)] };
  }
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function configuration({ configSources, policyFile, stateDir, folder }: CheckPlace): { settings: ServerSettings; result: CheckResult } {
  const check = 'Configuration';
  try {
    const settings = readServerOptions(configSources, { policyFile, stateDir, defaultStateDir: folder.path });
    return { settings, result: { check, ...unless([...settings.warnings, ...settings.notes], 'Warning') } };
  } catch (error) {
    const settings = {
      config: defaultConfig,
      process: { ...defaultServerProcess.process, statePath: folder.path },
      keystone: defaultServerProcess.keystone,
      warnings: [],
      notes: [],
    };
    return { settings, result: { check, result: 'Failure', details: wordsOf(error).split('\n') } };
  }
}

async function database(place: CheckPlace): Promise<Finding> {
  const { isEmpty, refusal, drift, pending, isUnfinished } = await databaseDesk.inspect(place);
  const told = drift.map(({ kind, what }) => `${kind}: ${what}`);
  if (refusal !== undefined || drift.some(each => each.kind === 'missing'))
    return { result: 'Failure', details: refusal === undefined ? told : [...told, refusal] };
  const open = isEmpty ? ['it is empty: "weft db upgrade" makes the schema'] : pending.map(what => `"weft db upgrade" will add ${what}`);
  return unless([...told, ...open, ...(isUnfinished ? ['an upgrade was broken off'] : [])], 'Warning');
}

async function policyFiles({ config, process }: ServerSettings): Promise<Finding> {
  const { policy, files } = await loadPolicy(config.policy, policyPlaces(config.policy, process.statePath ?? ''));
  const json = files
    .filter(file => file.endsWith('.json'))
    .map(file => `${file} is JSON: oslopolicy-convert-json-to-yaml makes YAML of it`);
  return unless([...json, ...policy.warnings.map(problemText)], 'Warning');
}

async function agents(place: CheckPlace, config: ServerConfig): Promise<Finding> {
  const unserved = (await agentRows(place, config)).filter(({ agent_type }) => !servedTypes.has(String(agent_type)));
  return unless(
    unserved.map(
      ({ agent_type, host, alive }) => `${agent_type} on ${host}${alive ? '' : ' (not alive)'}: no part of this server serves it`,
    ),
    unserved.some(({ alive }) => alive) ? 'Failure' : 'Warning',
  );
}

/** By the columns that the database has, which may be of an older version. */
async function agentRows(place: CheckPlace, config: ServerConfig): Promise<readonly (Row & { readonly alive: boolean })[]> {
  const { isEmpty, revisions } = await databaseDesk.inspect(place);
  const there = history().slice(0, revisions.filter(each => each.isKnown).length);
  if (isEmpty || there.length === 0) return [];
  const { connection, stateDir } = whereIs(place);
  const at = { ...config.database, connection, upgrade: false };
  await using store = await openStoreAs(at, stateDir, { tables: tablesOf(there), revisions: there, program: program() });
  const rows = await store.select({ table: 'agents', columns: ['agent_type', 'host', 'heartbeat_timestamp'], order: [['host', 'asc']] });
  const since = Date.now() - config.agentDownTime * 1000;
  return rows.map(row => ({ ...row, alive: Date.parse(String(row.heartbeat_timestamp)) >= since }));
}
