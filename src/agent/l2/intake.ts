// What the server tells an L2 agent: each message only marks what is stale, or notes a fact; the loop acts.
import type { Bus, Endpoint, Json } from '../../contracts/bus.ts';
import { addFdb, changeIp, parseFdbChanges, parseFdbEntries, removeFdb } from '../desired/l2-fdb.ts';
import type { MemberChange } from './members.ts';
import { heardOfPort } from './port-update.ts';
import type { Device, View } from './view.ts';
import { type GroupRules, parseGroupRules, parseMemberChanges, uuidOrNull } from './wire.ts';

const prefix = 'q-agent-notifier';
const topics = [
  'port-update',
  'port-delete',
  'network-update',
  'network-delete',
  'security_group-update',
  'binding-activate',
  'binding-deactivate',
];

export interface Intake {
  readonly view: View;
  readonly host: string;
  /** This host's tunnel end and the types of its tunnels, where l2population is on. */
  readonly population: { readonly end: string; readonly types: readonly string[] } | undefined;
  /** Methods of further topics: `tunnel-update` and the like. */
  readonly more?: Readonly<Record<string, Endpoint['methods']>>;
  /** Something is to be done, after so long at most. */
  mark(afterMs?: number): void;
}

type Args = Readonly<Record<string, Json>>;

/** Messages about groups come in bursts. */
const BURST_MS = 10;

export async function serveTopics(bus: Bus, intake: Intake): Promise<AsyncDisposable> {
  const names = intake.population === undefined ? topics : [...topics, 'l2population-update'];
  const endpoints = [endpoint(intake)];
  const more = Object.entries(intake.more ?? {}).map(([name, methods]) => ({ name, endpoints: [{ version: '1.5', methods }] }));
  const served = await Promise.all(
    [...names.map(name => ({ name, endpoints })), ...more].map(topic =>
      bus.serve({ topic: `${prefix}-${topic.name}`, server: intake.host, endpoints: topic.endpoints, agent: true }),
    ),
  );
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(served.map(s => s[Symbol.asyncDispose]()));
    },
  };
}

function endpoint(intake: Intake): Endpoint {
  const methods = { ...portMethods(intake), ...networkMethods(intake), ...groupMethods(intake), ...fdbMethods(intake) };
  return { version: '1.5', methods };
}

function portMethods({ view, host, mark }: Intake): Endpoint['methods'] {
  const settle = (portId: unknown, kind: 'unknown' | 'inactive'): null => {
    const device = view.ofPort(portId);
    if (!device) return null;
    device.answer = { kind };
    overtaking(view, device);
    mark();
    return null;
  };
  return {
    port_update: (args: Args) => {
      if (heardOfPort(view, args['port'])) mark();
      return null;
    },
    port_delete: (args: Args) => settle(args['port_id'], 'unknown'),
    binding_activate: (args: Args) => {
      const device = args['host'] === host ? view.ofPort(args['port_id']) : undefined;
      if (device && view.touch(device.name)) mark();
      return null;
    },
    binding_deactivate: (args: Args) => (args['host'] === host ? settle(args['port_id'], 'inactive') : null),
  };
}

/** The answer to a question that is on its way may be older than this message: then it is asked again. */
function overtaking(view: View, device: Device): void {
  if (view.asking > 0) device.heard++;
}

function networkMethods({ view, mark }: Intake): Endpoint['methods'] {
  return {
    network_update: (args: Args) => {
      if (heardOfNetwork(view, args['network'])) mark();
      return null;
    },
    network_delete: (args: Args) => {
      const devices = [...view.devices.values()].filter(d => view.details(d)?.network_id === args['network_id']);
      for (const device of devices) device.heard++;
      if (devices.length > 0) mark();
      return null;
    },
  };
}

/** MTU, segment and QoS policy come with the message: nothing need be asked. */
function heardOfNetwork(view: View, network: Json | undefined): boolean {
  if (typeof network !== 'object' || network === null || Array.isArray(network)) return false;
  const { id, mtu, 'provider:segmentation_id': segment, qos_policy_id: policy } = network as Args;
  let changed = false;
  for (const device of view.devices.values()) {
    const details = view.details(device);
    if (details?.network_id !== id || !details) continue;
    const fresh = {
      ...details,
      ...(typeof mtu === 'number' && mtu >= 68 && mtu <= 65_535 ? { mtu } : {}),
      ...(typeof segment === 'number' ? { segmentation_id: segment } : {}),
      ...(policy === undefined ? {} : { qos_network_policy_id: uuidOrNull(policy) }),
    };
    const told = ['mtu', 'segmentation_id', 'qos_network_policy_id'] as const;
    if (told.every(field => fresh[field] === details[field])) continue;
    device.answer = { kind: 'port', details: fresh };
    overtaking(view, device);
    changed = true;
  }
  return changed;
}

function groupMethods({ view, mark }: Intake): Endpoint['methods'] {
  const concerning = (args: Args): string[] => {
    const groups = args['security_groups'];
    return (Array.isArray(groups) ? groups : []).filter(g => typeof g === 'string' && concerns(view, g)) as string[];
  };
  return {
    security_groups_rule_updated: (args: Args) => {
      const told = parseGroupRules(args['rules']);
      const outcomes = concerning(args).map(id => heardOfRules(view, id, told.get(id), args['rules'] !== undefined));
      if (outcomes.includes(true)) mark(BURST_MS);
      return null;
    },
    security_groups_member_updated: (args: Args) => {
      if (heardOfMembers(view, concerning(args), parseMemberChanges(args['members']))) mark(BURST_MS);
      return null;
    },
  };
}

/**
 * A server of Neutron's does not say what the rules are now, and what is asked for now may be older than what one of ours says. `changed`: one of ours says that they
 * are others; which groups they named meanwhile is known only if all of them are told.
 */
function heardOfRules(view: View, group: string, told: GroupRules | undefined, changed: boolean): boolean {
  const outcome = told && view.asking === 0 && view.groups.has(group) ? view.tellRules(told) : 'ask';
  if (outcome === 'ask') view.dirtyGroups.add(group);
  if (outcome === 'ask' && changed && (view.asking > 0 || !told || !view.namesAsMany(told))) view.unsureGroups.add(group);
  return outcome !== 'late';
}

function heardOfMembers(view: View, groups: readonly string[], changes: readonly MemberChange[] | undefined): boolean {
  if (!changes) {
    for (const id of groups) {
      view.members.doubt(id, view.asking > 0);
      view.dirtyGroups.add(id);
    }
    return groups.length > 0;
  }
  const outcomes = changes.map(change => view.members.take(change, groups, view.asking > 0));
  const ask = outcomes.flatMap(outcome => outcome.ask);
  for (const id of ask) view.dirtyGroups.add(id);
  return ask.length > 0 || outcomes.some(({ changed }) => changed);
}

const concerns = (view: View, group: string): boolean => view.asking > 0 || view.groups.has(group) || view.members.has(group);

function fdbMethods({ view, population, mark }: Intake): Endpoint['methods'] {
  const { end: own, types } = population ?? { end: '', types: [] };
  const here = (network: string): boolean => view.ports().some(p => p.network_id === network && types.includes(p.network_type));
  const update = (apply: typeof addFdb) => (args: Args) => {
    const updates = parseFdbEntries(args['fdb_entries'], types).filter(u => here(u.network));
    for (const u of updates) {
      apply(view.fdbOf(u.network), u.ends, own);
      view.doubts.settle(u);
    }
    if (updates.length > 0) mark();
    return null;
  };
  return {
    add_fdb_entries: update(addFdb),
    remove_fdb_entries: update(removeFdb),
    update_fdb_entries: (args: Args) => {
      const changes = parseFdbChanges(args['fdb_entries']).filter(c => here(c.network));
      for (const c of changes) {
        changeIp(view.fdbOf(c.network), c, own);
        view.doubts.settle({ network: c.network, ends: new Map([[c.end, c.after]]) });
      }
      if (changes.length > 0) mark();
      return null;
    },
  };
}
