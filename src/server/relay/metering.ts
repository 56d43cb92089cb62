// What metering agents are told: labels and rules that come and go, each to the hosts of the routers that it counts for; and a host's
// routers as they are, when one changes.
import type { OutboxRow, Row } from '../../contracts/store.ts';
import { meteringLabel } from '../../model/metering.ts';
import { agentsServing } from '../commands/router-places.ts';
import type { Services } from '../context.ts';
import type { Dict } from '../rpc/dicts.ts';
import { countedBy, labelDict, meteredAt, meteredRouter, meteredRouters, ruleDict } from '../rpc/metering.ts';
import { type Message, metering } from './messages.ts';

export async function labelMessages(services: Services, { id, event, facts }: OutboxRow): Promise<Message[]> {
  if (event === 'deleted') {
    const { last, rules } = facts as { readonly last: Row; readonly rules: readonly Row[] };
    return toHosts(services, 'remove_metering_label', await withLabel(services, last, labelDict(last, rules)));
  }
  const row = await services.store.get(meteringLabel.table.name, { id });
  return row ? toHosts(services, 'add_metering_label', await meteredRouters(services, countedBy(row))) : [];
}

/** Rules that go with their label are told with it. */
export async function ruleMessages(services: Services, { id, event, facts }: OutboxRow): Promise<Message[]> {
  if (facts.with_label === true) return [];
  const rule = event === 'deleted' ? (facts.last as Row) : await services.store.get('metering_label_rules', { id });
  const label = rule && (await services.store.get(meteringLabel.table.name, { id: String(rule.metering_label_id) }));
  if (!label) return [];
  const method = event === 'deleted' ? 'remove_metering_label_rule' : 'add_metering_label_rule';
  return toHosts(services, method, await withLabel(services, label, { id: label.id, rule: ruleDict(rule) }));
}

/** The routers that a label counts for, with what is said of it. */
async function withLabel(services: Services, label: Row, said: Dict): Promise<Dict[]> {
  const rows = await services.store.select({ table: 'routers', where: { and: [countedBy(label), { eq: ['admin_state_up', true] }] } });
  return rows.map(row => meteredRouter(row, [said]));
}

async function toHosts(services: Services, method: string, routers: readonly Dict[]): Promise<Message[]> {
  const agents = await agentsServing(
    services,
    routers.map(r => String(r.id)),
  );
  const hosts = new Map<string, Dict[]>();
  for (const router of routers)
    for (const { host } of agents.get(String(router.id)) ?? []) hosts.set(String(host), [...(hosts.get(String(host)) ?? []), router]);
  return [...hosts].map(([host, list]) => metering(host, method, { routers: list }));
}

/** An agent takes a router that is not named for one that it is to forget: it is told of all that its host has. */
export async function meteredHosts(services: Services, hosts: readonly string[]): Promise<Message[]> {
  if (hosts.length === 0 || (await services.store.count(meteringLabel.table.name, { and: [] })) === 0) return [];
  const out: Message[] = [];
  for (const host of new Set(hosts)) out.push(metering(host, 'routers_updated', { routers: (await meteredAt(services, host)) ?? [] }));
  return out;
}
