// The routers of this agent: what the server last said of each, and the work of making it so, router by router.
import type { AgentContext } from '../context.ts';
import { namespaceOf } from '../desired/l3/names.ts';
import { routerState } from '../desired/l3/router.ts';
import type { RouterState, WantedDevice } from '../desired/l3/state.ts';
import type { RouterView } from '../desired/l3/view.ts';
import { radvdText } from '../render/radvd.ts';
import type { Daemons } from './daemons.ts';
import { heldMarks } from './held-marks.ts';
import { type Doors, realise, removeNamespace } from './realise.ts';
import type { FloatingIpStatus, Statuses } from './statuses.ts';
import { Workers } from './workers.ts';

interface Entry {
  /** Undefined: it is to go. */
  view: RouterView | undefined;
  state: RouterState | undefined;
  /** Marks of address scopes as they were found. */
  marks: ReadonlyMap<string, string> | undefined;
  /** The settings of the namespace were written by this agent. */
  prepared: boolean;
  /** Floating IPs that the server believes to be on this router. */
  floating: ReadonlySet<string>;
  /** Statuses that were reported since the server last described the router. */
  readonly sent: Map<string, FloatingIpStatus>;
  /** What was last complained of, so that it is said once. */
  complaints: string;
}

/** What the agent reports of itself. */
export interface Counts {
  readonly routers: number;
  readonly ex_gw_ports: number;
  readonly interfaces: number;
  readonly floating_ips: number;
}

export interface RoutersOptions {
  readonly ctx: AgentContext;
  readonly signal: AbortSignal;
  readonly doors: Doors;
  readonly daemons: Daemons;
  readonly statuses: Statuses;
  readonly metadataPort: number | undefined;
  /** Devices that were just made: the L2 agent will plug them. */
  readonly onCreated: (routerId: string, devices: readonly WantedDevice[]) => void;
}

export class Routers {
  private readonly options: RoutersOptions;
  private readonly entries = new Map<string, Entry>();
  private readonly workers: Workers;

  constructor(options: RoutersOptions) {
    this.options = options;
    const { ctx, signal } = options;
    this.workers = new Workers({
      clock: ctx.clock,
      random: ctx.random,
      signal,
      parallel: 8,
      backoff: { firstMs: 1000, maxMs: 60_000 },
      work: id => this.work(id),
      onFailure: (id, error, retryMs) =>
        ctx.log.warning('router is not as wanted; trying again', { router_id: id, error: String(error), retry_ms: retryMs }),
    });
  }

  ids(): string[] {
    return [...this.entries].filter(([, e]) => e.view).map(([id]) => id);
  }

  has(id: string): boolean {
    return this.entries.get(id)?.view !== undefined;
  }

  views(): RouterView[] {
    return [...this.entries.values()].flatMap(e => e.view ?? []);
  }

  /** What was last wanted of it; undefined before its first attempt. */
  stateOf(id: string): RouterState | undefined {
    return this.entries.get(id)?.state;
  }

  counts(): Counts {
    const views = this.views();
    const sum = (of: (v: RouterView) => number): number => views.reduce((n, v) => n + of(v), 0);
    return {
      routers: views.length,
      ex_gw_ports: sum(v => (v.gateway ? 1 : 0)),
      interfaces: sum(v => v.interfaces.length),
      floating_ips: sum(v => v.floatingIps.length),
    };
  }

  /** Resolves when this state was tried once. */
  want(view: RouterView): Promise<void> {
    const entry = this.entry(view.id);
    entry.view = view;
    entry.sent.clear();
    return this.workers.attempt(view.id);
  }

  /** Also for routers that this agent never knew but whose leftovers it found. */
  remove(id: string): Promise<void> {
    this.entry(id).view = undefined;
    return this.workers.attempt(id);
  }

  private entry(id: string): Entry {
    const entry = this.entries.get(id) ?? {
      view: undefined,
      state: undefined,
      marks: undefined,
      prepared: false,
      floating: new Set(),
      sent: new Map(),
      complaints: '',
    };
    this.entries.set(id, entry);
    return entry;
  }

  /** Compares what is there with what is wanted once more. */
  check(id: string): void {
    if (this.entries.has(id)) this.workers.mark(id);
  }

  private async work(id: string): Promise<void> {
    const entry = this.entries.get(id);
    if (!entry) return;
    const { view } = entry;
    if (view) await this.realise(entry, view);
    else await this.takeAway(id, entry);
  }

  private async realise(entry: Entry, view: RouterView): Promise<void> {
    const { ctx, doors, daemons, metadataPort } = this.options;
    entry.marks ??= await this.held(view);
    const state = routerState(view, { marks: entry.marks, ...(metadataPort === undefined ? {} : { metadataPort }) });
    entry.state = state;
    this.complain(entry, state);
    const options = { first: !entry.prepared, onNew: () => daemons.remove(view.id) };
    const done = await realise(doors, state, options).catch(error => {
      this.tell(entry, view, failed(view, state));
      throw error;
    });
    entry.prepared = true;
    if (done.created.length > 0) this.options.onCreated(view.id, done.created);
    daemons.want(view.id, {
      netns: state.netns,
      radvdText: radvdText(state.advertise, ctx.config.l3?.advertise),
      ...(state.metadataProxy && metadataPort !== undefined ? { metadataPort } : {}),
    });
    const outside = state.devices.find(d => d.role === 'gateway');
    const broken = done.problems.some(p => p.device !== undefined && p.device === outside?.name);
    this.report(entry, view, broken ? failed(view, state) : state.floatingIpStatuses);
    if (done.problems.length > 0) throw new Error(done.problems.map(p => p.what).join('; '));
    if (!done.untouched) ctx.log.info('router is as wanted', { router_id: view.id });
  }

  private async held(view: RouterView): Promise<ReadonlyMap<string, string>> {
    const { host, namespaces } = this.options.doors;
    const netns = namespaceOf(view.id);
    return (await namespaces.get()).includes(netns) ? await heldMarks(host.iptables, netns, view) : new Map();
  }

  /** Of the floating IPs that are there, and of those that were. */
  private report(entry: Entry, view: RouterView, statuses: ReadonlyMap<string, FloatingIpStatus>): void {
    const here = floatingIds(view);
    const gone = [...entry.floating].filter(id => !here.has(id));
    entry.floating = here;
    this.tell(entry, view, new Map([...statuses, ...gone.map(id => [id, 'DOWN'] as const)]));
  }

  /** Only what the server does not know. */
  private tell(entry: Entry, view: RouterView, statuses: ReadonlyMap<string, FloatingIpStatus>): void {
    const changed = new Map([...statuses].filter(([id, status]) => (entry.sent.get(id) ?? statusOf(view, id)) !== status));
    for (const [id, status] of changed) entry.sent.set(id, status);
    this.options.statuses.report(view.id, changed);
  }

  private async takeAway(id: string, entry: Entry): Promise<void> {
    const { ctx, doors, daemons, statuses } = this.options;
    // radvd says good-bye to the instances while it still has its devices.
    await daemons.remove(id);
    await removeNamespace(doors, namespaceOf(id));
    statuses.report(id, new Map([...entry.floating].map(fip => [fip, 'DOWN'])));
    if (entry.state) ctx.log.info('router was removed', { router_id: id });
    // It may have been wanted again meanwhile: then everything is to be made anew.
    entry.prepared = false;
    entry.marks = undefined;
    entry.floating = new Set();
    if (entry.view) return;
    this.entries.delete(id);
    this.workers.forget(id);
  }

  private complain(entry: Entry, state: RouterState): void {
    const text = state.complaints.join('; ');
    if (text !== '' && text !== entry.complaints)
      this.options.ctx.log.warning('parts of the router cannot be realised', { router_id: state.id, why: text });
    entry.complaints = text;
  }
}

/** What was ACTIVE before may well work still. */
function failed(view: RouterView, state: RouterState): Map<string, FloatingIpStatus> {
  const left = [...state.floatingIpStatuses].filter(([id]) => statusOf(view, id) !== 'ACTIVE');
  return new Map(left.map(([id, status]) => [id, status === 'ACTIVE' ? 'ERROR' : status]));
}

/** What the server last said; a refused one is not described, so its status is not known. */
const statusOf = (view: RouterView, id: string): string | undefined => view.floatingIps.find(f => f.id === id)?.status;

const floatingIds = (view: RouterView): Set<string> => new Set([...view.floatingIps.map(f => f.id), ...view.refusedFloatingIps]);
