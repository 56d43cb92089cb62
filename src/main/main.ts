// The verbs of the command line, and what stands behind those that are more than a client.
import { runProgram } from '../cli/program.ts';
import { type DatabaseDesk, dbVerbs } from '../cli/verbs/db.ts';
import { demo } from '../cli/verbs/demo.ts';
import { down } from '../cli/verbs/down.ts';
import { instanceCreate, instanceDelete, instanceExec, instanceList, plug } from '../cli/verbs/instance.ts';
import { logs } from '../cli/verbs/logs.ts';
import { type PolicyDesk, policyVerbs } from '../cli/verbs/policy.ts';
import { publicExec, publicPublish } from '../cli/verbs/public.ts';
import { serverVerb } from '../cli/verbs/server.ts';
import { status } from '../cli/verbs/status.ts';
import { type UpOptions, upVerb } from '../cli/verbs/up.ts';

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
export const verbs = [
  upVerb(work),
  serverVerb(work),
  down,
  status,
  logs,
  instanceCreate,
  instanceList,
  instanceExec,
  instanceDelete,
  plug,
  publicExec,
  publicPublish,
  ...policyVerbs(lateDesk),
  ...dbVerbs(lateDatabase),
  demo,
];

export function main(argv: readonly string[]): Promise<number> {
  // Whoever read our lines may go before we do.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const print = (stream: NodeJS.WriteStream) => (line: string) => void stream.write(`${line}\n`);
  return runProgram(verbs, argv, { out: print(process.stdout), err: print(process.stderr) });
}
