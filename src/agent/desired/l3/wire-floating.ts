// Reads the floating IPs of a router: those with a fixed address, and those that forward single ports.

import { asAddress, asDict, asList, asPortRange, asText, asUuid, type Dict } from './values.ts';
import type { FloatingIp, PortForwarding } from './view.ts';

type Complain = (what: string) => void;

interface FloatingIps {
  readonly taken: readonly FloatingIp[];
  /** Ids of those that could not be read. */
  readonly refused: readonly string[];
}

export function readFloatingIps(router: Dict, complain: Complain): FloatingIps {
  const taken = new Map<string, FloatingIp>();
  const refused: string[] = [];
  const addresses = new Set<string>();
  // One that forwards ports is listed under both keys by some servers: the first description is taken.
  for (const value of [...asList(router['_floatingips']), ...asList(router['_pf_floatingips'])]) {
    const id = asUuid(asDict(value)?.['id']);
    if (id !== undefined && taken.has(id)) continue;
    const fip = id === undefined ? undefined : readFloatingIp(id, asDict(value) ?? {}, complain);
    if (fip && !addresses.has(fip.floating)) {
      addresses.add(fip.floating);
      taken.set(fip.id, fip);
    } else {
      complain(`floating IP ${id ?? '?'}: ${fip ? 'its address is there twice' : 'bad address'}`);
      if (id !== undefined) refused.push(id);
    }
  }
  return { taken: [...taken.values()], refused };
}

function readFloatingIp(id: string, dict: Dict, complain: Complain): FloatingIp | undefined {
  const floating = asAddress(dict['floating_ip_address'], 4);
  const given = dict['fixed_ip_address'];
  const fixed = asAddress(given, 4);
  if (floating === undefined || (given !== null && given !== undefined && fixed === undefined)) return undefined;
  return {
    id,
    floating,
    ...(fixed === undefined ? {} : { fixed }),
    fixedScope: asUuid(dict['fixed_ip_address_scope']) ?? null,
    // With a fixed address all ports lead there.
    forwardings: fixed === undefined ? readForwardings(dict['port_forwardings'], complain) : [],
    status: asText(dict['status']) ?? '',
  };
}

function readForwardings(value: unknown, complain: Complain): PortForwarding[] {
  return asList(value).flatMap(item => {
    const forwarding = readForwarding(asDict(item) ?? {});
    if (typeof forwarding === 'string') complain(`port forwarding ${forwarding}`);
    return typeof forwarding === 'string' ? [] : [forwarding];
  });
}

function readForwarding(dict: Dict): PortForwarding | string {
  const id = asUuid(dict['id']);
  if (id === undefined) return '? has no valid id';
  const protocol = dict['protocol'];
  const internalIp = asAddress(dict['internal_ip_address'], 4);
  const internal = asPortRange(dict['internal_port_range'] ?? dict['internal_port']);
  const external = asPortRange(dict['external_port_range'] ?? dict['external_port']);
  if ((protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') || internalIp === undefined || !internal || !external)
    return `${id} cannot be read`;
  const many = internal.last - internal.first;
  // A range translates one to one, or all of it to a single port.
  if (many !== 0 && many !== external.last - external.first) return `${id}: ranges of different sizes`;
  const text = (r: { first: number; last: number }, dash: string): string =>
    r.first === r.last ? `${r.first}` : `${r.first}${dash}${r.last}`;
  // A range to other port numbers is counted from its first port outside; else the kernel would choose any port of the range.
  const from = many !== 0 && external.first !== internal.first ? `/${external.first}` : '';
  return { id, protocol, internalIp, internalPorts: text(internal, '-') + from, externalPorts: text(external, ':') };
}
