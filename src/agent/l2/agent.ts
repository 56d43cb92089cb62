// What every L2 agent is around its switch: hears of devices, ports and groups, reports itself, and keeps one loop of passes going.
import type { Endpoint } from '../../contracts/bus.ts';
import type { Sample } from '../../contracts/metrics.ts';
import { Backoff } from '../../engine/backoff.ts';
import { DirtyQueue } from '../../engine/dirty-queue.ts';
import type { AgentContext, AgentPart } from '../context.ts';
import { type Reporter, startReporter } from '../report.ts';
import { type Intake, serveTopics } from './intake.ts';
import { NotInTouch, Pass, type Switch } from './pass.ts';
import { DeviceReports } from './report-devices.ts';
import { resourceVersions } from './resource-versions.ts';
import { type ObjectPart, Resources, serveObjects } from './resources.ts';
import { Server } from './server.ts';
import { portSamples, type Statistics } from './statistics.ts';
import { View } from './view.ts';
import type { NameOf } from './wire.ts';

/** The safety net: devices are heard of by events, and what others change on the host is found again by this. */
const POLL_MS = 30_000;
const STOP_MS = 2_000;
/** So long ports that are being wired may take to be told of again. */
const DOUBT_MS = 600_000;

/** What the switch of an agent is made with. */
export interface L2Core {
  readonly ctx: AgentContext;
  readonly view: View;
  readonly server: Server;
  readonly reports: DeviceReports;
  /** Versioned objects of the server. */
  readonly resources: Resources;
  /** Something is to be done; `reread` compares with the host instead of with what it was left with. */
  mark(reread?: boolean): void;
  /** Whether the agent can do its work is not what it was: the server is told now, or no more. */
  report(): void;
  /** A device is there: it is asked about while the host is looked at. */
  appeared(device: string): void;
}

export interface L2Spec<Seen> {
  /** The agent's part, its record, and how it names itself in calls. */
  readonly name: string;
  readonly agentType: string;
  readonly binary: string;
  readonly agentId: string;
  readonly nameOf: NameOf;
  readonly population: Intake['population'];
  configurations(view: View): object;
  /** Why the agent cannot do its work, so that the server is to think it dead. */
  silent?(): string | undefined;
  /** Nothing acts yet: the switch, its events once the agent listens, and topics of its own. */
  make(core: L2Core): {
    readonly switch: Switch<Seen>;
    watch(): AsyncDisposable;
    /** What ports sent and received. Asked for when somebody wants to know, and never else. */
    statistics(): Promise<Statistics>;
    /** Further numbers. */
    samples?(): readonly Sample[];
    readonly topics?: Readonly<Record<string, Endpoint['methods']>>;
    /** What it knows of versioned objects. */
    readonly objects?: readonly ObjectPart[];
    /** The bus was away: what was sent meanwhile is lost. */
    onUp?(): void;
  };
}

export async function startL2Agent<Seen>(ctx: AgentContext, spec: L2Spec<Seen>): Promise<AgentPart> {
  const stop = new AbortController();
  const view = new View(spec.nameOf);
  const queue = new DirtyQueue(ctx.clock);
  const server = new Server(ctx.bus, ctx.config.host, spec.agentId, spec.nameOf);
  const reports = new DeviceReports(view, server);
  let touched = false;
  let reporter: Reporter | undefined;
  const host = spec.make({
    ctx,
    view,
    server,
    reports,
    resources: new Resources(ctx.bus),
    mark: reread => queue.mark(reread ? 'again' : 'host'),
    report: () => reporter?.reportNow(),
    appeared: device => void view.appeared(device),
  });
  const objects = host.objects ?? [];
  const pass = new Pass({ view, server, objects, log: ctx.log, inTouch: () => touched }, host.switch);

  const pushes = await serveObjects(ctx.bus, ctx.config.host, objects, () => queue.mark('heard'));
  const topics = await serveTopics(ctx.bus, {
    view,
    host: ctx.config.host,
    population: spec.population,
    mark: (ms = 0) => queue.mark('heard', ms),
    ...(host.topics ? { more: host.topics } : {}),
  });
  const touchObjects = (): void => {
    for (const part of objects) part.touchAll();
  };
  const started = report(ctx, spec, view, () => {
    view.touchAll();
    touchObjects();
    queue.mark('heard');
  });
  reporter = started;
  const inTouch = started.reported.then(() => {
    touched = true;
    queue.mark('touched');
  });
  const watch = host.watch();
  const up = ctx.bus.onUp(isUp => {
    if (!isUp) return;
    // What was sent meanwhile is lost: of groups, and of who is behind which tunnel's end.
    view.allSecurityStale = true;
    touchObjects();
    for (const [network, state] of view.fdb) view.doubts.doubt(network, state);
    reports.tellAgain();
    host.onUp?.();
    queue.mark('heard');
  });
  const forgetful: typeof pass.run = async reread => {
    if (reports.hasAskedForTables) view.doubts.expire(view.fdb, ctx.clock.now(), DOUBT_MS);
    await pass.run(reread);
  };
  const loop = startLoop(ctx, queue, { run: forgetful }, stop.signal);
  return {
    name: spec.name,
    synced: Promise.all([loop.synced, inTouch]).then(() => undefined),
    async metrics() {
      const reporting: Sample = { name: 'weft_agent_reporting', labels: {}, value: spec.silent?.() === undefined && touched ? 1 : 0 };
      return [...portSamples(view, await host.statistics()), reporting, ...(host.samples?.() ?? [])];
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      up[Symbol.dispose]();
      await Promise.all([topics, pushes, watch, started].map(open => open[Symbol.asyncDispose]()));
      // A question on its way may take a minute to time out: nobody waits for its answer.
      await Promise.race([loop.ended, ctx.clock.sleep(STOP_MS)]);
    },
  };
}

function startLoop(
  ctx: AgentContext,
  queue: DirtyQueue,
  pass: { run(reread: boolean): Promise<void> },
  signal: AbortSignal,
): { synced: Promise<void>; ended: Promise<void> } {
  const retry = new Backoff({ firstMs: 200, maxMs: POLL_MS }, ctx.random);
  let markSynced = (): void => {};
  const synced = new Promise<void>(resolve => {
    markSynced = resolve;
  });
  const run = async (): Promise<void> => {
    queue.mark('poll');
    for (;;) {
      const keys = await queue.take(signal);
      if (signal.aborted) return;
      if (keys.includes('poll')) queue.mark('poll', POLL_MS);
      try {
        await pass.run(keys.includes('poll') || keys.includes('again'));
        retry.reset();
        markSynced();
      } catch (error) {
        if (signal.aborted) return;
        // The reporter wakes the loop when the server is there.
        if (error instanceof NotInTouch) continue;
        const afterMs = retry.next();
        ctx.log.warning('not all could be done; trying again', { after_ms: afterMs, error: String(error) });
        queue.mark('again', afterMs);
      }
    }
  };
  return { synced, ended: run() };
}

function report<Seen>(ctx: AgentContext, spec: L2Spec<Seen>, view: View, onRevived: () => void): Reporter {
  return startReporter(ctx, {
    agentType: spec.agentType,
    binary: spec.binary,
    topic: 'N/A',
    // By this a server of ours knows that it is enough to tell this agent of what changes in groups, by its name.
    configurations: () => ({ ...spec.configurations(view), hears_of_groups: true }),
    ...(spec.silent ? { silent: () => spec.silent?.() } : {}),
    first: { resource_versions: resourceVersions },
    onRevived,
  });
}
