// The nftables tables of the host's own families. A tap that is in no bridge is a device of the host like any other: whatever an instance
// sends there would reach the host's addresses, and its tunnel ends. And fragments are put together before iptables gives them a zone.
import { fingerprint } from './fingerprint.ts';

export interface HostGuardInput {
  /** Devices called tap… that are no port's: none of our business. */
  readonly foreign: Iterable<string>;
  /** Bridge → the zone that its fragments wait in for each other: two networks with the same addresses never complete one another's. */
  readonly fragmentZones: ReadonlyMap<string, number>;
}

export interface HostGuard {
  /** The name of an empty chain by which a running host's tables are known. */
  readonly mark: string;
  /** Replaces the tables in one transaction. */
  readonly script: string;
}

export const hostFamilies = ['inet', 'arp'] as const;

/** `table` is their name. */
export function hostGuard(table: string, { foreign, fragmentZones }: HostGuardInput): HostGuard {
  const strangers = [...foreign].sort().map(quoted);
  const fromTap = `iifname "tap*" ${strangers.length > 0 ? `iifname != { ${strangers.join(', ')} } ` : ''}drop`;
  const zones = [...fragmentZones].sort(([a], [b]) => (a < b ? -1 : 1)).map(([bridge, zone]) => `${quoted(bridge)} : ${zone}`);
  const toZone = zones.length > 0 ? [`ct zone set iifname map { ${zones.join(', ')} }`] : [];
  const early = [fromTap, ...['ip frag-off & 0x3fff != 0', 'exthdr frag exists'].flatMap(f => toZone.map(z => `${f} ${z}`))];
  const chains = {
    // Before fragments are put together, which is at -400.
    inet: ['type filter hook prerouting priority -450; policy accept;', ...early],
    arp: ['type filter hook input priority 0; policy accept;', fromTap],
  };
  const mark = `guard-${fingerprint(JSON.stringify(chains))}`;
  const script = hostFamilies.flatMap(family => [
    `table ${family} ${table}`,
    `delete table ${family} ${table}`,
    `table ${family} ${table} {`,
    '  chain from-port {',
    ...chains[family].map(line => `    ${line}`),
    '  }',
    `  chain ${mark} {`,
    '  }',
    '}',
  ]);
  return { mark, script: `${script.join('\n')}\n` };
}

const quoted = (device: string): string => `"${device}"`;

/** The mark of a listing; undefined when there is no such table, or none of ours. */
export const guardMark = (listing: string | undefined): string | undefined => /^\tchain (guard-[0-9a-f]{16}) \{/m.exec(listing ?? '')?.[1];
