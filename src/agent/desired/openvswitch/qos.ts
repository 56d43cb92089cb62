// What a switch is to do for the QoS of its ports, in its database and by meters. The names are Neutron's, whose agent finds them when it takes its turn.
import type { Meter } from '../../../domain/openflow/flow.ts';
import type { BandwidthLimit, PacketLimit, PortQos } from '../qos.ts';

type Words = Readonly<Record<string, string>>;

/** A row of QoS with its queues by their numbers, as the database is to have it. */
interface QosRow {
  readonly type: string;
  readonly external_ids: Words;
  readonly other_config: Words;
  readonly queues?: Readonly<Record<string, { readonly other_config: Words; readonly external_ids: Words }>>;
}

/** Of a port and its interface; without `qos` that is left as it is. */
interface PortRow {
  readonly make: false;
  readonly qos?: QosRow | null;
  readonly interface: { readonly ingress_policing_rate: number; readonly ingress_policing_burst: number };
}

/** A port that is alive, with what its policy asks. */
export interface QosPort {
  readonly device: string;
  /** Of its port in the switch. */
  readonly name: string;
  readonly ofport: number;
  readonly vlan: number;
  readonly mac: string;
  /** Of its interface: empty for a device of the system. */
  readonly interfaceType: string;
  readonly physical: string | null;
  /** As the database has it. */
  readonly found: { readonly otherConfig: Words; readonly qos: { readonly external_ids: Words } | undefined };
  readonly qos: PortQos;
}

/**
 * How bandwidth is limited. `kernel`: policing of what comes in, classes on what goes out. `meters`: of what comes in. The userspace datapath
 * reads frames before the kernel could police them, and behind a patch there is no device. `dpdk`: the userspace datapath's own policers.
 */
type Means = 'kernel' | 'meters' | 'dpdk';

/** `datapath_type` of the integration bridge. */
type Datapath = string;

const dpdk = /^(?:dpdk|vhost|dpdkvhostuser|dpdkvhostuserclient|dpdkr)$/;

function meansOf({ interfaceType }: QosPort, datapath: Datapath): Means {
  if (dpdk.test(interfaceType)) return 'dpdk';
  return datapath === 'netdev' || interfaceType === 'patch' ? 'meters' : 'kernel';
}

/** Meters of a port: of the bandwidth that it sends, of packets that it sends, of those that it gets. */
export const meterKinds = ['bandwidth', 'egress', 'ingress'] as const;
export type MeterKind = (typeof meterKinds)[number];

/** The key of the port's `other_config` that has the meter's number. */
export const meterKey = (device: string, kind: MeterKind): string => `${device}_${kind === 'bandwidth' ? 'egress_kbps' : kind}`;

export function metersOf(port: QosPort, datapath: Datapath): Partial<Record<MeterKind, Omit<Meter, 'id'>>> {
  const { qos } = port;
  const { egress } = qos.bandwidth;
  return {
    ...(meansOf(port, datapath) === 'meters' && limits(egress) ? { bandwidth: meter('kbps', egress.kbps, burstOf(egress)) } : {}),
    ...(paced(qos.packets.egress) ? { egress: packets(qos.packets.egress) } : {}),
    ...(paced(qos.packets.ingress) ? { ingress: packets(qos.packets.ingress) } : {}),
  };
}

function meter(unit: Meter['unit'], rate: number, burst: number): Omit<Meter, 'id'> {
  return { unit, bands: [{ type: 'drop', rate, ...(burst > 0 ? { burst } : {}) }] };
}

/** OpenFlow has 32 bits for either; what is beyond them is no limit that anybody meets. */
const packets = ({ kpps, burst }: PacketLimit): Omit<Meter, 'id'> => meter('pktps', counted(kpps), counted(burst));
const counted = (thousands: number): number => Math.min(thousands * 1000, 2 ** 32 - 1);

/** A limit of 0 is none, as with Neutron. */
const limits = (limit: BandwidthLimit | undefined): limit is BandwidthLimit => limit !== undefined && limit.kbps > 0;
const paced = (limit: PacketLimit | undefined): limit is PacketLimit => limit !== undefined && limit.kpps > 0;

/** Without one, 80 % of what passes in a second: TCP needs that much. */
const burstOf = ({ kbps, burst }: BandwidthLimit): number => burst || Math.max(1, Math.floor(kbps * 0.8));

const MOST = 2 ** 35 - 1;
export const bandwidthType = 'bandwidth_limit';
export const minimumType = 'minimum_bandwidth';
/** The queue of everything that names none. */
const DEFAULT_QUEUE = 0;

/** What the database is to say of the port; its meters' numbers apart. */
export function databaseOf(port: QosPort, datapath: Datapath): PortRow {
  const { egress } = port.qos.bandwidth;
  const means = meansOf(port, datapath);
  const policed = means !== 'meters' && limits(egress);
  return {
    make: false,
    ...qosOf(port, means),
    interface: {
      ingress_policing_rate: policed ? egress.kbps : 0,
      ingress_policing_burst: policed ? burstOf(egress) : 0,
    },
  };
}

function qosOf(port: QosPort, means: Means): Pick<PortRow, 'qos'> {
  const { ingress } = port.qos.bandwidth;
  if (foreign(port.found.qos, port.name)) return {};
  if (!limits(ingress) || !shapes(port, means)) return { qos: null };
  return { qos: means === 'dpdk' ? policer(port.name, ingress) : shaper(port.name, ingress) };
}

/** Somebody else's, who is not Neutron's agent: it stays. */
const foreign = (qos: QosPort['found']['qos'], name: string): boolean =>
  qos !== undefined && qos.external_ids['_type'] !== bandwidthType && qos.external_ids['id'] !== name;

/** A device of the system has classes whoever reads it; what a switch in user space makes itself, and a patch, have none. */
const shapes = ({ interfaceType }: QosPort, means: Means): boolean => means !== 'meters' || interfaceType === '';

function shaper(name: string, { kbps, burst }: BandwidthLimit): QosRow {
  return {
    type: 'linux-htb',
    external_ids: { id: name, _type: bandwidthType },
    other_config: { 'max-rate': String(MOST) },
    queues: {
      [DEFAULT_QUEUE]: {
        other_config: { 'max-rate': String(kbps * 1000), burst: String(burst * 1000) },
        external_ids: { port: name, type: bandwidthType, 'queue-num': String(DEFAULT_QUEUE) },
      },
    },
  };
}

/** Bytes a second, and bytes. */
function policer(name: string, { kbps, burst }: BandwidthLimit): QosRow {
  return {
    type: 'egress-policer',
    external_ids: { id: name, _type: bandwidthType },
    other_config: { cir: String(kbps * 125), cbs: String(burst * 125) },
  };
}

/** The kernel's classes alone guarantee anything; towards an instance nothing does. */
export const guarantees = (datapath: Datapath, { physical, qos }: QosPort): boolean =>
  datapath !== 'netdev' && physical !== null && (qos.minimum.egress ?? 0) > 0;

type Queues = NonNullable<QosRow['queues']>;

/**
 * Of a physical bridge's port: a class for each port that is guaranteed something, by its number on the integration bridge, and those that are kept
 * for others. Null: none.
 */
export function guaranteeOf(ports: readonly QosPort[], kept: Queues = {}): QosRow | null {
  if (ports.length === 0 && Object.keys(kept).length === 0) return null;
  const queues = ports.map(({ device, ofport, qos }) => [
    ofport,
    {
      other_config: { 'min-rate': String((qos.minimum.egress ?? 0) * 1000), 'max-rate': String(MOST) },
      external_ids: { port: device, type: minimumType, 'queue-num': String(ofport) },
    },
  ]);
  return {
    type: 'linux-htb',
    external_ids: { id: 'weft', _type: minimumType },
    other_config: { 'max-rate': String(MOST) },
    queues: { ...kept, ...(Object.fromEntries(queues) as Queues) },
  };
}

/** What of a port's policy this switch cannot do. */
export function shortfall(port: QosPort, datapath: Datapath): string | undefined {
  const { qos, found, name, physical } = port;
  if (limits(qos.bandwidth.ingress) && foreign(found.qos, name)) return "the port has a QoS of somebody else's";
  if (limits(qos.bandwidth.ingress) && !shapes(port, meansOf(port, datapath)))
    return 'what it gets is not limited: there is no device of the system on whose way out it could wait';
  const minimum = (qos.minimum.egress ?? 0) > 0;
  if (minimum && datapath === 'netdev') return 'no bandwidth is guaranteed to what it sends: the userspace datapath has no classes by port';
  if (minimum && physical === null) return 'no bandwidth is guaranteed to what it sends: its network is on no physical network';
  return undefined;
}
