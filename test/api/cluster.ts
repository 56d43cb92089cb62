// Several API server processes on one database.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ServerConfig } from '../../src/server/context.ts';
import { type Api, client } from './client.ts';
import { newDatabase } from './database.ts';

const program = fileURLToPath(import.meta.resolve('./server-process.ts'));

export interface Member extends AsyncDisposable {
  readonly url: string;
  as(who: string): Api;
  /** kill -9; nothing is flushed or said. */
  kill(): Promise<void>;
}

export interface Cluster extends AsyncDisposable {
  /** The database, for looking at what the API does not show. */
  readonly file: string;
  readonly servers: readonly Member[];
  /** The first server, for setting the scene. */
  as(who: string): Api;
  /** `count` clients, dealt out over the servers in turn. */
  spread(who: string, count: number): readonly Api[];
  /** One more server on the same database. */
  join(options?: MemberOptions): Promise<Member>;
  /** kill -9 of one, and another like it in its place. */
  restart(index: number): Promise<void>;
}

export interface MemberOptions {
  /** How long a call of the store takes at the most, as if the database were on another host. */
  readonly farMs?: number;
}

async function startMember(file: string, config: Partial<ServerConfig>, { farMs }: MemberOptions = {}): Promise<Member> {
  const { NODE_TEST_CONTEXT: _test, ...env } = process.env;
  const child = fork(program, [file, JSON.stringify(config), String(farMs ?? '')], {
    env,
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const url = await Promise.race([
    once(child, 'message').then(([message]) => (message as { url: string }).url),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`a server ended with ${code}`))),
  ]);
  const kill = (): Promise<void> => end(child);
  return { url, as: who => client(url, who), kill, [Symbol.asyncDispose]: kill };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

export async function startCluster(count: number, config: Partial<ServerConfig> = {}): Promise<Cluster> {
  const dir = await mkdtemp(join(tmpdir(), 'weft-cluster-'));
  const file = await newDatabase(dir);
  const servers: Member[] = [];
  const known: (MemberOptions | undefined)[] = [];
  const add = async (options?: MemberOptions): Promise<Member> => {
    const member = await startMember(file, config, options);
    servers.push(member);
    known.push(options);
    return member;
  };
  for (let i = 0; i < count; i++) await add();
  return {
    file,
    servers,
    as: who => (servers[0] as Member).as(who),
    spread: (who, n) => Array.from({ length: n }, (_, i) => (servers[i % servers.length] as Member).as(who)),
    join: add,
    async restart(index) {
      await servers[index]?.kill();
      servers[index] = await startMember(file, config, known[index]);
    },
    async [Symbol.asyncDispose]() {
      for (const server of servers) await server.kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
