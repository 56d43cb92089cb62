// What agents that filter hear of security groups. Neutron's hear that something changed and ask for the whole; ours hear what changed, and only where it matters.
import type { OutboxRow, Row } from '../../contracts/store.ts';
import { byIds } from '../commands/load.ts';
import type { PortFacts } from '../commands/port-rows.ts';
import type { Services } from '../context.ts';
import { type MemberPort, memberOf, wireRules } from '../rpc/security-groups.ts';
import type { Known } from './known.ts';
import type { Message } from './messages.ts';
import * as messages from './messages.ts';

/** A group whose rules are longer is asked for. */
const maxRules = 100;

interface PortChange {
  readonly id: string;
  readonly port: Record<string, unknown> | undefined;
  readonly before: PortFacts | undefined;
  readonly event: string;
  readonly changed: readonly string[];
}

const ofMembers = ['fixed_ips', 'security_groups', 'mac_address', 'allowed_address_pairs', 'port_security_enabled'];

/** Whoever filters by a group as a remote one hears of its members. */
export async function memberMessages(known: Known, { id, port, before, event, changed }: PortChange): Promise<Message[]> {
  const relevant = event !== 'updated' || changed.some(c => ofMembers.includes(c)) || (before && port && isOther(before, port));
  const now = (port?.security_groups as string[] | undefined) ?? [];
  const groups = [...new Set([...(before?.security_groups ?? []), ...now])];
  if (!relevant || groups.length === 0) return [];
  const member: Member = { port_id: id, security_groups: now, ...(port ? memberOf(port) : { revision: null, addresses: [] }) };
  const to = (await known.allHearByName()) ? await known.hostsNaming(groups) : undefined;
  return to?.length === 0 ? [] : [messages.groupMembersUpdated(groups, [member], to)];
}

/** Whether what makes a member of a port is not as it was: it may also follow from what a caller has changed, as an address does from a host. */
function isOther(before: PortFacts, port: Record<string, unknown>): boolean {
  const said = ({ fixed_ips, security_groups }: Pick<PortFacts, 'fixed_ips' | 'security_groups'>): string =>
    JSON.stringify([fixed_ips.map(f => f.ip_address), [...security_groups].sort()]);
  return before.mac_address !== port.mac_address || said(before) !== said(port as unknown as PortFacts);
}

/** A port as it is now: the groups that it is a member of, and with what. */
interface Member extends Omit<MemberPort, 'revision'> {
  readonly port_id: string;
  readonly security_groups: readonly string[];
  /** Null: it is gone. */
  readonly revision: number | null;
}

export async function groupMessages(services: Services, known: Known, row: OutboxRow): Promise<Message[]> {
  const { kind, id, event, revision, facts } = row;
  // That its rules changed, these say themselves.
  if (kind === 'security_group') return event === 'updated' && revision > 0 ? groupRules(services, known, [id]) : [];
  const last = facts.last as Row | undefined;
  const group = facts.security_group_id ?? last?.security_group_id;
  if (typeof group !== 'string' || facts.born === true) return [];
  const rules = await groupRules(services, known, [group]);
  return last ? [...rules, ...(await namedAgain(services, known, { group, remote: last.remote_group_id, at: row.at }))] : rules;
}

/** Servers' clocks differ by less. */
const surelyBeforeMs = 60_000;

interface Unnamed {
  readonly group: string;
  /** Which a rule of the group named that has gone. */
  readonly remote: unknown;
  readonly at: string;
}

/** A group that is named again, by a rule that is newer than the one that has gone: who filters by it was told nothing of its members in between, and asks. */
async function namedAgain(services: Services, known: Known, { group, remote, at }: Unnamed): Promise<Message[]> {
  if (typeof remote !== 'string') return [];
  const naming = await services.store.select({
    table: 'security_group_rules',
    where: { and: [{ eq: ['security_group_id', group] }, { eq: ['remote_group_id', remote] }] },
    columns: ['created_at'],
  });
  const isOld = ({ created_at }: Row): boolean => Date.parse(String(created_at)) < Date.parse(at) - surelyBeforeMs;
  if (naming.length === 0 || naming.some(isOld)) return [];
  const to = (await known.allHearByName()) ? await known.hostsOf([group]) : undefined;
  return to?.length === 0 ? [] : [messages.groupMembersUpdated([remote], undefined, to)];
}

/** Whoever filters by rules that name the group asks for them again, and hears of its addresses. */
export async function addressGroupMessages(services: Services, known: Known, { id, event, facts }: OutboxRow): Promise<Message[]> {
  const changed = (facts.changed as readonly string[] | undefined) ?? [];
  if (event !== 'updated' || !changed.includes('addresses')) return [];
  const rules = await services.store.select({ table: 'security_group_rules', where: { eq: ['remote_address_group_id', id] } });
  const groups = [...new Set(rules.map(r => String(r.security_group_id)))];
  if (groups.length === 0) return [];
  const to = (await known.allHearByName()) ? await known.hostsOf(groups) : undefined;
  return to?.length === 0 ? [] : [messages.groupRulesUpdated(groups, undefined, to)];
}

async function groupRules(services: Services, known: Known, groups: readonly string[]): Promise<Message[]> {
  const to = (await known.allHearByName()) ? await known.hostsOf(groups) : undefined;
  if (to?.length === 0) return [];
  const rows = await byIds(services, 'security_groups', groups);
  const rules = await wireRules(services, rows);
  const told = [...rows].flatMap(([id, row]) => {
    const list = rules.get(id) ?? [];
    return list.length > maxRules ? [] : [{ id, revision: Number(row.revision_number), rules: list }];
  });
  return [messages.groupRulesUpdated(groups, told, to)];
}
