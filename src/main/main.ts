// The verbs of the command line, and what stands behind those that are more than a client.

import { existsSync } from 'node:fs';
import { type Spoken, translate } from '../cli/neutron/programs.ts';
import { runProgram, type Terminal } from '../cli/program.ts';
import { onHostStatePath } from '../cli/state.ts';
import { UsageError } from '../cli/verb.ts';
import { agentVerb } from '../cli/verbs/agent.ts';
import { auditVerb } from '../cli/verbs/audit.ts';
import { auditDatabaseVerb } from '../cli/verbs/audit-database.ts';
import { type CleanupDesk, cleanupVerbs } from '../cli/verbs/cleanup.ts';
import { type ConfigDesk, configVerbs } from '../cli/verbs/config.ts';
import { type DatabaseDesk, dbVerbs } from '../cli/verbs/db.ts';
import { demo } from '../cli/verbs/demo.ts';
import { down } from '../cli/verbs/down.ts';
import { type ImportOptions, importVerb } from '../cli/verbs/import.ts';
import { instanceCreate, instanceDelete, instanceExec, instanceList, plug } from '../cli/verbs/instance.ts';
import { logs } from '../cli/verbs/logs.ts';
import { migrateVerb } from '../cli/verbs/migrate.ts';
import { type PolicyDesk, policyVerbs } from '../cli/verbs/policy.ts';
import { portStats } from '../cli/verbs/port-stats.ts';
import { publicExec, publicPublish } from '../cli/verbs/public.ts';
import { rpcServerVerb } from '../cli/verbs/rpc-server.ts';
import { serverVerb } from '../cli/verbs/server.ts';
import { status } from '../cli/verbs/status.ts';
import { type UpOptions, upVerb } from '../cli/verbs/up.ts';
import { upgradeCheckVerb } from '../cli/verbs/upgrade-check.ts';

const work = async (options: UpOptions, out: (line: string) => void): Promise<number> => (await import('./up.ts')).up(options, out);
const desk = async (): Promise<PolicyDesk> => (await import('./policy-desk.ts')).policyDesk;
const lateDesk: PolicyDesk = {
  rules: async place => (await desk()).rules(place),
  check: async (place, question) => (await desk()).check(place, question),
};
const database = async (): Promise<DatabaseDesk> => (await import('./db/desk.ts')).databaseDesk;
const lateDatabase: DatabaseDesk = {
  history: async () => (await database()).history(),
  inspect: async place => (await database()).inspect(place),
  upgrade: async (place, revision) => (await database()).upgrade(place, revision),
};
const config = async (): Promise<ConfigDesk> => (await import('./config-desk.ts')).configDesk;
const lateConfigDesk: ConfigDesk = {
  programs: async () => (await config()).programs(),
  show: async place => (await config()).show(place),
  check: async (place, folder) => (await config()).check(place, folder),
};
const cleanup = async (): Promise<CleanupDesk> => (await import('./cleanup/cleanup.ts')).cleanupDesk;
const lateCleanup: CleanupDesk = {
  bridges: async (place, out) => (await cleanup()).bridges(place, out),
  namespaces: async (place, out) => (await cleanup()).namespaces(place, out),
  ovs: async (place, out) => (await cleanup()).ovs(place, out),
};
const importing = async (options: ImportOptions, out: (line: string) => void): Promise<number> =>
  (await import('./import.ts')).importNeutron(options, out);
export const verbs = [
  upVerb(work),
  serverVerb(work),
  rpcServerVerb(async (options, out) => (await import('./rpc-server.ts')).rpcServer(options, out)),
  agentVerb(async options => (await import('./agent-command.ts')).runAgent(options)),
  auditVerb(async options => (await import('./audit/this-machine.ts')).auditThisMachine(options)),
  migrateVerb(async (options, out) => (await import('./migrate/this-machine.ts')).migrateThisMachine(options, out)),
  down,
  status,
  logs,
  instanceCreate,
  instanceList,
  instanceExec,
  instanceDelete,
  plug,
  portStats,
  publicExec,
  publicPublish,
  ...policyVerbs(lateDesk),
  ...configVerbs(lateConfigDesk),
  ...dbVerbs(lateDatabase),
  ...cleanupVerbs(lateCleanup),
  auditDatabaseVerb(async (place, show) => (await import('./db/audit.ts')).auditDatabase(place, show)),
  upgradeCheckVerb(async place => (await import('./db/upgrade-check.ts')).upgradeChecks(place)),
  importVerb(importing),
  demo,
];

export async function main(argv: readonly string[]): Promise<number> {
  // Whoever read our lines may go before we do.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const print = (stream: NodeJS.WriteStream) => (line: string) => void stream.write(`${line}\n`);
  const terminal = { out: print(process.stdout), err: print(process.stderr) };
  const [first, program = '', ...words] = argv;
  return first === calledAs ? runNeutron(program, words, terminal) : runProgram(verbs, argv, terminal);
}

/** What bin/weft puts before the name of another program by which it was called. */
const calledAs = '--called-as';

function runNeutron(program: string, argv: readonly string[], terminal: Terminal): Promise<number> | number {
  let spoken: Spoken;
  try {
    spoken = translate(program, argv, { env: process.env, exists: existsSync });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    terminal.err(error.message);
    return 2;
  }
  if (spoken.kind === 'verb') {
    // A service has no home folder.
    process.env['WEFT_STATE_DIR'] ??= onHostStatePath;
    const because = spoken.because ?? 'logs are files in the state directory';
    for (const option of spoken.idle) terminal.err(`${program}: ${option} has no effect: ${because}`);
    return runProgram(verbs, spoken.argv, terminal);
  }
  for (const line of spoken.lines) terminal.out(line);
  return 0;
}
