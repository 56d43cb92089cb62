// What is compared with what: each bare limit, and the same of Weft where there is such a thing.
import { mariadbKind } from '../../../src/contracts/store-suite/servers/mariadb.ts';
import { postgresKind } from '../../../src/contracts/store-suite/servers/postgres.ts';
import { missing } from '../../../src/contracts/store-suite/servers/server.ts';
import { noRabbit, Rabbit } from '../../interop/rabbit.ts';
import { startDurable } from '../bench/databases.ts';
import { type Server, startWeft, type WeftShape } from '../bench/servers.ts';
import { engineConfig } from '../bench/shapes.ts';
import { type Operation, type PhaseName, World, wholeList } from '../bench/world.ts';
import { openFanOut, openRoundTrips } from './amqp.ts';
import { bareMariadb, barePostgres, bareSqlite } from './bare-database.ts';
import { startBareHttp } from './http.ts';
import { noOvsdb, openOvsdb } from './ovsdb.ts';
import { type PortCreate, recordPortCreate } from './record.ts';

/** Something that clients ask for, and whose processor time it takes. */
export interface Asked {
  readonly server: Server;
  readonly clients: number;
  readonly operation: Operation;
}

export interface Measure {
  readonly name: string;
  readonly bare: Asked;
  readonly weft?: Asked;
  /** Share of the bare rate that is wanted of Weft's. */
  readonly wanted?: number;
}

export interface Measures {
  readonly all: readonly Measure[];
  /** What cannot be measured here, and how it could. */
  readonly lacking: readonly string[];
}

export interface MeasuresOptions {
  readonly clients: number;
  readonly ports: number;
  readonly queues: number;
  readonly nodeOptions: readonly string[];
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}

const wanted = { embedded: 0.6, engines: 0.5, list: 1 / 3 } as const;
const fanOutMs = 10_000;

export async function openMeasures(options: MeasuresOptions, stack: AsyncDisposableStack): Promise<Measures> {
  const { signal } = options;
  const lacking: string[] = [];
  const create = stack.use(await recordPortCreate(signal));
  const all = await embedded(create, options, stack);
  const rabbit = noRabbit === false ? stack.use(await Rabbit.start({ vhosts: engines.length + 1 })) : undefined;
  if (!rabbit) lacking.push(`AMQP and Weft on database servers: ${noRabbit}`);
  for (const [i, engine] of engines.entries()) {
    signal.throwIfAborted();
    const why = missing(engine.kind);
    if (why !== undefined) lacking.push(`${engine.name}: ${why}`);
    else if (rabbit) all.push(await onEngine(engine, { create, rabbit, virtualHost: `v${i}` }, options, stack));
  }
  if (rabbit) all.push(...(await broker(rabbit, `v${engines.length}`, options, stack)));
  signal.throwIfAborted();
  if (noOvsdb === undefined) {
    const ovsdb = stack.use(await openOvsdb());
    all.push({
      name: "OVSDB: a port more, as the agent's session adds it",
      bare: { server: own('ovsdb-server', []), clients: 1, operation: ovsdb.add },
    });
  } else lacking.push(`OVSDB: ${noOvsdb}`);
  return { all, lacking };
}

const engines = [
  { name: 'MariaDB', kind: mariadbKind, open: bareMariadb },
  { name: 'PostgreSQL', kind: postgresKind, open: barePostgres },
] as const;
type Engine = (typeof engines)[number];

const own = (name: string, processes: readonly number[]): Server => ({
  target: { name, url: '', token: '' },
  processes,
  beside: [],
  [Symbol.asyncDispose]: async () => {},
});

interface Weft {
  readonly world: World;
  readonly asked: (name: PhaseName) => Asked;
}

async function openWeft(shape: WeftShape, options: MeasuresOptions, stack: AsyncDisposableStack): Promise<Weft> {
  const { clients, ports, progress, signal } = options;
  const server = stack.use(await startWeft(shape, signal));
  const world = new World(server.target, { clients, ports, stock: 0, progress, signal });
  await world.prepare();
  const phases = world.phases();
  return { world, asked: name => ({ server, clients, operation: phases.find(phase => phase.name === name)!.run }) };
}

async function embedded(create: PortCreate, options: MeasuresOptions, stack: AsyncDisposableStack): Promise<Measure[]> {
  const { clients, ports, nodeOptions } = options;
  const { world, asked } = await openWeft({ name: 'embedded', config: '', beside: [], nodeOptions }, options, stack);
  const sqlite = stack.use(bareSqlite(create, clients));
  const { list, port } = await world.bodies();
  const http = stack.use(await startBareHttp({ '/list': list, '/show': port }));
  const sent = (path: string, items: number): Asked => ({ server: http, clients, operation: stack.use(http.ask(path, clients, items)) });
  return [
    {
      name: 'port create: SQLite',
      bare: { server: own('sqlite', [process.pid]), clients: sqlite.clients, operation: sqlite.commit },
      weft: asked('port create'),
      wanted: wanted.embedded,
    },
    { name: `list of ${ports} ports: Fastify, the same bytes`, bare: sent('/list', ports), weft: asked(wholeList), wanted: wanted.list },
    { name: 'port show: Fastify, the same bytes', bare: sent('/show', 1), weft: asked('port show') },
  ];
}

interface Ground {
  readonly create: PortCreate;
  readonly rabbit: Rabbit;
  readonly virtualHost: string;
}

/** Weft and the bare one have a database each at the same server. */
async function onEngine(
  { name, kind, open }: Engine,
  { create, rabbit, virtualHost }: Ground,
  options: MeasuresOptions,
  stack: AsyncDisposableStack,
): Promise<Measure> {
  const { clients, nodeOptions, signal } = options;
  const database = stack.use(await startDurable(kind.name));
  const processes = [database.pid!];
  const shape = async (url: string): Promise<WeftShape> => ({
    name,
    config: engineConfig(url, rabbit, virtualHost),
    beside: [...processes, rabbit.pid!],
    nodeOptions,
  });
  const url = await database.database();
  {
    // Which makes its tables there, and is gone.
    await using _maker = await startWeft(await shape(url), signal);
  }
  const bare = stack.use(await open(create, url, clients));
  const { asked } = await openWeft(await shape(await database.database()), options, stack);
  return {
    name: `port create: ${name}`,
    bare: { server: own(name, processes), clients, operation: bare.commit },
    weft: asked('port create'),
    wanted: wanted.engines,
  };
}

async function broker(
  rabbit: Rabbit,
  virtualHost: string,
  { clients, queues }: MeasuresOptions,
  stack: AsyncDisposableStack,
): Promise<Measure[]> {
  const amqp = rabbit.client({ virtualHost });
  const server = own('rabbitmq', [rabbit.pid!]);
  const trips = stack.use(await openRoundTrips(amqp));
  const fanOut = stack.use(await openFanOut(amqp, queues, fanOutMs));
  return [
    { name: 'AMQP: question and answer', bare: { server, clients, operation: trips.ask } },
    { name: `AMQP: one message to ${queues} queues, until the last has it`, bare: { server, clients: 1, operation: fanOut.tell } },
  ];
}
