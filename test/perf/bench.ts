// How fast the API answers, beside another server of the Networking API where one is given, in one run. Writes nothing; what it prints
// belongs into docs/benchmarks.md. Ratios are what counts: absolute numbers are those of the machine and of what else it does.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { passwordsInCloudsYaml } from '../../src/adapters/identity-builtin/clouds-yaml.ts';
import { freePort } from '../../src/contracts/free-port.ts';
import { logIn, type Target } from './bench-client.ts';
import { clearLoad, type LoadOptions, type Result, runLoad } from './bench-load.ts';
import { markdown, ms } from './statistics.ts';

const usage = `usage: npm run bench -- [--seconds 10] [--clients 8] [--only TEXT …] [--peer URL --peer-auth URL] [--node-option OPTION …]
  --peer URL       a Neutron to compare with, without /v2.0; its user is that of $OS_USERNAME, $OS_PASSWORD, $OS_PROJECT_NAME
  --peer-auth URL  its Keystone, with /v3
  --clear PROJECT  only takes away what a run that was cut off has left at the peer
  --only TEXT      the phases that have this in their name; may be repeated
  --node-option    for the server's process: --cpu-prof`;

/** How many times as fast as the peer each phase has to be. */
const wanted: Readonly<Record<string, number>> = {
  'port create': 100,
  '50 ports in one POST': 200,
  'port show': 30,
  'list of 1000 ports': 30,
  'router with interface': 100,
};

interface Server extends AsyncDisposable {
  readonly target: Target;
}

/** A server as `weft server` starts it, with its store in a temporary folder. */
async function startWeft(nodeOptions: readonly string[]): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const program = join(import.meta.dirname, '../../src/main/weft.ts');
  const argv = [
    '--disable-warning=ExperimentalWarning',
    ...nodeOptions,
    program,
    'server',
    '--state-dir',
    folder,
    '--listen',
    `127.0.0.1:${port}`,
  ];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  await ready(child);
  const password = passwordsInCloudsYaml(readFileSync(join(folder, 'clouds.yaml'), 'utf8'))?.admin ?? '';
  const token = await logIn(`${url}/identity/v3`, { name: 'admin', password, project: 'admin', domain: 'Default' });
  return {
    target: { name: 'weft', url, token },
    async [Symbol.asyncDispose]() {
      const ended = new Promise(resolve => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function ready(child: ChildProcess): Promise<void> {
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  for (let waited = 0; !/^ready/m.test(output); waited += 50) {
    if (child.exitCode !== null || waited > 60_000) throw new Error(`the server did not start: ${output}`);
    await sleep(50);
  }
}

async function peerTarget(url: string, auth: string): Promise<Target> {
  const { OS_USERNAME: name = '', OS_PASSWORD: password = '', OS_PROJECT_NAME: project = '', OS_PROJECT_DOMAIN_NAME: domain } = process.env;
  return { name: 'peer', url: url.replace(/\/$/, ''), token: await logIn(auth, { name, password, project, domain: domain ?? 'Default' }) };
}

const numbers = (r: Result | undefined): string[] =>
  r ? [r.perSecond.toFixed(r.perSecond < 10 ? 2 : 0), ms(r.p50), ms(r.p95), ms(r.p99)] : ['', '', '', ''];

function table(weft: readonly Result[], peer: readonly Result[]): string {
  const head = ['phase', 'weft /s', 'p50 ms', 'p95 ms', 'p99 ms'];
  if (peer.length === 0) return markdown([head, ...weft.map(r => [r.phase, ...numbers(r)])]);
  const rows = weft.map(r => {
    const other = peer.find(p => p.phase === r.phase);
    return [r.phase, ...numbers(r), ...numbers(other), ratioOf(r, peer).toFixed(0), String(wanted[r.phase] ?? '')];
  });
  return markdown([[...head, 'peer /s', 'p50 ms', 'p95 ms', 'p99 ms', 'ratio', 'wanted'], ...rows]);
}

const ratioOf = (r: Result, peer: readonly Result[]): number =>
  r.perSecond / (peer.find(p => p.phase === r.phase)?.perSecond ?? Number.NaN);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '10' },
      clients: { type: 'string', default: '8' },
      peer: { type: 'string' },
      'peer-auth': { type: 'string' },
      clear: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      'node-option': { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || (values.peer === undefined) !== (values['peer-auth'] === undefined)) {
    process.stdout.write(`${usage}\n`);
    return values.help ? 0 : 2;
  }
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  const measuredMs = Number(values.seconds) * 1000;
  const common = {
    warmUpMs: Math.min(2000, measuredMs),
    measuredMs,
    clients: Number(values.clients),
    ports: 1000,
    only: values.only,
    progress,
  };
  const load = async (target: Target, spare: number): Promise<Result[]> => runLoad(target, { ...common, spare } satisfies LoadOptions);
  const other = values.peer && values['peer-auth'] ? await peerTarget(values.peer, values['peer-auth']) : undefined;
  if (other && values.clear !== undefined) {
    await clearLoad(other, { ...common, spare: 0 }, values.clear);
    return 0;
  }
  const peer = other ? await load(other, 60) : [];
  await using server = await startWeft(values['node-option']);
  const weft = await load(server.target, Math.ceil(400 * (Number(values.seconds) + 2)));
  const [load1 = 0] = loadavg();
  process.stdout.write(
    `${cpus()[0]?.model}, ${availableParallelism()} cores, load ${load1.toFixed(1)}; Node ${process.version}; SQLite WAL, synchronous=FULL; ` +
      `${values.clients} clients; ${common.warmUpMs / 1000} s of warm-up, ${values.seconds} s measured\n\n${table(weft, peer)}\n`,
  );
  return verdict(weft, peer);
}

function verdict(weft: readonly Result[], peer: readonly Result[]): number {
  const errors = [...weft, ...peer].filter(r => r.errors > 0);
  for (const r of errors) process.stdout.write(`\n${r.phase}: ${r.errors} errors`);
  const slow = peer.length > 0 ? weft.filter(r => !(ratioOf(r, peer) >= (wanted[r.phase] ?? 0))) : [];
  process.stdout.write(slow.length > 0 ? `\nslower than wanted: ${slow.map(r => r.phase).join(', ')}\n` : '');
  return errors.length + slow.length > 0 ? 1 : 0;
}

process.exitCode = await main();
