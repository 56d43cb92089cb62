// The state report of every agent: `report_state` on `q-reports-plugin`, again and again, whatever the server does.
// A server that is away never touches the data plane: the report is only tried again, soon at first and then at the report interval.
import type { Json } from '../contracts/bus.ts';
import { Backoff } from '../engine/backoff.ts';
import type { AgentContext } from './context.ts';

export interface ReportSpec {
  /** `agent_type`: "Linux bridge agent", "DHCP agent", … */
  readonly agentType: string;
  readonly binary: string;
  /** The topic the agent serves; "N/A" for agents without one of their own. */
  readonly topic: string;
  /** Asked anew for each report; at most 4095 characters as JSON. */
  configurations(): object;
  /**
   * Why there is nothing to report for now: the server is to think this agent dead. Its last report says so in `configurations`, as `problem`,
   * for whoever asks the server what became of it.
   */
  silent?(): string | undefined;
  /** Fields of every report, such as `availability_zone`. */
  readonly fields?: Readonly<Record<string, Json>>;
  /** Fields sent until the first report is taken, such as `resource_versions`; `start_flag` is added. */
  readonly first?: Readonly<Record<string, Json>>;
  /** The metadata and metering agents cast after their first successful call. */
  readonly castAfterFirst?: boolean;
  /** The server had thought us dead, or has forgotten us: a full resynchronisation is due. */
  onRevived(): void;
}

export interface Reporter extends AsyncDisposable {
  /** Resolves when the server has taken a report for the first time. */
  readonly reported: Promise<void>;
  /** Reports at once instead of at the end of the interval. */
  reportNow(): void;
}

/** How often is looked whether there is something to report again. */
const SILENCE_MS = 1000;

/** Configurations are limited, and a reason is not. */
const LONGEST_REASON = 300;

const target = { topic: 'q-reports-plugin', version: '1.2' } as const;

/** Starts to report and returns at once; a report that fails is logged and tried again. */
export function startReporter(ctx: AgentContext, spec: ReportSpec): Reporter {
  const stop = new AbortController();
  const retry = new Backoff({ firstMs: Math.min(500, ctx.config.reportIntervalMs), maxMs: ctx.config.reportIntervalMs }, ctx.random);
  let nap = new AbortController();
  let taken = false;
  let failing = false;
  let silent = false;
  let markReported = (): void => {};
  const reported = new Promise<void>(resolve => {
    markReported = resolve;
  });
  const wake = (): void => nap.abort();

  const send = async (problem?: string): Promise<boolean> => {
    const args = { agent_state: { agent_state: agentState(ctx, spec, !taken, problem) }, time: wireTime(ctx.clock.now()) };
    if (taken && spec.castAfterFirst) {
      await ctx.bus.cast(target, 'report_state', args);
      return true;
    }
    const answer = await ctx.bus.call(target, 'report_state', args, { timeoutMs: ctx.config.reportIntervalMs });
    // null: our clock is behind the server's start; the report was not taken.
    if (answer === null) throw new Error('the server ignored the report: is the clock of this host behind the server?');
    if (answer === 'revived' || (answer === 'new' && taken)) spec.onRevived();
    return true;
  };

  /** Whether there is something to report; why not is said once. */
  const speaks = (why: string | undefined): boolean => {
    if (why !== undefined && !silent) ctx.log.error('the state is not reported any more', { agent_type: spec.agentType, why });
    if (why === undefined && silent) ctx.log.info('the state is reported again', { agent_type: spec.agentType });
    silent = why !== undefined;
    return !silent;
  };

  const once = async (): Promise<number> => {
    const began = ctx.clock.now();
    const why = spec.silent?.();
    const before = silent;
    if (!speaks(why)) {
      // A server that does not hear it finds the agent dead all the same.
      if (!before && taken) await send(why?.slice(0, LONGEST_REASON)).catch(() => {});
      return Math.min(SILENCE_MS, ctx.config.reportIntervalMs);
    }
    try {
      await send();
    } catch (error) {
      if (stop.signal.aborted) return 0;
      if (!failing) ctx.log.warning('state report failed; trying again', { agent_type: spec.agentType, error: String(error) });
      failing = true;
      return retry.next();
    }
    if (failing) ctx.log.info('state report is taken again', { agent_type: spec.agentType });
    failing = false;
    taken = true;
    markReported();
    retry.reset();
    return Math.max(0, ctx.config.reportIntervalMs - (ctx.clock.now() - began));
  };

  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      nap = new AbortController();
      const wait = await once();
      await ctx.clock.sleep(wait, AbortSignal.any([stop.signal, nap.signal]));
    }
  };

  // When the bus comes back every agent of the cloud would report at once: spread over a second.
  const up = ctx.bus.onUp(isUp => {
    if (isUp && failing) void ctx.clock.sleep(1000 * ctx.random(), stop.signal).then(wake);
  });
  void run();
  return {
    reported,
    reportNow: wake,
    async [Symbol.asyncDispose]() {
      stop.abort();
      up[Symbol.dispose]();
      // A call that is on its way may take a whole interval to time out, so the loop is not waited for.
    },
  };
}

function agentState(ctx: AgentContext, spec: ReportSpec, first: boolean, problem: string | undefined): object {
  return {
    binary: spec.binary,
    host: ctx.config.host,
    topic: spec.topic,
    configurations: { ...spec.configurations(), ...(problem === undefined ? {} : { problem }) },
    agent_type: spec.agentType,
    ...spec.fields,
    ...(first ? { ...spec.first, start_flag: true } : {}),
    uuid: randomUuid(ctx.random),
  };
}

/** `YYYY-MM-DDTHH:MM:SS.ffffff`, UTC, as Neutron's agents write it. */
export function wireTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000`;
}

/** A version 4 UUID from the randomness that was passed in. */
function randomUuid(random: () => number): string {
  const hex = (n: number): string => Array.from({ length: n }, () => Math.floor(random() * 16).toString(16)).join('');
  return `${hex(8)}-${hex(4)}-4${hex(3)}-${'89ab'[Math.floor(random() * 4)]}${hex(3)}-${hex(12)}`;
}
