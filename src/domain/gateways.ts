// Which of a router's gateways a request means: gateways have no name there but their network and addresses.
import type { WantedGateway } from '../model/ext/router-gateways.ts';
import type { FixedIp } from '../model/port.ts';
import { apiError } from './errors.ts';

export interface Gateway {
  readonly network_id: string;
  readonly fixed_ips: readonly FixedIp[];
}

/** For each that is named, in order, the gateway that it stands for, or undefined where there is none yet. None stands for two. */
export function matchGateways<G extends Gateway>(
  routerId: string,
  wanted: readonly WantedGateway[],
  gateways: readonly G[],
): (G | undefined)[] {
  const free = new Set(gateways);
  const found = new Map<WantedGateway, G>();
  // Who names an address has it before who names a network alone.
  for (const one of wanted.toSorted((a, b) => addressesOf(b).length - addressesOf(a).length)) {
    const gateway = meant(routerId, one, [...free]);
    if (!gateway) continue;
    found.set(one, gateway);
    free.delete(gateway);
  }
  return wanted.map(one => found.get(one));
}

/** The same where each has to be there. */
export function findGateways<G extends Gateway>(routerId: string, wanted: readonly WantedGateway[], gateways: readonly G[]): G[] {
  return matchGateways(routerId, wanted, gateways).map((gateway, i) => {
    if (gateway) return gateway;
    const { network_id } = wanted[i] as WantedGateway;
    throw unmatched(routerId, `there is none on network ${network_id} with such addresses`);
  });
}

const addressesOf = ({ external_fixed_ips = [] }: WantedGateway): string[] => external_fixed_ips.flatMap(f => f.ip_address ?? []);

function meant<G extends Gateway>(routerId: string, wanted: WantedGateway, free: readonly G[]): G | undefined {
  const { network_id, external_fixed_ips = [] } = wanted;
  const there = free.filter(g => g.network_id === network_id);
  const addresses = addressesOf(wanted);
  if (addresses.length > 0) return there.find(g => g.fixed_ips.some(f => addresses.includes(f.ip_address)));
  const subnets = external_fixed_ips.flatMap(f => f.subnet_id ?? []);
  const fitting = subnets.length > 0 ? there.filter(g => g.fixed_ips.some(f => subnets.includes(f.subnet_id))) : there;
  if (fitting.length > 1)
    throw unmatched(routerId, `several are on network ${network_id}, and no ip_address of external_fixed_ips says which`);
  return fitting[0];
}

function unmatched(router_id: string, reason: string): Error {
  return apiError('UnableToMatchGateways', { router_id, reason });
}
