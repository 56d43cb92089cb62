// A server of several processes: this one holds the listening socket and the bus of the agents on this machine, and keeps workers running
// that accept from the one and serve the other. It answers no request itself, so there is little that could end it.
import { randomUUID } from 'node:crypto';
import { systemClock } from '../../adapters/clock/system-clock.ts';
import type { StateFolder } from '../../cli/state.ts';
import type { Log } from '../../contracts/log.ts';
import type { Sample } from '../../contracts/metrics.ts';
import type { ServerConfig } from '../../server/context.ts';
import type { KeystoneAccount } from '../keystone.ts';
import type { ApiServer } from '../server.ts';
import { isShared } from '../store.ts';
import { type Child, type Supervised, type SupervisedState, supervise } from '../supervise/supervisor.ts';
import type { WorkerCounts } from './counts.ts';
import { Remembered, serveMetrics } from './metrics.ts';
import { type Changeable, type Role, roles, type ToWorker, type WorkerSettings } from './protocol.ts';
import { bindSocket } from './socket.ts';
import { startWorker, type WorkerProcess } from './worker-process.ts';

export interface GroupOptions {
  readonly folder: StateFolder;
  /** Where it listens; port 0: any free one. Undefined: it has no API. */
  readonly at: { readonly host: string; readonly port: number } | undefined;
  readonly counts: WorkerCounts;
  readonly config: ServerConfig;
  readonly changeable: Changeable;
  readonly keystone: KeystoneAccount | undefined;
  readonly log: Log;
  /** Called before the workers start, with the URL of the API: makes what they look for in the state directory. */
  readonly prepare: (url: string) => Promise<void>;
}

export interface ServerGroup extends ApiServer {
  readonly workers: readonly SupervisedState[];
}

/** Workers that do not end when they are told to are given this much more than their requests. */
const overdueMs = 2_000;

interface Group {
  readonly options: GroupOptions;
  readonly url: string;
  readonly socket: unknown;
  /** All that live, also those that leave while their successor works. */
  readonly living: Map<WorkerProcess, Role>;
  /** Whose connection to the broker is there, and whose is not. */
  readonly buses: Map<string, boolean>;
  readonly counted: Remembered<WorkerProcess>;
  /** By name: those that load their program while it is not yet known what they are to do. */
  readonly waiting: Map<string, WorkerProcess>;
  changeable: Changeable;
}

/** Undefined: there is no broker. */
const busUp = ({ buses }: Group): boolean | undefined => (buses.size === 0 ? undefined : [...buses.values()].some(up => up));

export async function startGroup(options: GroupOptions): Promise<ServerGroup> {
  const { folder, at, config, log } = options;
  await using stack = new AsyncDisposableStack();
  const socket = at && stack.use(await bindSocket(at.host, at.port));
  const url = socket ? `${config.tls.enabled ? 'https' : 'http'}://${socket.place}` : '';
  const group: Group = {
    options,
    url,
    socket: socket?.handle,
    living: new Map(),
    buses: new Map(),
    counted: new Remembered(),
    waiting: new Map(),
    changeable: options.changeable,
  };
  stack.defer(() => {
    for (const worker of group.waiting.values()) worker.kill();
  });
  // The first ones load their program while this one goes on with its own.
  const role = roles.find(each => options.counts[each] > 0) ?? 'api';
  for (const name of namesOf(role, options.counts)) group.waiting.set(name, newWorker(group, role, name));
  const [{ UnixHub }, { openPolicy }] = await Promise.all([import('../../adapters/bus-unix/unix-hub.ts'), import('../policy.ts')]);
  const hub = stack.use(await UnixHub.listen(folder.busSocket, { clock: systemClock, log: log.child({ name: 'bus' }) }));
  const live = stack.use(await openPolicy(config.policy, folder.path, log));
  if (socket) await options.prepare(url);
  const running = stack.adopt(await startAll(group), all => stopAll(group, all));
  // Who comes now is refused at once, and not when the last request is answered.
  if (socket) stack.defer(() => socket[Symbol.dispose]());
  if (config.metricsListen) stack.use(await serveMetrics(config.metricsListen, () => samplesOf(group, running)));
  const owned = stack.move();
  return {
    ...{ url, bus: hub.bus },
    get policy() {
      return live.current;
    },
    get workers() {
      return running.map(one => one.state);
    },
    async reload(changed) {
      group.changeable = changed;
      const told = await Promise.all([live.reload(), ...[...group.living.keys()].map(worker => reloaded(worker, changed))]);
      return [...new Set(told.flat())];
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Who does not answer in time is not waited for. */
const answerMs = 4_000;

/** Undefined: not in time. */
const inTime = <T>(answer: Promise<T>): Promise<T | undefined> =>
  Promise.race([answer, new Promise<undefined>(resolve => void setTimeout(() => resolve(undefined), answerMs).unref())]);

async function samplesOf({ options, living, counted }: Group, running: readonly Supervised[]): Promise<(readonly Sample[])[]> {
  const roleOf = ({ state }: Supervised): string => state.name.replace(/^worker (\w+)-.*/, '$1');
  const workers = running.flatMap((one): Sample[] => [
    { name: 'weft_workers', labels: { role: roleOf(one) }, value: one.state.state === 'running' ? 1 : 0 },
    { name: 'weft_worker_restarts_total', labels: { role: roleOf(one) }, value: one.state.restarts },
  ]);
  // One of them looks at the database for all.
  const watching = roles.find(role => options.counts[role] > 0);
  const [first] = [...living].find(([worker, role]) => role === watching && worker.isReady) ?? [];
  const asked = [...living.keys()].map(async worker => {
    const answer = worker.ask('metrics', worker === first).then(samples => {
      counted.keep(worker, samples);
      return samples;
    });
    return { worker, samples: await inTime(answer.catch(() => undefined)) };
  });
  const answers = await Promise.all(asked);
  // What was counted before is counted still, whether its process is gone or late.
  const all = answers.map(({ worker, samples }) => samples ?? (living.has(worker) ? counted.of(worker) : []));
  return [workers, counted.others(living), ...all];
}

/** Who ends meanwhile has nothing to read again, and its successor reads it as it is. Who hangs is told, and keeps nobody waiting. */
async function reloaded(worker: WorkerProcess, changed: Changeable): Promise<readonly string[]> {
  const answer = worker.ready.then(() => worker.ask('reload', changed)).catch(() => []);
  const told = await inTime(answer);
  if (told || !worker.isReady) return told ?? [];
  return [`process ${worker.pid} does not answer: it reads its files again when it can`];
}

const namesOf = (role: Role, counts: WorkerCounts): string[] => Array.from({ length: counts[role] }, (_, i) => `${role}-${i + 1}`);

/** Rejects when one cannot start, with why: later it would be tried again and again. */
async function startAll(group: Group): Promise<Supervised[]> {
  const { counts, log } = group.options;
  // A database that is new is made by the first of them.
  const holder = isShared(group.options.config.database) ? randomUUID() : 'all-in-one';
  const running: Supervised[] = [];
  try {
    for (const role of roles) {
      const some = namesOf(role, counts).map(name => {
        const first = Promise.withResolvers<void>();
        const start = (): Promise<Child> => startOne(group, role, { name, holder: `${holder}:${name}` }, first);
        running.push(supervise({ name: `worker ${name}`, start, clock: systemClock, log, random: Math.random }));
        return first.promise;
      });
      await Promise.all(some);
    }
    return running;
  } catch (error) {
    await stopAll(group, running);
    throw error;
  }
}

function tellAll({ living }: Group, whom: Role, message: ToWorker): void {
  for (const [other, its] of living) if (its === whom) other.tell(message);
}

/** What the worker of that name says of its connection to the broker. */
function busIs(group: Group, name: string, up: boolean): void {
  group.buses.set(name, up);
  tellAll(group, 'api', { say: 'bus', up: busUp(group) ?? false });
}

function newWorker(group: Group, role: Role, name: string): WorkerProcess {
  const { folder, config } = group.options;
  const outbox = (): void => tellAll(group, 'rpc', { say: 'outbox' });
  const place = { logs: folder.logs, name, isLoud: config.log.stderr };
  return startWorker(place, role === 'api' ? group.socket : undefined, { outbox, bus: up => busIs(group, name, up) });
}

async function startOne(
  group: Group,
  role: Role,
  own: Pick<WorkerSettings, 'name' | 'holder'>,
  first: PromiseWithResolvers<void>,
): Promise<Child> {
  const { options, url, living, waiting } = group;
  const { folder, config, keystone } = options;
  const place = { stateDir: folder.path, busSocket: folder.busSocket, logs: folder.logs };
  const worker = waiting.get(own.name) ?? newWorker(group, role, own.name);
  waiting.delete(own.name);
  const settings = { ...own, ...place, role, config, keystone, url, changeable: group.changeable, busUp: busUp(group) };
  worker.tell({ say: 'start', settings });
  living.set(worker, role);
  void worker.gone.then(() => {
    living.delete(worker);
    if (group.buses.has(own.name)) busIs(group, own.name, false);
  });
  worker.ready.then(first.resolve, first.reject);
  await worker.ready;
  // The place of a worker that accepts no more is taken at once. What serves the bus has things of its own until its end.
  return { pid: worker.pid, ended: role === 'api' ? worker.leaving : worker.gone, stop: () => stopped(group, worker) };
}

async function stopped(group: Group, worker: WorkerProcess): Promise<void> {
  const { gracefulShutdownTimeout } = group.options.config.service;
  worker.tell({ say: 'stop' });
  // Nobody asks anything of one that is still to begin.
  const timeMs = worker.isReady ? gracefulShutdownTimeout * 1000 : 1;
  const timer = timeMs > 0 ? setTimeout(() => worker.kill(), timeMs + overdueMs) : undefined;
  await worker.gone;
  clearTimeout(timer);
}

/** Those that accept first: what they write is told to the agents, and agents are answered until then. */
async function stopAll(group: Group, running: readonly Supervised[]): Promise<void> {
  const ofRole = (role: Role): readonly Supervised[] => running.filter(one => one.state.name.startsWith(`worker ${role}-`));
  const leaving = (role: Role): Promise<void>[] =>
    [...group.living].filter(([, its]) => its === role).map(([worker]) => stopped(group, worker));
  for (const role of roles) await Promise.all([...ofRole(role).map(one => one[Symbol.asyncDispose]()), ...leaving(role)]);
}
