// `/metrics` at an address of its own, for Prometheus: what all processes of the server say, together.
import type { AddressInfo } from 'node:net';
import { createHistogram } from 'node:perf_hooks';
import { exposition, Registry, together } from '../../adapters/metrics/registry.ts';
import type { Metric, Sample } from '../../contracts/metrics.ts';
import type { ServerConfig, Services } from '../../server/context.ts';
import { cloudSamples } from '../../server/metrics/cloud.ts';
import { exporterMetrics, ownMetrics } from '../../server/metrics/names.ts';
import type { BusWatch } from './health.ts';

const { createServer } = process.getBuiltinModule('node:http');

const known = [...ownMetrics, ...exporterMetrics];

/** Without somebody who asks, nothing is counted. */
export const newRegistry = ({ metricsListen }: ServerConfig): Registry | undefined => (metricsListen ? new Registry(known) : undefined);

/** Scrapes of several Prometheus are one look at the database. */
const cloudMs = 5_000;

/** What one process says, until the stack ends; with `cloud`, also what the database does: one process is asked for that. */
export function processMetrics(
  services: Services,
  bus: BusWatch,
  stack: AsyncDisposableStack,
): (cloud: boolean) => Promise<readonly Sample[]> {
  const { metrics, store, clock, log } = services;
  const lag = metrics ? eventLoopLag(stack) : undefined;
  let last: { readonly at: number; readonly samples: Promise<readonly Sample[]> } | undefined;
  const look = (): Promise<readonly Sample[]> =>
    cloudSamples(services).catch((error: unknown) => {
      log.warning('metrics: the database could not be asked', { error });
      return [{ name: 'openstack_neutron_up', labels: {}, value: 0 }];
    });
  return async withCloud => {
    const own = metrics instanceof Registry ? metrics.samples() : [];
    const plain = (name: string, value: number): Sample => ({ name, labels: {}, value });
    const { user, system } = process.cpuUsage();
    own.push(plain('weft_store_statements_total', store.statements));
    for (const [what, value] of Object.entries(store.pool ?? {})) own.push(plain(`weft_store_pool_${what}`, value));
    own.push(plain('process_resident_memory_bytes', process.memoryUsage.rss()), plain('process_cpu_seconds_total', (user + system) / 1e6));
    own.push(plain('nodejs_heap_size_used_bytes', process.memoryUsage().heapUsed));
    if (lag) own.push(...lag());
    if (bus.up !== undefined) own.push(plain('weft_bus_connected', bus.up ? 1 : 0));
    if (!withCloud) return own;
    if (!last || Math.abs(clock.now() - last.at) > cloudMs) last = { at: clock.now(), samples: look() };
    return [...own, ...(await last.samples)];
  };
}

/** How often the event loop is looked at, in ms: each look is late by what it waited for. */
const lookEveryMs = 10;

/** What there was since it was asked last. Not by monitorEventLoopDelay: its reset forgets the last look, and with it whatever it waits for just then. */
function eventLoopLag(stack: AsyncDisposableStack): () => Sample[] {
  const late = createHistogram();
  let lastMs = performance.now();
  const look = (): void => {
    const nowMs = performance.now();
    late.record(Math.max(1, Math.round((nowMs - lastMs - lookEveryMs) * 1e6)));
    lastMs = nowMs;
  };
  const looks = setInterval(look, lookEveryMs).unref();
  stack.defer(() => clearInterval(looks));
  return () => {
    // A process that was held up may be asked before it has looked.
    if (performance.now() - lastMs > lookEveryMs) look();
    const samples = (['p99', 'max'] as const).map(what => {
      const value = (what === 'max' ? late.max : late.percentile(99)) / 1e9;
      return { name: `nodejs_eventloop_lag_${what}_seconds`, labels: {}, value };
    });
    late.reset();
    return samples;
  };
}

/** Counters of processes that are gone go on counting: a sum that falls would look as if everything had begun anew. */
export class Remembered<Process> {
  private readonly last = new Map<Process, readonly Sample[]>();
  private gone: readonly Sample[] = [];

  keep(process: Process, samples: readonly Sample[]): void {
    this.last.set(
      process,
      samples.filter(({ name }) => known.find(metric => metric.name === name)?.type !== 'gauge'),
    );
  }

  /** What one has counted when it was heard last. */
  of(process: Process): readonly Sample[] {
    return this.last.get(process) ?? [];
  }

  /** Of those that are not among the living. */
  others(living: ReadonlyMap<Process, unknown>): readonly Sample[] {
    for (const [process, samples] of this.last) {
      if (living.has(process)) continue;
      this.last.delete(process);
      // Whether an agent lives is no count, whatever it is called.
      this.gone = together(known, [this.gone, samples.filter(({ name }) => !name.startsWith('openstack_'))]);
    }
    return this.gone;
  }
}

const urlOf = ({ host, port }: NonNullable<ServerConfig['metricsListen']>, bound: string | AddressInfo | null): string =>
  `http://${host.includes(':') ? `[${host}]` : host}:${typeof bound === 'object' && bound ? bound.port : port}/metrics`;

export interface MetricsServer extends AsyncDisposable {
  readonly url: string;
}

/** Whoever can connect may read: that is for the address to say. */
export async function serveMetrics(
  where: NonNullable<ServerConfig['metricsListen']> | { readonly path: string },
  collect: () => Promise<readonly (readonly Sample[])[]>,
  { metrics = known, option = 'metrics_listen' }: { readonly metrics?: readonly Metric[]; readonly option?: string } = {},
): Promise<MetricsServer> {
  const server = createServer((request, reply) => {
    const isAsked = request.method === 'GET' && (request.url ?? '').split('?')[0] === '/metrics';
    if (!isAsked) return void reply.writeHead(404).end();
    collect().then(
      all =>
        reply
          .writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
          .end(exposition(metrics, together(metrics, all))),
      () => reply.writeHead(503).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    // By that name, since the API has an address, too.
    server.once('error', error => reject(new Error(`${option}: ${error.message}`, { cause: error })));
    server.listen(where, resolve);
  });
  return {
    url: 'path' in where ? `unix:${where.path}` : urlOf(where, server.address()),
    async [Symbol.asyncDispose]() {
      const closed = new Promise(resolve => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
