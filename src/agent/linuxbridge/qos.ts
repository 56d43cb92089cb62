// The QoS of a pass: nftables mark and limit what ports send, token buckets shape what they get.
import type { Host } from '../../contracts/host/host.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import type { Qdisc, QdiscChange, Shaper } from '../../contracts/host/qdiscs.ts';
import { unlessMissing } from '../bridge-firewall/missing-tool.ts';
import type { AgentContext } from '../context.ts';
import type { PortDetails } from '../desired/l2-port.ts';
import type { BandwidthLimit, PortQos } from '../desired/qos.ts';
import { Problems } from '../l2/problems.ts';
import { withoutMarks } from '../render/mangle-leftovers.ts';
import { parseQosTable, type QosTable, qosDelta, qosTable, type SendingPort } from '../render/nft-qos.ts';

export interface BridgeQosGiven {
  readonly ctx: Pick<AgentContext, 'host' | 'log'>;
  /** `[QOS] kernel_hz`, and `tbf_latency` in milliseconds. */
  readonly kernelHz: number;
  readonly latencyMs: number;
  /** Undefined while the server has not told the policy. */
  qosOf(port: PortDetails): PortQos | undefined;
}

export interface QosTap {
  readonly device: string;
  /** Of the device: another one under the same name is another device. */
  readonly index: number;
  readonly mtu: number;
  readonly details: PortDetails;
}

type Asked = QosTap & { readonly qos: PortQos };

/** Filters that police, as Neutron's agent makes them. */
const NEUTRONS_PREFERENCE = 49;
/** Ethernet's header with a tag. */
const FRAME = 18;

export class BridgeQos {
  private readonly given: BridgeQosGiven;
  private readonly problems: Problems;
  /** As it is on the host; undefined: to be read. */
  private table: { readonly is: QosTable | undefined } | undefined;
  /** By device, and of which one of its name that was read. */
  private found: Map<string, readonly Qdisc[]> | undefined;
  private indexes = new Map<string, number>();
  private tookOver = false;

  constructor(given: BridgeQosGiven) {
    this.given = given;
    this.problems = new Problems(given.ctx.log, 'the QoS of a port', 'is not as its policy asks');
  }

  /** What is on the host is to be read again. */
  forget(): void {
    this.table = undefined;
    this.found = undefined;
  }

  /** Neutron's agent may have been here. */
  private async takeOver(): Promise<void> {
    if (this.tookOver) return;
    const { iptables } = this.given.ctx.host;
    for (const family of [4, 6] as const) {
      const text = withoutMarks(await iptables.save(hostNetns, family, 'mangle').catch(unlessMissing('')));
      if (text !== '') await iptables.restore(hostNetns, family, text);
    }
    this.tookOver = true;
  }

  /** Of all taps that are to be plugged in; those whose policy is not known stay as they are. */
  async apply(taps: readonly QosTap[]): Promise<void> {
    await this.takeOver();
    const asked = taps.flatMap((tap): Asked[] => {
      const qos = this.given.qosOf(tap.details);
      return qos ? [{ ...tap, qos }] : [];
    });
    const known = new Set(asked.map(t => t.device));
    await this.limitSending(asked, new Set(taps.map(t => t.device).filter(d => !known.has(d))));
    this.problems.tell(await this.shape(asked));
  }

  private async limitSending(taps: readonly Asked[], kept: ReadonlySet<string>): Promise<void> {
    const { nft } = this.given.ctx.host;
    if (!this.table) {
      const listing = await nft.listTable(hostNetns, 'bridge', qosTable);
      this.table = { is: listing === undefined ? undefined : parseQosTable(listing) };
    }
    const script = qosDelta(this.table.is, taps.map(senderOf), kept);
    if (script === '') return;
    this.table = undefined;
    await nft.apply(hostNetns, script);
  }

  private async shape(taps: readonly Asked[]): Promise<[string, string][]> {
    const found = await this.look(taps);
    const problems: [string, string][] = [];
    const changes: QdiscChange[] = [];
    for (const tap of taps) {
      const here = found.get(tap.device) ?? [];
      const change = this.changeOf(
        tap,
        here.find(q => q.at === 'root'),
      );
      if (change === 'foreign') problems.push([tap.device, "what it gets is not limited: its device has somebody else's qdisc"]);
      else if (change) changes.push(change);
      if (here.some(q => q.at === 'ingress' && q.filters?.includes(NEUTRONS_PREFERENCE)))
        changes.push({ do: 'delete', dev: tap.device, at: 'ingress' });
    }
    if (changes.length === 0) return problems;
    this.found = undefined;
    const refused = await this.given.ctx.host.qdiscs.apply(hostNetns, changes);
    return [...problems, ...refused.map(({ index, reason }): [string, string] => [changes[index]?.dev ?? '', reason])];
  }

  /** To look costs a process: a device that came since has nothing of ours, and is looked at when it is to have. */
  private async look(taps: readonly Asked[]): Promise<ReadonlyMap<string, readonly Qdisc[]>> {
    const fresh = taps.filter(t => this.indexes.get(t.device) !== t.index);
    if (this.found && !fresh.some(t => limits(t.qos.bandwidth.ingress))) {
      for (const { device } of fresh) this.found.delete(device);
    } else this.found = Map.groupBy(await this.given.ctx.host.qdiscs.list(hostNetns), q => q.dev);
    this.indexes = new Map(taps.map(t => [t.device, t.index]));
    return this.found;
  }

  private changeOf(tap: Asked, root: Qdisc | undefined): QdiscChange | 'foreign' | undefined {
    const nobodys = root === undefined || root.handle === '0:';
    const { ingress } = tap.qos.bandwidth;
    if (!limits(ingress)) return root?.kind === 'tbf' && !nobodys ? { do: 'delete', dev: tap.device, at: 'root' } : undefined;
    if (!nobodys && root.kind !== 'tbf') return 'foreign';
    const shaper = this.shaperOf(tap, ingress);
    return root?.shaper && sameShaper(root.shaper, shaper) ? undefined : { do: 'shape', dev: tap.device, shaper };
  }

  /** A bucket that holds less than a frame passes none of that size. */
  private shaperOf({ mtu }: QosTap, { kbps, burst }: BandwidthLimit): Shaper {
    const { kernelHz, latencyMs } = this.given;
    return { rate: kbps * 125, burst: Math.max(burst * 125, Math.ceil((kbps * 125) / kernelHz), mtu + FRAME), latencyMs };
  }
}

/** The table is by its name nobody else's; a bucket may be an operator's, and goes with its device. */
export async function withoutQos({ nft }: Pick<Host, 'nft'>): Promise<void> {
  if ((await nft.listTable(hostNetns, 'bridge', qosTable)) !== undefined) await nft.apply(hostNetns, `delete table bridge ${qosTable}\n`);
}

/** A limit of 0 is none, as with Neutron. */
const limits = (limit: BandwidthLimit | undefined): limit is BandwidthLimit => limit !== undefined && limit.kbps > 0;

const senderOf = ({ device, qos: { dscp, bandwidth } }: Asked): SendingPort => ({
  device,
  ...(dscp === undefined ? {} : { dscp }),
  ...(limits(bandwidth.egress) ? { limit: bandwidth.egress } : {}),
});

/** The kernel tells a burst in its own units of time. */
const sameShaper = (a: Shaper, b: Shaper): boolean =>
  a.rate === b.rate && a.latencyMs === b.latencyMs && Math.abs(a.burst - b.burst) <= Math.max(64, b.burst / 100);
