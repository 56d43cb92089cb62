// Flows of the integration bridge: foreign VLANs become local ones, ports nobody answers for are dropped, and ports send as themselves.

import { formatCidr, parseCidr } from '../../../domain/net/cidr.ts';
import { ipText } from '../../../domain/net/ip.ts';
import { eui64 } from '../../../domain/net/mac.ts';
import type { Action } from '../../../domain/openflow/actions.ts';
import type { Flow } from '../../../domain/openflow/flow.ts';
import { type Match, noVlan, protocol, vlan } from '../../../domain/openflow/match.ts';
import { taglessRows } from '../../render/openflow/tables.ts';
import type { AddressPair, PortSecurity } from '../../render/security-port.ts';
import { DEAD_VLAN, intTable as t, wiringCookie } from './tables.ts';

/** A segment that leaves through a physical bridge. */
export interface Translation {
  /** Of the patch port to the physical bridge, on the bridge at hand. */
  readonly patch: number;
  readonly local: number;
  /** Null: no tag there. */
  readonly outer: number | null;
}

export interface IntegrationGiven {
  /** Ports whose frames are let in as they are; those of any port that is named nowhere here go nowhere. */
  readonly admitted: readonly number[];
  /** Ports of devices, which send no tags, where no firewall sees to that. */
  readonly untagged: readonly number[];
  /** Ports that lead to physical bridges. */
  readonly patches: readonly number[];
  readonly translations: readonly Translation[];
  /** Ports whose frames go nowhere. */
  readonly dead: readonly number[];
  /** Ports that may only send as themselves, by their number, where no firewall sees to that. */
  readonly spoofing: ReadonlyMap<number, PortSecurity>;
}

type Row = readonly [table: number, priority: number, match: Match, actions: readonly Action[]];

export const goto = (table: number): Action => ({ do: 'goto_table', table });
export const output = (port: number | 'normal' | 'in_port'): Action => ({ do: 'output', port });
export const setVlan = (vid: number): Action => ({ do: 'set_field', field: 'vlan_vid', value: vlan(vid) });
export const pushVlan: Action = { do: 'push_vlan', eth_type: 0x8100 };

export const flowsOf = (rows: readonly Row[]): Flow[] =>
  rows.map(([table, priority, match, actions]) => ({ table, priority, cookie: wiringCookie, match, actions }));

export function integrationFlows({ admitted, untagged, patches, translations, dead, spoofing }: IntegrationGiven): Flow[] {
  return [
    ...always,
    ...admitted.map(admission),
    ...untagged.flatMap(tagless),
    ...flowsOf([...patches, ...dead].map((in_port): Row => [t.local, 2, { in_port }, []])),
    ...flowsOf(translations.map(inward)),
    ...[...spoofing].flatMap(([port, security]) => antiSpoofing(port, security)),
  ];
}

const always: readonly Flow[] = flowsOf([
  [t.canary, 0, {}, []],
  [t.local, 0, {}, []],
  [t.local, 65_535, { vlan_vid: vlan(DEAD_VLAN) }, []],
  [t.packetRate, 0, {}, [goto(t.transient)]],
  [t.transient, 3, {}, [output('normal')]],
  [t.transientEgress, 3, {}, [output('normal')]],
  [t.arpSpoof, 0, {}, []],
  [t.localEgress, 0, {}, [goto(t.packetRate)]],
  [t.localIp, 0, {}, [goto(t.packetRate)]],
]);

/** Of a port's number, the same values again. */
function kept<T>(make: (port: number) => T): (port: number) => T {
  const made = new Map<number, T>();
  return port => {
    const known = made.get(port) ?? make(port);
    made.set(port, known);
    return known;
  };
}

const admission = kept((in_port): Flow => flowsOf([[t.local, 1, { in_port }, [goto(t.packetRate)]]])[0]!);

/**
 * A port that is plugged anew under its number has no tag until somebody gives it one, and is no trunk meanwhile. A priority's tag is none, and is
 * taken off: a tag behind it would be the outer one on the wire of a flat network.
 */
const tagless = kept((in_port): readonly Flow[] => flowsOf(taglessRows(t.transient, 4, in_port, [])));

function inward({ patch, local, outer }: Translation): Row {
  const match = { in_port: patch, vlan_vid: outer === null ? noVlan : vlan(outer) };
  return [t.local, 3, match, [...(outer === null ? [pushVlan] : []), setVlan(local), goto(t.packetRate)]];
}

/** The same values again for the same port: then nobody need spell them again. */
const made = new WeakMap<PortSecurity, { readonly in_port: number; readonly flows: readonly Flow[] }>();

function antiSpoofing(in_port: number, port: PortSecurity): readonly Flow[] {
  const known = made.get(port);
  if (known?.in_port === in_port) return known.flows;
  const flows = flowsOf(spoofingRows(in_port, port));
  made.set(port, { in_port, flows });
  return flows;
}

function spoofingRows(in_port: number, { macs, pairs }: PortSecurity): Row[] {
  const arp = prefixesOf(pairs, 4);
  const nd = anyOf(pairs, 6) ? [] : [...new Set([...prefixesOf(pairs, 6), ...macs.map(linkLocal)])];
  const advertisement = { ...protocol.icmp6, icmpv6_type: 136 } as const;
  return [
    [t.local, 9, { in_port }, [goto(t.macSpoof)]],
    ...macs.map((eth_src): Row => [t.macSpoof, 2, { in_port, eth_src }, [goto(t.localEgress)]]),
    ...arp.map((arp_spa): Row => [t.arpSpoof, 2, { ...protocol.arp, in_port, arp_spa }, [goto(t.macSpoof)]]),
    ...(anyOf(pairs, 4) ? [] : [[t.local, 10, { ...protocol.arp, in_port }, [goto(t.arpSpoof)]] as const]),
    ...nd.map((nd_target): Row => [t.arpSpoof, 2, { ...advertisement, in_port, nd_target }, [goto(t.packetRate)]]),
    ...(anyOf(pairs, 6) ? [] : [[t.local, 10, { ...advertisement, in_port }, [goto(t.arpSpoof)]] as const]),
  ];
}

const linkLocals = parseCidr('fe80::/64')!;
const linkLocal = (mac: string): string => ipText(6, eui64(linkLocals, mac)!);

/** Who may be every address is not looked at. */
const anyOf = (pairs: readonly AddressPair[], version: 4 | 6): boolean =>
  pairs.some(p => p.prefix.version === version && p.prefix.prefix === 0);

function prefixesOf(pairs: readonly AddressPair[], version: 4 | 6): string[] {
  if (anyOf(pairs, version)) return [];
  const whole = version === 4 ? '/32' : '/128';
  return [...new Set(pairs.filter(p => p.prefix.version === version).map(p => formatCidr(p.prefix).replace(whole, '')))];
}
