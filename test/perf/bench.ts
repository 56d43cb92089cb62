// How fast the API answers: Weft in its shapes, and a real Neutron beside it, in one run on one machine, in turns. What counts is ratios: absolute numbers are those
// of the machine and of what else it does.
import { availableParallelism, cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { Rabbit, rabbitPassword, rabbitUser } from '../interop/rabbit.ts';
import { Api } from './bench/client.ts';
import { startDurable } from './bench/databases.ts';
import { closedLoop, median, medianOf, openLoop, type Result, type Serial, type Timing } from './bench/measure.ts';
import { type Peer, startPeer } from './bench/peer.ts';
import { pssMib } from './bench/processes.ts';
import { type Server, startWeft } from './bench/servers.ts';
import { type Phase, World } from './bench/world.ts';
import { markdown, ms } from './statistics.ts';

const usage = `usage: npm run bench -- [--seconds 10] [--clients 8] [--rounds 3] [--shape NAME …] [--only TEXT …] [--node-option OPTION …]
  --shape NAME     embedded, mariadb or postgres; all of them where none is named. The last two stand on RabbitMQ and the real server's Keystone
  --no-peer        Weft alone; where its script is not beside the project there is no real server in any case
  --only TEXT      the phases that have this in their name; may be repeated
  --node-option    for the processes of Weft's servers: --cpu-prof`;

const shapes = ['embedded', 'mariadb', 'postgres'] as const;
type Shape = (typeof shapes)[number];

/** How many times as fast as the real server each phase has to be: embedded, and on a database server. */
const wanted: Readonly<Record<string, readonly [embedded: number, engines: number]>> = {
  'network create': [200, 80],
  'subnet create': [100, 40],
  'port create': [350, 100],
  '50 ports in one POST': [1000, 250],
  'port show': [80, 40],
  'list of 1000 ports': [90, 80],
  'list of a network': [60, 50],
  'list with fields=id': [60, 50],
  'pages of 500': [60, 50],
  'port update': [300, 100],
  'rule create': [120, 40],
  'router with interface': [400, 120],
  'floating IP with port': [300, 100],
};

interface Options extends Timing {
  readonly rounds: number;
  readonly ports: number;
  readonly burst: number;
  readonly only: readonly string[];
}

/** A server with everything that is measured at it. */
class Place {
  readonly name: string;
  readonly server: Server;
  readonly world: World;
  readonly results = new Map<string, Result[]>();
  readonly idleMib: number;
  private readonly serials = new Map<string, Serial>();

  constructor(server: Server, world: World) {
    this.name = server.target.name;
    this.server = server;
    this.world = world;
    this.idleMib = pssMib(server.processes);
  }

  async measure(phase: Phase, options: Options): Promise<void> {
    progress(`${this.name}: ${phase.name}`);
    this.note(phase.name, await closedLoop(this.server, phase.run, this.serialOf(phase.name), options));
  }

  note(name: string, result: Result): void {
    this.results.set(name, [...(this.results.get(name) ?? []), result]);
  }

  serialOf(name: string): Serial {
    const serial = this.serials.get(name) ?? { next: 0 };
    this.serials.set(name, serial);
    return serial;
  }
}

const progress = (line: string): void => void process.stderr.write(`${line}\n`);

async function openPlaces(
  chosen: readonly Shape[],
  withPeer: boolean,
  nodeOptions: readonly string[],
  stack: AsyncDisposableStack,
): Promise<Server[]> {
  const peer = withPeer ? await startPeer(progress) : undefined;
  if (peer) stack.use(peer);
  else progress('no real server beside this one');
  const servers: Server[] = peer ? [peer] : [];
  for (const shape of chosen) servers.push(stack.use(await open(shape, peer, nodeOptions, stack)));
  return servers;
}

async function open(shape: Shape, peer: Peer | undefined, nodeOptions: readonly string[], stack: AsyncDisposableStack): Promise<Server> {
  if (shape === 'embedded') return startWeft({ name: shape, config: '', beside: [], nodeOptions });
  const rabbit = stack.use(await Rabbit.start());
  const database = await databaseOf(shape, peer, stack);
  const config = [
    '[DEFAULT]',
    `transport_url = rabbit://${rabbitUser}:${encodeURIComponent(rabbitPassword)}@127.0.0.1:${rabbit.port}/v0`,
    `[database]\nconnection = ${database.url}`,
    ...(peer ? [`[DEFAULT]\nauth_strategy = keystone`, peer.shared.identity] : []),
  ];
  return startWeft({
    name: shape,
    config: `${config.join('\n')}\n`,
    beside: [...database.processes, rabbit.pid!],
    nodeOptions,
    ...(peer ? { account: peer.account } : {}),
  });
}

interface Database {
  readonly url: string;
  readonly processes: readonly number[];
}

/** MariaDB is the real server's own, with its settings, where there is one. */
async function databaseOf(shape: 'mariadb' | 'postgres', peer: Peer | undefined, stack: AsyncDisposableStack): Promise<Database> {
  if (shape === 'mariadb' && peer) return { url: peer.shared.database, processes: peer.database };
  const server = stack.use(await startDurable(shape));
  return { url: await server.database(), processes: [server.pid!] };
}

async function measure(places: readonly Place[], options: Options): Promise<void> {
  for (let round = 0; round < options.rounds; round++) {
    const lists = new Map(places.map(place => [place, place.world.phases()]));
    const names = lists.get(places[0]!)!.map(({ name }) => name);
    for (const [at, name] of names.entries()) {
      if (options.only.length > 0 && !options.only.some(part => name.includes(part))) continue;
      // Nobody is always the first after a pause.
      for (let i = 0; i < places.length; i++) {
        const place = places[(i + round + at) % places.length]!;
        await place.measure(lists.get(place)![at]!, options);
      }
    }
  }
}

/** How long questions wait at half the rate that was reached. */
async function atHalf(places: readonly Place[], options: Options): Promise<void> {
  for (const place of places) {
    const reached = place.results.get(created);
    if (!reached) continue;
    const rate = medianOf(reached).operations / 2;
    progress(`${place.name}: ${created} at ${rate.toFixed(1)} a second`);
    const create = (i: number, client: number) => place.world.createPort(i, client);
    for (let round = 0; round < options.rounds; round++)
      place.note(openName, await openLoop(place.server, create, place.serialOf(created), options, rate));
  }
}

const created = 'port create';
const openName = 'port create, open loop at half the rate';

interface Burst {
  readonly seconds: number;
  readonly made: number;
}

async function bursts(places: readonly Place[], options: Options): Promise<Map<Place, Burst>> {
  const out = new Map<Place, Burst>();
  for (const place of places) {
    progress(`${place.name}: ${options.burst} ports at once`);
    using api = new Api(place.server.target, options.burst);
    const rounds: Burst[] = [];
    for (let round = 0; round < (place.name === 'peer' ? 1 : options.rounds); round++) {
      const { ms: took, made } = await place.world.burst(api, options.burst);
      rounds.push({ seconds: took / 1000, made });
    }
    out.set(place, { seconds: median(rounds.map(r => r.seconds)), made: Math.min(...rounds.map(r => r.made)) });
  }
  return out;
}

const digits = (value: number): string => (Number.isNaN(value) ? '' : value.toFixed(value < 10 ? 2 : 0));

function figures(places: readonly Place[]): string {
  const rows: string[][] = [];
  const [first] = places;
  for (const name of first?.results.keys() ?? []) {
    for (const place of places) {
      const results = place.results.get(name);
      if (!results) continue;
      const r = medianOf(results);
      const cells = [digits(r.operations), digits(r.items), ms(r.p50), ms(r.p95), ms(r.p99), r.cpuMs.toFixed(2), r.besideCpuMs.toFixed(2)];
      rows.push([`${name}: ${place.name}`, ...cells, String(r.errors)]);
    }
  }
  return markdown([['', '/s', 'objects/s', 'p50 ms', 'p95 ms', 'p99 ms', 'CPU ms', 'CPU ms beside', 'errors'], ...rows]);
}

/** Of the rates, round by round. */
function ratioOf(place: Place, peer: Place, name: string): number {
  const [own, others] = [place.results.get(name) ?? [], peer.results.get(name) ?? []];
  const each = own.map((r, i) => r.items / (others[i]?.items ?? Number.NaN));
  return each.length === 0 ? Number.NaN : median(each);
}

interface Verdict {
  readonly table: string;
  readonly short: number;
}

function ratios(places: readonly Place[], peer: Place): Verdict {
  const others = places.filter(place => place !== peer);
  let short = 0;
  const rows = Object.entries(wanted).flatMap(([name, [embedded, engines]]) => {
    if (!peer.results.has(name)) return [];
    const cells = others.flatMap(place => {
      const want = place.name === 'embedded' ? embedded : engines;
      const ratio = ratioOf(place, peer, name);
      if (!(ratio >= want)) short++;
      return [`${digits(ratio)}${ratio >= want ? '' : ' (short)'}`, String(want)];
    });
    return [[name, digits(medianOf(peer.results.get(name)!).items), ...cells]];
  });
  const head = ['', 'peer, objects/s', ...others.flatMap(({ name }) => [`${name}, times`, 'wanted'])];
  return { table: markdown([head, ...rows]), short };
}

function others(places: readonly Place[], burst: ReadonlyMap<Place, Burst>, options: Options): string {
  const rows = places.map(place => {
    const { seconds, made } = burst.get(place) ?? { seconds: Number.NaN, made: 0 };
    return [place.name, place.idleMib.toFixed(0), digits(seconds), String(made)];
  });
  return markdown([['', 'idle, MiB (PSS)', `${options.burst} ports at once, s`, 'made'], ...rows]);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '10' },
      clients: { type: 'string', default: '8' },
      rounds: { type: 'string', default: '3' },
      ports: { type: 'string', default: '1000' },
      burst: { type: 'string', default: '250' },
      shape: { type: 'string', multiple: true, default: [] },
      'no-peer': { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      'node-option': { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  const chosen = values.shape.length === 0 ? shapes : shapes.filter(shape => values.shape.includes(shape));
  if (values.help || values.shape.some(shape => !(shapes as readonly string[]).includes(shape))) {
    process.stdout.write(`${usage}\n`);
    return values.help ? 0 : 2;
  }
  const measuredMs = Number(values.seconds) * 1000;
  const options: Options = {
    warmUpMs: Math.min(2000, measuredMs),
    measuredMs,
    clients: Number(values.clients),
    rounds: Number(values.rounds),
    ports: Number(values.ports),
    burst: Number(values.burst),
    only: values.only,
  };
  await using stack = new AsyncDisposableStack();
  const servers = await openPlaces(chosen, !values['no-peer'], values['node-option'], stack);
  const places = servers.map(server => new Place(server, new World(server.target, { ...options, progress })));
  await Promise.all(places.map(place => place.world.prepare()));
  await measure(places, options);
  await atHalf(places, options);
  const burst = options.burst > 0 ? await bursts(places, options) : new Map<Place, Burst>();
  const [load1 = 0] = loadavg();
  process.stdout.write(
    `${cpus()[0]?.model}, ${availableParallelism()} cores, load ${load1.toFixed(1)}; Node ${process.version}; ${options.clients} clients; ` +
      `${options.rounds} rounds in turns, ${options.warmUpMs / 1000} s of warm-up, ${values.seconds} s measured\n\n${figures(places)}\n\n${others(places, burst, options)}\n`,
  );
  const peer = places.find(({ name }) => name === 'peer');
  const verdict = peer && ratios(places, peer);
  if (verdict) process.stdout.write(`\n${verdict.table}\n`);
  const errors = places.flatMap(({ results }) => [...results.values()].flat()).reduce((sum, r) => sum + r.errors, 0);
  if (errors > 0) process.stdout.write(`\n${errors} errors\n`);
  return errors > 0 || (verdict?.short ?? 0) > 0 ? 1 : 0;
}

process.exitCode = await main();
