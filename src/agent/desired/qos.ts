// What the rules of a QoS policy ask of a port, and which policy counts for it.
import type { WireObject } from '../../domain/objects/decode.ts';
import type { PortDetails } from './l2-port.ts';

export type Direction = 'egress' | 'ingress';

/** kbit/s, and kbit; a burst of 0 is left to the agent. */
export interface BandwidthLimit {
  readonly kbps: number;
  readonly burst: number;
}

/** Thousands of packets a second, and thousands of packets. */
export interface PacketLimit {
  readonly kpps: number;
  readonly burst: number;
}

/** Directions are the instance's: what it sends is egress. Nothing is asked where a field is absent. */
export interface PortQos {
  readonly bandwidth: Readonly<Partial<Record<Direction, BandwidthLimit>>>;
  readonly packets: Readonly<Partial<Record<Direction, PacketLimit>>>;
  /** kbit/s that are guaranteed. */
  readonly minimum: Readonly<Partial<Record<Direction, number>>>;
  readonly dscp?: number;
}

export const noQos: PortQos = { bandwidth: {}, packets: {}, minimum: {} };

/** Throws where a rule makes no sense. Rules of other types, minimum packet rates among them, ask nothing of the data plane. */
export function readPolicy({ data }: WireObject): PortQos {
  const rules = data['rules'];
  if (!Array.isArray(rules)) throw new Error('a policy without a list of rules');
  return rules.reduce<PortQos>(withRule, noQos);
}

function withRule(qos: PortQos, rule: unknown): PortQos {
  const { name, data } = rule as WireObject;
  switch (name) {
    case 'QosBandwidthLimitRule':
      return { ...qos, bandwidth: { ...qos.bandwidth, [directionOf(data)]: limitOf(data, 'max_kbps', 'max_burst_kbps', 'kbps') } };
    case 'QosPacketRateLimitRule':
      return { ...qos, packets: { ...qos.packets, [directionOf(data)]: limitOf(data, 'max_kpps', 'max_burst_kpps', 'kpps') } };
    case 'QosMinimumBandwidthRule':
      return { ...qos, minimum: { ...qos.minimum, [directionOf(data)]: numberOf(data, 'min_kbps') } };
    case 'QosDscpMarkingRule':
      return { ...qos, dscp: dscpOf(data) };
    default:
      return qos;
  }
}

type Data = WireObject['data'];

function limitOf<R extends 'kbps' | 'kpps'>(
  data: Data,
  rate: string,
  burst: string,
  as: R,
): { readonly burst: number } & Record<R, number> {
  return { [as]: numberOf(data, rate), burst: data[burst] == null ? 0 : numberOf(data, burst) } as { burst: number } & Record<R, number>;
}

function numberOf(data: Data, field: string): number {
  const value = data[field];
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 2 ** 31) return value;
  throw new Error(`${field} is ${JSON.stringify(value)}`);
}

/** Rules of old have none: they are of what the instance sends. */
function directionOf({ direction }: Data): Direction {
  if (direction === undefined || direction === null || direction === 'egress') return 'egress';
  if (direction === 'ingress') return 'ingress';
  throw new Error(`direction is ${JSON.stringify(direction)}`);
}

function dscpOf(data: Data): number {
  const dscp = numberOf(data, 'dscp_mark');
  if (dscp > 63) throw new Error(`dscp_mark is ${dscp}`);
  return dscp;
}

/** Ports that lead out of the cloud are under their network's policy although they are no instance's. */
const outward = ['network:router_gateway', 'network:floatingip_agent_gateway'];

/** The policy that a port is under: its own, or its network's where it has none; the latter is not for the services' own ports. */
export function policyOf(port: Pick<PortDetails, 'qos_policy_id' | 'qos_network_policy_id' | 'device_owner'>): string | null {
  const { qos_policy_id: own, qos_network_policy_id: network, device_owner } = port;
  if (own !== null) return own;
  const service = /^(network|neutron):/.test(device_owner) && !outward.some(o => device_owner.startsWith(o));
  return service ? null : network;
}
