// The tables of one simulated bridge: flows and groups, changed by whole transactions.
import type { FlowFilter, TableChange } from '../../../contracts/host/openflow.ts';
import type { Action } from '../../../domain/openflow/actions.ts';
import { type CanonicalMatch, canonicalMatch } from '../../../domain/openflow/canonical.ts';
import type { Flow, FlowIdentity, Group } from '../../../domain/openflow/flow.ts';
import { flowKey } from '../../../domain/openflow/identity.ts';
import { ones } from '../../../domain/openflow/values.ts';
import { Reader, Writer } from './bytes.ts';
import { changeBody } from './messages.ts';
import { readActions, readInstructions } from './read-actions.ts';
import { checkFlow, SimRefused } from './sim-check.ts';
import { readMatch, writeMatch } from './tlv.ts';
import { writeActions, writeInstructions } from './write-actions.ts';

export interface Stored {
  readonly flow: Flow;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

export interface Gone {
  readonly flow: Flow;
  readonly why: 'delete' | 'group';
}

export class SimTables {
  flows: ReadonlyMap<string, Stored> = new Map();
  groups: ReadonlyMap<number, Group> = new Map();

  /** All or nothing: answers the flows that went, or throws SimRefused or BadFlow with the index of the change. */
  apply(changes: readonly TableChange[], hasMeter: (id: number) => boolean, refuse: (error: Error, index: number) => never): Gone[] {
    const next = new Transaction(new Map(this.flows), new Map(this.groups), hasMeter);
    for (const [index, change] of changes.entries()) {
      try {
        changeBody(change).write(new Writer());
        next.change(change);
      } catch (error) {
        refuse(error as Error, index);
      }
    }
    this.flows = next.flows;
    this.groups = next.groups;
    return next.gone;
  }

  remove(keep: (flow: Flow) => boolean): void {
    this.flows = new Map([...this.flows].filter(([, s]) => keep(s.flow)));
  }
}

class Transaction {
  readonly flows: Map<string, Stored>;
  readonly groups: Map<number, Group>;
  readonly gone: Gone[] = [];
  private readonly hasMeter: (id: number) => boolean;

  constructor(flows: Map<string, Stored>, groups: Map<number, Group>, hasMeter: (id: number) => boolean) {
    this.flows = flows;
    this.groups = groups;
    this.hasMeter = hasMeter;
  }

  change(change: TableChange): void {
    switch (change.do) {
      case 'add':
        this.add(change.flow);
        return;
      case 'modify': {
        const key = flowKey(change.flow);
        const old = this.flows.get(key);
        this.check(change.flow);
        if (old) this.flows.set(key, { ...old, flow: { ...old.flow, actions: asWritten({ ...change.flow, cookie: 0n }).actions } });
        return;
      }
      case 'delete':
        this.drop(flowKey(change.flow), 'delete');
        return;
      case 'delete-all': {
        const fit = filtered(change.where);
        for (const [key, { flow }] of this.flows) if (fit(flow)) this.drop(key, 'delete');
        return;
      }
      case 'add-group':
      case 'modify-group':
        this.setGroup(change.do, change.group);
        return;
      case 'delete-group':
        if (!this.groups.delete(change.id)) return;
        for (const [key, { flow }] of this.flows) if (uses(flow.actions, 'group', change.id)) this.drop(key, 'group');
    }
  }

  private check(flow: Pick<Flow, 'table' | 'match' | 'actions'>): void {
    checkFlow(flow, { hasGroup: id => this.groups.has(id), hasMeter: this.hasMeter });
  }

  private add(flow: Flow): void {
    this.check(flow);
    const key = flowKey(flow);
    if (flow.flags?.includes('check_overlap') && !this.flows.has(key) && this.overlapped(flow)) throw new SimRefused('OFPFMFC_OVERLAP');
    this.flows.delete(key);
    this.flows.set(key, { flow: asWritten(flow), since: Date.now() });
  }

  private overlapped(flow: FlowIdentity): boolean {
    const match = canonicalMatch(flow.match);
    for (const { flow: other } of this.flows.values())
      if (other.table === flow.table && other.priority === flow.priority && overlap(match, canonicalMatch(other.match))) return true;
    return false;
  }

  private drop(key: string, why: Gone['why']): void {
    const old = this.flows.get(key);
    if (old && this.flows.delete(key)) this.gone.push({ flow: old.flow, why });
  }

  private setGroup(how: 'add-group' | 'modify-group', group: Group): void {
    if (how === 'add-group' && this.groups.has(group.id)) throw new SimRefused('OFPGMFC_GROUP_EXISTS');
    if (how === 'modify-group' && !this.groups.has(group.id)) throw new SimRefused('OFPGMFC_UNKNOWN_GROUP');
    const select = group.type === 'select';
    const buckets = group.buckets.map(({ weight = 0, ...b }) => ({
      ...(select ? { weight } : {}),
      ...b,
      actions: listAsWritten(b.actions),
    }));
    this.groups.set(group.id, { ...group, buckets });
  }
}

/** What a switch answers of it: through the wire and back. */
function asWritten(flow: Flow): Flow {
  const match = new Writer();
  writeMatch(match, flow.match);
  const actions = new Writer();
  writeInstructions(actions, flow.actions);
  const flags = flow.flags?.filter(f => f !== 'check_overlap') ?? [];
  const { flags: _, idle_timeout, hard_timeout, ...rest } = flow;
  return {
    ...rest,
    match: readMatch(new Reader(match.done())),
    actions: readInstructions(new Reader(actions.done())),
    ...(idle_timeout ? { idle_timeout } : {}),
    ...(hard_timeout ? { hard_timeout } : {}),
    ...(flags.length > 0 ? { flags } : {}),
  };
}

function listAsWritten(actions: readonly Action[]): readonly Action[] {
  const w = new Writer();
  writeActions(w, actions);
  return readActions(new Reader(w.done()));
}

/** Whether a flow fits: its match has at least what the filter's has. */
export function filtered({ table, match = {}, cookie }: FlowFilter): (flow: Flow) => boolean {
  const wanted = canonicalMatch(match);
  const mask = cookie?.mask ?? ones(64);
  return flow =>
    (table === undefined || flow.table === table) &&
    (cookie === undefined || ((flow.cookie ^ cookie.cookie) & mask) === 0n) &&
    narrower(canonicalMatch(flow.match), wanted);
}

function narrower(match: CanonicalMatch, wanted: CanonicalMatch): boolean {
  for (const [name, { value, mask }] of wanted) {
    const bits = match.get(name);
    if (!bits || (bits.mask & mask) !== mask || (bits.value & mask) !== value) return false;
  }
  return true;
}

/** Whether a packet could match both. */
function overlap(a: CanonicalMatch, b: CanonicalMatch): boolean {
  for (const [name, { value, mask }] of a) {
    const other = b.get(name);
    if (other && ((value ^ other.value) & mask & other.mask) !== 0n) return false;
  }
  return true;
}

export function uses(actions: readonly Action[], what: 'group' | 'meter', id: number): boolean {
  return actions.some(a => {
    if (a.do === 'clone' || a.do === 'write_actions') return uses(a.actions, what, id);
    return what === 'group' ? a.do === 'group' && a.group === id : (a.do === 'meter' || a.do === 'controller') && a.meter === id;
  });
}
