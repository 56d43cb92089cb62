// The QoS of a pass: what policies ask of the ports that are alive, in the switch's database, by meters and by flows.
import type { Switch } from '../../contracts/host/openflow.ts';
import type { OvsdbSession, OvsPicture, OvsPort, WantedBridge, WantedPort } from '../../contracts/host/ovsdb.ts';
import type { Flow, Meter } from '../../domain/openflow/flow.ts';
import type { AgentContext } from '../context.ts';
import type { PortDetails } from '../desired/l2-port.ts';
import { classRenderer, concerns, isClassOf, qosRenderer } from '../desired/openvswitch/flows-qos.ts';
import type { LivePort, SwitchPlan } from '../desired/openvswitch/plan.ts';
import {
  bandwidthType,
  databaseOf,
  guaranteeOf,
  guarantees,
  type MeterKind,
  meterKey,
  metersOf,
  minimumType,
  type QosPort,
  shortfall,
} from '../desired/openvswitch/qos.ts';
import { noQos, type PortQos } from '../desired/qos.ts';
import { Problems } from '../l2/problems.ts';
import type { FlowTable } from './flow-table.ts';
import { configOf, Meters, numberFor, numbersIn } from './meters.ts';

export interface OvsQosGiven {
  readonly session: OvsdbSession;
  readonly log: AgentContext['log'];
  readonly integrationBridge: string;
  /** Physical network → bridge. */
  readonly bridgeMappings: Readonly<Record<string, string>>;
  readonly datapathType: string;
  /** Undefined while the server has not told the policy. */
  qosOf(port: PortDetails): PortQos | undefined;
}

type Numbers = ReadonlyMap<string, ReadonlyMap<MeterKind, number>>;

export interface QosScene {
  readonly ports: readonly QosPort[];
  /** Of all live ports whose flows are not refused, by number, the local VLAN. */
  readonly vlans: ReadonlyMap<number, number>;
  /** Ports that are left as they are. */
  readonly unknown: readonly LivePort[];
  readonly numbers: Numbers;
  readonly meters: ReadonlyMap<number, Meter>;
  /** Meters that the switch has not taken, and why. */
  readonly refused: ReadonlyMap<number, string>;
  /** Physical network → a device that leads out, whose QoS is somebody else's. */
  readonly foreign: ReadonlyMap<string, string>;
}

export class OvsQos {
  private readonly given: OvsQosGiven;
  private readonly meters = new Meters();
  private readonly problems: Problems;
  private readonly render = qosRenderer();
  /** By physical network. */
  private readonly renderClasses = new Map<string, ReturnType<typeof classRenderer>>();
  /** Ports whose flows were refused, and how often; they are tried again at the next look at everything. */
  private readonly refusals = new Map<number, number>();

  constructor(given: OvsQosGiven) {
    this.given = given;
    this.problems = new Problems(given.log, 'the QoS of a port', 'is not as its policy asks');
  }

  /** The switch may have begun anew. */
  forget(): void {
    this.meters.forget();
  }

  /** What was refused is tried again. */
  again(): void {
    this.meters.forget();
    this.refusals.clear();
  }

  /** Before there are flows: the database, so that nothing flows without its limit, and meters. */
  async prepare(picture: OvsPicture, plan: SwitchPlan, vlanOf: (segment: string) => number | undefined, door: Switch): Promise<QosScene> {
    const { ports, unknown, vlans } = this.sorted(picture, plan, vlanOf);
    const numbers = this.number(picture, ports, unknown);
    await this.describe(picture, ports, unknown, numbers);
    const meters = new Map(ports.flatMap(port => this.metersOf(port, numbers)).map(meter => [meter.id, meter]));
    const refused = await this.meters.set(door, meters);
    return { ports, unknown, vlans, numbers, meters, refused, foreign: this.foreign(picture) };
  }

  private sorted(
    picture: OvsPicture,
    plan: SwitchPlan,
    vlanOf: (segment: string) => number | undefined,
  ): Pick<QosScene, 'ports' | 'unknown' | 'vlans'> {
    const ports: QosPort[] = [];
    const unknown: LivePort[] = [];
    const vlans = new Map<number, number>();
    for (const live of plan.ports.values()) {
      const { vif, details, segment } = live;
      const asked = this.given.qosOf(details);
      const vlan = vlanOf(segment);
      const port = picture.port(vif.name);
      const without = (this.refusals.get(vif.ofport) ?? 0) > 1;
      if (vlan !== undefined && !without) vlans.set(vif.ofport, vlan);
      if (asked === undefined) unknown.push(live);
      else if (vlan !== undefined)
        ports.push({
          device: details.device,
          name: vif.name,
          ofport: vif.ofport,
          vlan,
          mac: details.mac_address,
          interfaceType: port?.interfaces[0]?.type ?? '',
          physical: plan.segments.get(segment)?.physical ?? null,
          found: { otherConfig: port?.other_config ?? {}, qos: port?.qos },
          qos: without ? noQos : asked,
        });
    }
    return { ports, unknown, vlans };
  }

  private number(picture: OvsPicture, ports: readonly QosPort[], unknown: readonly LivePort[]): Numbers {
    const there = [...(picture.bridges.get(this.given.integrationBridge)?.ports.values() ?? [])];
    const taken = numbersIn(there.map(p => p.other_config));
    const given = numbersIn(unknown.map(p => p.vif.otherConfig));
    return new Map(
      ports.map(port => {
        const kinds = Object.keys(metersOf(port, this.given.datapathType)) as MeterKind[];
        return [
          port.device,
          new Map(kinds.map(kind => [kind, numberFor(port.found.otherConfig[meterKey(port.device, kind)], taken, given)])),
        ];
      }),
    );
  }

  private metersOf(port: QosPort, numbers: Numbers): Meter[] {
    const wanted = metersOf(port, this.given.datapathType);
    return [...(numbers.get(port.device) ?? [])].flatMap(([kind, id]) => {
      const meter = wanted[kind];
      return meter ? [{ id, ...meter }] : [];
    });
  }

  private async describe(picture: OvsPicture, ports: readonly QosPort[], unknown: readonly LivePort[], numbers: Numbers): Promise<void> {
    const { session, integrationBridge } = this.given;
    const taps = ports.map((port): [string, WantedPort] => [
      port.name,
      { ...databaseOf(port, this.given.datapathType), other_config: configOf(port, numbers.get(port.device) ?? new Map()) },
    ]);
    const bridges: Record<string, WantedBridge> = {
      ...this.classes(picture, ports, unknown),
      [integrationBridge]: { make: false, ports: Object.fromEntries(taps) },
    };
    await session.apply({ bridges, orphans: { _type: bandwidthType } }, { taken: false, comment: 'neutron-openvswitch-agent: QoS' });
    await session.apply({ orphans: { _type: minimumType } }, { taken: false, comment: 'neutron-openvswitch-agent: QoS that nobody has' });
  }

  /** Of each physical bridge the devices that lead out of the host. */
  private classes(picture: OvsPicture, ports: readonly QosPort[], unknown: readonly LivePort[]): Record<string, WantedBridge> {
    const bridges: Record<string, WantedBridge> = {};
    for (const [physical, name] of Object.entries(this.given.bridgeMappings)) {
      const guaranteed = this.guaranteed(ports, physical);
      const outward = devicesOf(picture, name).flatMap((port): [string, WantedPort][] => {
        const qos = guaranteeOf(guaranteed, queuesOf(port, unknown));
        return (port.qos ? isOurs(port.qos) : qos !== null) ? [[port.name, { make: false, qos }]] : [];
      });
      if (outward.length > 0) bridges[name] = { make: false, ports: Object.fromEntries(outward) };
    }
    return bridges;
  }

  private foreign(picture: OvsPicture): Map<string, string> {
    return new Map(
      Object.entries(this.given.bridgeMappings).flatMap(([physical, bridge]) => {
        const theirs = devicesOf(picture, bridge).find(port => port.qos && !isOurs(port.qos));
        return theirs ? [[physical, theirs.name]] : [];
      }),
    );
  }

  private guaranteed(ports: readonly QosPort[], physical?: string): QosPort[] {
    return ports.filter(port => guarantees(this.given.datapathType, port) && (physical === undefined || port.physical === physical));
  }

  /** Of the integration bridge; what is there for ports whose policy is not known stays. */
  async flows({ ports, unknown, vlans, numbers, refused }: QosScene, table: FlowTable): Promise<Flow[]> {
    const kept =
      unknown.length === 0
        ? []
        : await table.those(flow => unknown.some(({ vif, details }) => concerns(flow, vif.ofport, details.mac_address)));
    return [
      ...kept,
      ...this.render({
        ports,
        guaranteed: this.guaranteed(ports),
        vlans,
        meterOf: (port, kind) => {
          const id = numbers.get(port.device)?.get(kind);
          return id === undefined || refused.has(id) ? undefined : id;
        },
      }),
    ];
  }

  /** Of a physical bridge, on which the integration bridge's patch has that number. */
  async classFlows({ ports, unknown }: QosScene, physical: string, patch: number, table: FlowTable): Promise<Flow[]> {
    const render = this.renderClasses.get(physical) ?? classRenderer();
    this.renderClasses.set(physical, render);
    const kept = unknown.length === 0 ? [] : await table.those(flow => unknown.some(({ vif }) => isClassOf(flow, vif.ofport)));
    return [...kept, ...render(patch, this.guaranteed(ports, physical))];
  }

  /** A flow of ours was refused: a meter went meanwhile, or the switch cannot do it. Answers whether it is some port's, which may go without. */
  noteRefused(flow: Flow, { ports }: QosScene): boolean {
    const guilty = ports.filter(p => concerns(flow, p.ofport, p.mac));
    if (guilty.length > 0) this.meters.forget();
    for (const { ofport } of guilty) this.refusals.set(ofport, (this.refusals.get(ofport) ?? 0) + 1);
    return guilty.length > 0;
  }

  private unguaranteed(port: QosPort, foreign: QosScene['foreign']): string | undefined {
    const device = guarantees(this.given.datapathType, port) ? foreign.get(port.physical ?? '') : undefined;
    return device === undefined
      ? undefined
      : `no bandwidth is guaranteed to what it sends by ${device}, which has a QoS of somebody else's`;
  }

  /** When flows stand. */
  async finish({ ports, unknown, numbers, meters, refused, foreign }: QosScene, door: Switch): Promise<void> {
    await this.meters.drop(door, new Set([...meters.keys(), ...numbersIn(unknown.map(p => p.vif.otherConfig))]));
    const problems = ports.flatMap((port): [string, string][] => {
      const meter = [...(numbers.get(port.device)?.values() ?? [])].map(id => refused.get(id)).find(why => why !== undefined);
      const flows = (this.refusals.get(port.ofport) ?? 0) > 1 ? 'the switch refuses its flows' : undefined;
      const why = flows ?? meter ?? shortfall(port, this.given.datapathType) ?? this.unguaranteed(port, foreign);
      return why === undefined ? [] : [[port.device, why]];
    });
    this.problems.tell(problems);
  }
}

/** The ports of a physical bridge that lead out of the host by a device of the system. */
const devicesOf = (picture: OvsPicture, bridge: string): OvsPort[] =>
  [...(picture.bridges.get(bridge)?.ports.values() ?? [])].filter(port => port.interfaces.every(i => i.type === ''));

const isOurs = ({ external_ids }: NonNullable<OvsPort['qos']>): boolean => external_ids['_type'] === minimumType;

/** Classes that a physical bridge's port has for ports whose policy is not known. */
function queuesOf({ qos }: OvsPort, unknown: readonly LivePort[]): Parameters<typeof guaranteeOf>[1] {
  if (!qos || !isOurs(qos)) return {};
  return Object.fromEntries(
    unknown.flatMap(({ vif, details }) => {
      const queue = qos.queues[vif.ofport];
      if (queue?.external_ids['port'] !== details.device) return [];
      return [[vif.ofport, { other_config: queue.other_config, external_ids: queue.external_ids }]];
    }),
  );
}
