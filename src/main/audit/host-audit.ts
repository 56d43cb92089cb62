// The audit of one host: what is there against what the API says, looked at twice, and repairs of what was found.
import { compareHost } from '../../agent/audit/compare.ts';
import { comingTo, expectedOn, type Get } from '../../agent/audit/expected.ts';
import { type Finding, findingKey, type HostFix, type OnHost, repairKey, type Shown } from '../../agent/audit/finding.ts';
import type { Inventory } from '../../agent/audit/inventory.ts';
import { isTapName, tapName } from '../../agent/desired/linuxbridge-names.ts';
import type { Bus } from '../../contracts/bus.ts';
import type { Clock } from '../../engine/clock.ts';
import * as messages from '../../server/relay/messages.ts';

/** A host as far as an audit goes. */
export interface AuditedHost {
  readonly name: string;
  readonly clock: Clock;
  readonly get: Get;
  take(): Promise<Inventory>;
  /** By fix, why it could not be done. */
  repair(fixes: readonly OnHost[]): Promise<readonly (string | undefined)[]>;
  resync(agent: 'DHCP agent' | 'L3 agent'): Promise<void>;
}

export interface Repaired {
  readonly finding: Finding;
  /** Why it could not be repaired; undefined: it was, or an agent was asked to. */
  readonly why?: string;
}

/** What agents are at work on is over by then, or another thing. */
const settleMs = 3000;

/** Undefined: the API knows no agent there. */
export async function auditHost(host: AuditedHost): Promise<Finding[] | undefined> {
  const look = async (): Promise<Finding[] | undefined> => {
    // In this order: what comes in between is missing from what there is, and not what nobody wants.
    const inventory = await host.take();
    const expected = await expectedOn(host.name, host.get, inventory.running);
    return expected && withoutComing(host, compareHost(expected, inventory));
  };
  const first = await look();
  if (!first || first.length === 0) return first;
  await host.clock.sleep(settleMs);
  const before = new Set(first.map(findingKey));
  return (await look())?.filter(finding => before.has(findingKey(finding)));
}

/** All ports are asked for only where a tap is nobody's. */
async function withoutComing({ name, get }: AuditedHost, findings: Finding[]): Promise<Finding[]> {
  const tapIn = ({ fix }: Finding): string | undefined => (fix && 'name' in fix && isTapName(fix.name) ? fix.name : undefined);
  if (!findings.some(tapIn)) return findings;
  const coming = new Set((await comingTo(name, get)).map(tapName));
  return findings.filter(finding => !coming.has(tapIn(finding) ?? ''));
}

const isOnHost = (fix: HostFix): fix is OnHost => fix.do !== 'resync';

/** Repairs what is `shown` and found still: whoever asked for it has not seen the rest. */
export async function repairHost(host: AuditedHost, findings: readonly Finding[], shown: readonly Shown[]): Promise<Repaired[]> {
  const seen = new Set(shown.map(repairKey));
  const left = findings.filter(finding => !seen.has(repairKey(finding)));
  const done = await repairAll(
    host,
    findings.filter(finding => seen.has(repairKey(finding))),
  );
  return [...done, ...left.map(finding => ({ finding, why: 'it was not among what was shown: audit again' }))];
}

async function repairAll(host: AuditedHost, findings: readonly Finding[]): Promise<Repaired[]> {
  const local = findings.flatMap(finding => (finding.fix && isOnHost(finding.fix) ? [{ finding, fix: finding.fix }] : []));
  const reasons = await host.repair(local.map(({ fix }) => fix));
  const asked = new Map<string, string | undefined>();
  for (const { fix } of findings)
    if (fix?.do === 'resync' && !asked.has(fix.agent)) asked.set(fix.agent, await said(host.resync(fix.agent)));
  return findings.map(finding => {
    const { fix } = finding;
    if (!fix) return { finding, why: 'nothing can be done about it from here' };
    const why = isOnHost(fix) ? reasons[local.findIndex(each => each.finding === finding)] : asked.get(fix.agent);
    return why === undefined ? { finding } : { finding, why };
  });
}

async function said(work: Promise<void>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Agents of Neutron's kinds compare everything with the server when they hear that they are switched on. */
export async function resyncAgent(bus: Bus, host: string, agent: 'DHCP agent' | 'L3 agent'): Promise<void> {
  const { target, method, args } =
    agent === 'L3 agent' ? messages.l3AgentUpdated(host, true) : messages.dhcp(host, 'agent_updated', { admin_state_up: true });
  await bus.cast(target, method, args, { timeoutMs: 10_000 });
}
