// What a server costs that does nothing yet: processor time and time from the exec of Node.js to its first answer, where it has run before, and its memory
// when it is idle, before and after a load; beside a bare Fastify. Usage: start.ts [--rounds 3] [--shape NAME …]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { passwordsInCloudsYaml } from '../../src/adapters/identity-builtin/clouds-yaml.ts';
import { freePort } from '../../src/contracts/free-port.ts';
import { Rabbit, rabbitPassword, rabbitUser } from '../interop/rabbit.ts';
import { Api, logIn } from './bench/client.ts';
import { startDurable } from './bench/databases.ts';
import { median } from './bench/measure.ts';
import { compiledArgv, type Life, live } from './start/life.ts';
import { markdown } from './statistics.ts';

/** `one`: a single process on a database server. `host`: the embedded server with the agents of one contained host, which needs root. */
const shapes = ['bare', 'embedded', 'host', 'mariadb', 'postgres', 'one'] as const;
type Shape = (typeof shapes)[number];

const weft = join(import.meta.dirname, '../../src/main/weft.ts');
const clients = 8;
/** Within the quota. */
const networks = 90;
const lists = 2000;

/** Lives of a server with one state: the first makes what the others find. */
async function livesOf(shape: Shape, rounds: number): Promise<Life[]> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'weft-start-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'weft.conf');
  writeFileSync(file, await configOf(shape, stack), { mode: 0o600 });
  const lives: Life[] = [];
  for (let round = 0; round <= rounds; round++) {
    const port = await freePort();
    if (shape === 'bare') {
      lives.push(await live({ argv: [join(import.meta.dirname, 'start/bare.mjs'), String(port)], port }));
      continue;
    }
    const words = ['--state-dir', folder, '--listen', `127.0.0.1:${port}`, '--config-file', file];
    const argv = compiledArgv(weft, shape === 'host' ? ['up', '--hosts', '1', ...words] : ['server', ...words]);
    const load = round === rounds ? (url: string) => askMuch(url, folder) : undefined;
    lives.push(await live({ argv, port, settled: output => /^ready/m.test(output), ...(load ? { load } : {}) }));
  }
  return lives;
}

async function configOf(shape: Shape, stack: AsyncDisposableStack): Promise<string> {
  if (shape === 'bare' || shape === 'embedded' || shape === 'host') return '';
  const rabbit = stack.use(await Rabbit.start());
  const database = stack.use(await startDurable(shape === 'postgres' ? shape : 'mariadb'));
  const url = `rabbit://${rabbitUser}:${encodeURIComponent(rabbitPassword)}@127.0.0.1:${rabbit.port}/v0`;
  const workers = shape === 'one' ? 'api_workers = 0\n' : '';
  return `[DEFAULT]\n${workers}transport_url = ${url}\n[database]\nconnection = ${await database.database()}\n`;
}

async function askMuch(url: string, folder: string): Promise<void> {
  const password = passwordsInCloudsYaml(readFileSync(join(folder, 'clouds.yaml'), 'utf8'))?.admin ?? '';
  const token = await logIn(`${url}/identity/v3`, { name: 'admin', password, project: 'admin', domain: 'Default' });
  using api = new Api({ name: 'weft', url, token }, clients);
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  await api.each(numbers(networks), (i, client) => api.must(client, 201, 'POST', 'networks', { network: { name: `n${i}` } }));
  await api.each(numbers(lists), (_, client) => api.must(client, 200, 'GET', 'networks'));
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '3' }, shape: { type: 'string', multiple: true } } });
  const chosen = shapes.filter(shape => values.shape?.includes(shape) ?? true);
  spawnSync(process.execPath, [join(import.meta.dirname, '../../bin/compile.mjs')], { stdio: 'inherit' });
  const rows: string[][] = [['', 'first start ms', 'second ms', 'processor ms', 'idle MiB', 'its largest process', 'after a load']];
  for (const shape of chosen) {
    const [first, ...later] = await livesOf(shape, Number(values.rounds));
    const middle = (of: (life: Life) => number): string => median(later.map(of)).toFixed(0);
    const numbers = [middle(l => l.answerMs), middle(l => l.answerCpuMs), middle(l => l.idleMib), middle(l => l.largestMib)];
    const row = [shape, first!.answerMs.toFixed(0), ...numbers, later.at(-1)!.afterLoadMib.toFixed(0)];
    process.stderr.write(`${row.join('  ')}\n`);
    rows.push(row);
  }
  process.stdout.write(`${markdown(rows)}\n`);
}

await main();
