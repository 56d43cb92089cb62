// A server as units and people start it: bin/weft server with a configuration file, in as many processes as that says.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { StatusView } from '../../src/cli/control.ts';
import { isAlive, type ProcessId, processId } from '../../src/main/sandbox/proc.ts';
import { databaseServer, newDatabase } from './database.ts';
import { until } from './harness.ts';

const weft = fileURLToPath(import.meta.resolve('../../bin/weft'));

export interface Service extends AsyncDisposable {
  readonly url: string;
  readonly stateDir: string;
  readonly configFile: string;
  readonly pid: number;
  /** How it ended: `0`, or the signal. */
  readonly ended: Promise<string>;
  /** What it has printed. */
  output(): string;
  status(): Promise<StatusView>;
  /** A token of the built-in identity. */
  token(user?: string): Promise<string>;
  /** All lines of all its logs, `server-api-1` for one. */
  logs(name?: string): Promise<string>;
  signal(name: NodeJS.Signals): void;
}

const startMs = 120_000;

/** `more`: further sections, or lines of [DEFAULT] before the first one. */
export async function startService(more: string): Promise<Service> {
  const dir = await mkdtemp(join(tmpdir(), 'weft-service-'));
  const stateDir = join(dir, 'state');
  const configFile = join(dir, 'neutron.conf');
  // The one in the state directory is what it has by itself.
  const database = (await databaseServer()) === undefined ? '' : `[database]\nconnection = ${await newDatabase(dir)}\n`;
  await writeFile(configFile, `[DEFAULT]\n${more}\n${database}`);
  const { NODE_TEST_CONTEXT: _test, ...env } = process.env;
  const args = ['server', '--state-dir', stateDir, '--listen', '127.0.0.1:0', '--config-file', configFile];
  // It ends with the test, whatever ends that.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', weft, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (output += bytes));
  const ended = new Promise<string>(resolve => child.once('exit', (code, signal) => resolve(signal ?? String(code))));
  let over = false;
  void ended.then(() => (over = true));
  try {
    await until('ready', async () => over || /^ready: /m.test(output), startMs);
    assert.match(output, /^ready: /m);
  } catch (error) {
    await end(child, ended);
    await rm(dir, { recursive: true, force: true });
    throw new Error(`it did not start: ${output}`, { cause: error });
  }
  const url = /^ready: API (\S+),/m.exec(output)?.[1] as string;
  const { pid } = JSON.parse(await readFile(join(stateDir, 'weft.lock'), 'utf8')) as { pid: number };
  return {
    ...{ url, stateDir, configFile, pid, ended, output: () => output },
    status: async () => JSON.parse(await run(['status', '--json', '--state-dir', stateDir])) as StatusView,
    token: (user = 'admin') => tokenOf(stateDir, user),
    logs: name => logsOf(join(stateDir, 'logs'), name),
    signal: name => process.kill(pid, name),
    async [Symbol.asyncDispose]() {
      await end(child, ended);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** On a connection of its own, which any of the workers takes. */
export function once(
  url: string,
  { method = 'GET', token, body, ...more }: { method?: string; token?: string; body?: unknown } & RequestOptions,
): Promise<{ status: number; headers: IncomingHttpHeaders; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { ...(token === undefined ? {} : { 'x-auth-token': token }), ...(more.headers as object | undefined) };
    const send = url.startsWith('https:') ? httpsRequest : request;
    const asked = send(url, { ...more, method, headers, agent: false }, answer => {
      const chunks: Buffer[] = [];
      answer.on('data', (bytes: Buffer) => chunks.push(bytes));
      answer.once('error', reject);
      answer.once('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString() }),
      );
    });
    asked.once('error', reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function logsOf(folder: string, name = ''): Promise<string> {
  const files = (await readdir(folder)).filter(file => file.startsWith(name) && /\.log(\.1)?$/.test(file));
  return (await Promise.all(files.map(file => readFile(join(folder, file), 'utf8')))).join('');
}

async function end(child: ChildProcess, ended: Promise<string>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) process.kill(-(child.pid as number), 'SIGKILL');
  await ended;
}

async function run(args: readonly string[]): Promise<string> {
  const child = spawn(weft, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (bytes: Buffer) => (out += bytes));
  await new Promise(resolve => child.once('close', resolve));
  return out;
}

async function tokenOf(stateDir: string, user: string): Promise<string> {
  const { clouds } = parse(await readFile(join(stateDir, 'clouds.yaml'), 'utf8')) as {
    clouds: Record<string, { auth: Record<'auth_url' | 'username' | 'password' | 'project_name', string> }>;
  };
  const auth = Object.values(clouds).find(cloud => cloud.auth.username === user)?.auth;
  assert.ok(auth);
  const domain = { name: 'Default' };
  const body = {
    auth: {
      identity: { methods: ['password'], password: { user: { name: auth.username, password: auth.password, domain } } },
      scope: { project: { name: auth.project_name, domain } },
    },
  };
  const base = auth.auth_url.replace(/\/v3\/?$/, '');
  const answer = await fetch(`${base}/v3/auth/tokens`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  assert.equal(answer.status, 201, await answer.text());
  return answer.headers.get('x-subject-token') as string;
}

export const processesOf = ({ workers = [] }: StatusView, role: string): ProcessId[] =>
  workers
    .filter(({ name }) => name.startsWith(`worker ${role}`))
    .map(({ pid }) => (pid === undefined ? undefined : processId(pid)))
    .filter(id => id !== undefined);

/** Waits until the process is gone and all workers work again. */
export const replaced = (service: Service, old: ProcessId): Promise<unknown> =>
  until(
    'the worker is replaced',
    async () => !isAlive(old) && (await service.status()).workers?.every(worker => worker.state === 'running'),
    60_000,
  );
