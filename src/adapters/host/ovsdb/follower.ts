// Follows the database: connects, comes back after every loss, and keeps the copy of the tables up to date.
import type { OvsdbOptions, OvsNews, OvsPicture, OvsRowChange } from '../../../contracts/host/ovsdb.ts';
import { Backoff } from '../../../engine/backoff.ts';
import type { Clock } from '../../../engine/clock.ts';
import { localSocket, type OvsdbAddress } from './address.ts';
import type { Connect } from './connect.ts';
import { knownColumns, Replica, tableNames } from './replica.ts';
import { Rpc, RpcError } from './rpc.ts';
import { OvsdbProtocolError, record } from './values.ts';

export const databaseName = 'Open_vSwitch';
const monitorId = 'weft';
/** A connection that lasted so long is worth another attempt at once. */
const steadyMs = 5000;

export interface FollowerOptions {
  readonly options: OvsdbOptions;
  readonly address: OvsdbAddress;
  readonly connect: Connect;
  readonly clock: Clock;
  readonly random: () => number;
  readonly timeoutMs: number;
  readonly probeMs: number;
  readonly tell: (news: OvsNews) => void;
}

export class Follower implements AsyncDisposable {
  /** While the copy is up to date. */
  rpc: Rpc | undefined;
  /** Why there is none. */
  why = 'not connected yet';
  private readonly with: FollowerOptions;
  private readonly replica = new Replica();
  private readonly stop = new AbortController();
  private readonly loop: Promise<void>;
  private pictured = false;
  private opening: Rpc | undefined;

  constructor(options: FollowerOptions) {
    this.with = options;
    this.loop = this.run();
  }

  get picture(): OvsPicture {
    return this.replica.picture;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort();
    this.opening?.close();
    await this.loop;
  }

  private async run(): Promise<void> {
    const { clock, random, tell } = this.with;
    const backoff = new Backoff({ firstMs: 100, maxMs: 8000 }, random);
    while (!this.stop.signal.aborted) {
      const began = clock.now();
      const was = this.rpc;
      const why = await this.life().catch(error => words(error));
      const lost = this.rpc !== was;
      this.rpc = undefined;
      if (lost && clock.now() - began >= steadyMs) backoff.reset();
      if (lost || why !== this.why) {
        this.why = why;
        if (!this.stop.signal.aborted) tell({ kind: 'down', why });
      }
      await clock.sleep(backoff.next(), this.stop.signal);
    }
  }

  /** One connection's life; answers why it ended. */
  private async life(): Promise<string> {
    const { tell, clock, probeMs } = this.with;
    const stream = await this.stream();
    let early: unknown[] | undefined = [];
    const rpc = new Rpc(stream, {
      clock,
      probeMs,
      notified: (method, params) => {
        if (method === 'monitor_canceled') throw new OvsdbProtocolError('the server follows us no more');
        if ((method !== 'update' && method !== 'update2') || params[0] !== monitorId) return;
        // What comes in one piece with the answer to the call for it is heard before that answer is.
        if (early) early.push(params[1]);
        else this.changed(this.replica.update(params[1]));
      },
    });
    this.opening = rpc;
    if (this.stop.signal.aborted) rpc.close();
    try {
      const changes = await this.start(rpc);
      for (const updates of early) changes.push(...this.replica.update(updates));
      early = undefined;
      this.rpc = rpc;
      if (this.pictured) this.changed(changes);
      this.pictured = true;
      tell({ kind: 'up' });
      return await rpc.ended;
    } finally {
      rpc.close();
    }
  }

  private async start(rpc: Rpc): Promise<OvsRowChange[]> {
    const { timeoutMs } = this.with;
    const known = knownColumns(await rpc.call('get_schema', [databaseName], timeoutMs));
    await this.root(rpc);
    const requests = Object.fromEntries(
      tableNames.filter(table => known[table].size > 0).map(table => [table, [{ columns: [...known[table].keys()] }]]),
    );
    const params = [databaseName, monitorId, requests];
    const all = await rpc.call('monitor_cond', params, timeoutMs).catch((error: unknown) => {
      if (error instanceof RpcError && error.error === 'unknown method') return rpc.call('monitor', params, timeoutMs);
      throw error;
    });
    return this.replica.restart(known, all);
  }

  /** A database that nobody has used yet has no row for its switch; who comes first makes it, as ovs-vsctl does. */
  private async root(rpc: Rpc): Promise<void> {
    const { timeoutMs } = this.with;
    const select = { op: 'select', table: databaseName, where: [], columns: ['_uuid'] };
    const results = await rpc.call('transact', [databaseName, select], timeoutMs);
    const rows = Array.isArray(results) ? record(results[0])['rows'] : undefined;
    if (!Array.isArray(rows)) throw new OvsdbProtocolError('no answer to a select');
    if (rows.length > 0) return;
    const none = { op: 'wait', timeout: 0, table: databaseName, where: [], columns: ['next_cfg'], until: '==', rows: [] };
    await rpc.call('transact', [databaseName, none, { op: 'insert', table: databaseName, row: {} }], timeoutMs);
  }

  private changed(changes: readonly OvsRowChange[]): void {
    if (changes.length > 0) this.with.tell({ kind: 'changed', changes, picture: this.picture });
  }

  private async stream(): ReturnType<Connect> {
    const { connect, address, options, timeoutMs } = this.with;
    const within = (): AbortSignal => AbortSignal.any([this.stop.signal, AbortSignal.timeout(timeoutMs)]);
    try {
      return await connect(address, options, within());
    } catch (error) {
      if (!isRefused(error) || address.kind === 'unix' || !['127.0.0.1', '::1', 'localhost'].includes(address.host)) throw error;
      await this.listen(address, within());
      return await connect(address, options, within());
    }
  }

  /** On this machine nobody listens there: the server is asked to, on its own socket, as Neutron's agents do. */
  private async listen(address: Exclude<OvsdbAddress, { kind: 'unix' }>, signal: AbortSignal): Promise<void> {
    const { connect, options, clock, timeoutMs, probeMs } = this.with;
    const { kind, host, port } = address;
    const target = `p${kind}:${port}:${host.includes(':') ? `[${host}]` : host}`;
    const stream = await connect({ kind: 'unix', path: localSocket }, options, signal).catch(error => {
      throw new Error(`nobody listens there, nor at ${localSocket}: ${words(error)}`);
    });
    const rpc = new Rpc(stream, { clock, probeMs: 0, notified: () => {} });
    try {
      await this.root(rpc);
      const manager = { op: 'insert', table: 'Manager', row: { target, inactivity_probe: probeMs }, 'uuid-name': 'manager' };
      const mutations = [['manager_options', 'insert', ['set', [['named-uuid', 'manager']]]]];
      const results = await rpc.call(
        'transact',
        [databaseName, manager, { op: 'mutate', table: databaseName, where: [], mutations }],
        timeoutMs,
      );
      // One that is there already does not listen: that is for whoever set it up.
      if (!Array.isArray(results)) throw new OvsdbProtocolError('no answer to a transaction');
    } finally {
      rpc.close();
    }
  }
}

const isRefused = (error: unknown): boolean => error instanceof Error && (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));
