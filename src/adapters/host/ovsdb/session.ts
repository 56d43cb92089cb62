// A session of the door: what is asked of the database and of ovs-vswitchd behind it.
import {
  type ApplyOptions,
  interfaceProblem,
  type OvsApplied,
  OvsdbAway,
  type OvsdbOptions,
  OvsdbRefusal,
  type OvsdbSession,
  OvsdbTimeout,
  type OvsNews,
  type OvsOperation,
  type OvsPicture,
  type OvsResult,
  type OvsWanted,
  SwitchAway,
} from '../../../contracts/host/ovsdb.ts';
import type { Clock } from '../../../engine/clock.ts';
import { Listeners } from '../../../engine/listeners.ts';
import { type OvsdbAddress, ovsdbAddress } from './address.ts';
import { type Connect, tlsFiles } from './connect.ts';
import { databaseName, Follower } from './follower.ts';
import { type Plan, planOf } from './plan.ts';
import { RpcError, RpcLost } from './rpc.ts';
import { OvsdbProtocolError, record } from './values.ts';

export interface SessionOptions {
  readonly options: OvsdbOptions;
  readonly connect: Connect;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Somebody else's transaction is told of that soon after it got in the way of ours. */
const overtakenMs = 1000;

export class Session implements OvsdbSession {
  private readonly connection: string;
  private readonly timeoutMs: number;
  private readonly clock: Clock;
  private readonly follower: Follower;
  private readonly listeners = new Listeners<[OvsNews]>(error => process.emitWarning(error instanceof Error ? error : String(error)));
  private readonly waiting = new Set<() => void>();
  private applying: Promise<unknown> = Promise.resolve();
  private closed = false;

  constructor({ options, ...more }: SessionOptions) {
    this.connection = options.connection;
    this.timeoutMs = options.timeoutMs ?? 10_000;
    this.clock = more.clock;
    this.follower = new Follower({
      ...more,
      options,
      address: addressOf(options),
      timeoutMs: this.timeoutMs,
      probeMs: options.probeMs ?? 10_000,
      tell: news => {
        for (const wake of [...this.waiting]) wake();
        this.listeners.tell(news);
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed = true;
    this.listeners.clear();
    for (const wake of [...this.waiting]) wake();
    await this.follower[Symbol.asyncDispose]();
  }

  picture(): Promise<OvsPicture> {
    return this.until('a picture', picture => picture);
  }

  async until<T>(what: string, find: (picture: OvsPicture) => T | undefined, timeoutMs = this.timeoutMs): Promise<T> {
    for (const deadline = this.clock.now() + timeoutMs; ; ) {
      if (this.closed) throw new OvsdbAway(this.connection, 'closed');
      const { rpc, picture, why } = this.follower;
      const found = rpc ? find(picture) : undefined;
      if (found !== undefined) return found;
      const left = deadline - this.clock.now();
      if (left <= 0) throw rpc ? new OvsdbTimeout(what, timeoutMs) : new OvsdbAway(this.connection, why);
      await this.news(left);
    }
  }

  watch(tell: (news: OvsNews) => void): Disposable {
    let begun = false;
    const begin = (): void => {
      if (begun || stopped || !this.follower.rpc) return;
      begun = true;
      tell({ kind: 'up' });
    };
    let stopped = false;
    const listening = this.listeners.add(news => {
      // What is told before the first word is in the picture that the first word is about.
      if (begun || news.kind !== 'changed') {
        begun ||= news.kind === 'up';
        tell(news);
      }
    });
    queueMicrotask(begin);
    return {
      [Symbol.dispose]: () => {
        stopped = true;
        listening[Symbol.dispose]();
      },
    };
  }

  async apply(wanted: OvsWanted, options: ApplyOptions = {}): Promise<OvsApplied> {
    const { taken = true, timeoutMs = this.timeoutMs } = options;
    const deadline = this.clock.now() + timeoutMs;
    const turn = this.applying.then(() => this.commit(wanted, deadline, options.comment));
    this.applying = turn.catch(() => {});
    const { changed, cfg, absent, picture } = await turn;
    if (!taken) return { changed, picture, absent, problems: {} };
    const left = Math.max(0, deadline - this.clock.now());
    const after = await this.takenUp(cfg, left);
    return { changed, picture: after, absent, problems: problemsOf(wanted, after) };
  }

  async switchAlive(timeoutMs = this.timeoutMs): Promise<boolean> {
    const cfg = nextCfg(await this.transact(asks));
    try {
      await this.takenUp(cfg, timeoutMs);
      return true;
    } catch (error) {
      if (error instanceof SwitchAway) return false;
      throw error;
    }
  }

  async transact(operations: readonly OvsOperation[], database = databaseName): Promise<readonly OvsResult[]> {
    const rpc = await this.until('a connection', () => this.follower.rpc);
    let results: unknown;
    try {
      results = await rpc.call('transact', [database, ...operations], this.timeoutMs);
    } catch (error) {
      if (error instanceof RpcError) throw new OvsdbRefusal(error.error, error.message.slice(error.error.length + 2));
      throw error instanceof RpcLost ? new OvsdbAway(this.connection, error.message) : error;
    }
    if (!Array.isArray(results)) throw new OvsdbProtocolError('no answer to a transaction');
    results.forEach((result, index) => {
      if (result !== null && record(result)['error'] !== undefined) throw refusal(record(result), index, operations.length);
    });
    return results as OvsResult[];
  }

  /** Answers where it is so: the picture, and the number that the switch is to come to. */
  private async commit(wanted: OvsWanted, deadline: number, comment: string | undefined): Promise<Committed> {
    for (let changed = false; ; ) {
      const left = deadline - this.clock.now();
      const picture = await this.until('a picture', now => now, left);
      const plan = planOf(wanted, picture);
      const { absent } = plan;
      if (plan.operations.length === 0) return { changed, cfg: picture.root.next_cfg, absent, picture };
      changed = true;
      const cfg = await this.attempt(plan, picture, deadline, comment);
      if (cfg === undefined) continue;
      const after = await this.until('the change in the picture', now => (now.root.next_cfg >= cfg ? now : undefined), left);
      return { changed, cfg, absent, picture: after };
    }
  }

  /** Undefined: it is to be planned anew, because somebody else was faster, or because it is not known what became of it. */
  private async attempt(plan: Plan, picture: OvsPicture, deadline: number, comment: string | undefined): Promise<number | undefined> {
    const said = comment === undefined ? [] : [{ op: 'comment', comment }];
    const { guards, operations } = plan;
    try {
      return nextCfg(await this.transact([...guards, ...operations, ...said, ...asks]));
    } catch (error) {
      if (error instanceof OvsdbAway && this.clock.now() < deadline && !this.closed) return undefined;
      if (!(error instanceof OvsdbRefusal)) throw error;
      const guarded = error.error === 'timed out' && error.operation !== undefined && error.operation < guards.length;
      if (!guarded && !/^(constraint|referential integrity) violation$/.test(error.error)) throw error;
      const patience = Math.min(overtakenMs, deadline - this.clock.now());
      const newer = (now: OvsPicture): true | undefined => (now.revision > picture.revision ? true : undefined);
      await this.until('what was overtaken', newer, patience).catch(() => {
        throw error;
      });
      return undefined;
    }
  }

  private async takenUp(cfg: number, timeoutMs: number): Promise<OvsPicture> {
    let at = Number.NaN;
    const find = (now: OvsPicture): OvsPicture | undefined => {
      at = now.root.cur_cfg;
      return at >= cfg ? now : undefined;
    };
    try {
      return await this.until('the switch', find, timeoutMs);
    } catch (error) {
      throw error instanceof OvsdbTimeout ? new SwitchAway(at, cfg) : error;
    }
  }

  /** Until something is told, or the time is over. */
  private async news(ms: number): Promise<void> {
    const over = new AbortController();
    const wake = (): void => over.abort();
    this.waiting.add(wake);
    try {
      await this.clock.sleep(ms, over.signal);
    } finally {
      this.waiting.delete(wake);
    }
  }
}

/** What can never be connected to is refused at once. */
function addressOf(options: OvsdbOptions): OvsdbAddress {
  const address = ovsdbAddress(options.connection);
  if (address.kind === 'ssl') tlsFiles(options);
  return address;
}

interface Committed {
  readonly changed: boolean;
  readonly cfg: number;
  readonly absent: readonly string[];
  readonly picture: OvsPicture;
}

/** Asks the switch to take up what there is, as ovs-vsctl does; the last result is the number it will have come to. */
const asks: readonly OvsOperation[] = [
  { op: 'mutate', table: databaseName, where: [], mutations: [['next_cfg', '+=', 1]] },
  { op: 'select', table: databaseName, where: [], columns: ['next_cfg'] },
];

function nextCfg(results: readonly OvsResult[]): number {
  const rows = results.at(-1)?.['rows'];
  const cfg = Array.isArray(rows) ? record(rows[0])['next_cfg'] : undefined;
  if (typeof cfg !== 'number') throw new OvsdbProtocolError('no number of the configuration');
  return cfg;
}

/** What only the commit refuses has a result of its own behind those of the operations. */
function refusal(result: Readonly<Record<string, unknown>>, index: number, count: number): OvsdbRefusal {
  const details = typeof result['details'] === 'string' ? result['details'] : '';
  return new OvsdbRefusal(String(result['error']), details, index < count ? index : undefined);
}

function problemsOf(wanted: OvsWanted, picture: OvsPicture): Record<string, string> {
  const names = Object.entries(wanted.bridges ?? {}).flatMap(([bridge, want]) => {
    if (want === null) return [];
    const ports = Object.entries(want.ports ?? {}).flatMap(([port, wantedPort]) => (wantedPort ? [port] : []));
    return [bridge, ...ports].map(port => ({ bridge, port }));
  });
  const problems = names.flatMap(({ bridge, port }) => {
    const rows = picture.bridges.get(bridge)?.ports.get(port)?.interfaces ?? [];
    return rows.flatMap(row => {
      const problem = interfaceProblem(row);
      return problem === undefined ? [] : [[port, problem] as const];
    });
  });
  return Object.fromEntries(problems);
}
