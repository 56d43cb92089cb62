// The nftables table that marks and limits what ports behind Linux bridges send: a chain for each, named by a fingerprint of its rules.
// It needs no module for policing, which kernels may lack, and runs before the table that guards the ports.
import type { BandwidthLimit } from '../desired/qos.ts';
import { fingerprint } from './fingerprint.ts';

export const qosTable = 'neutron-linuxbri-qos';

export interface SendingPort {
  readonly device: string;
  readonly dscp?: number;
  readonly limit?: BandwidthLimit;
}

/** What a table holds: its layout, and by device the chain that it goes through. */
export interface QosTable {
  readonly layout: string;
  readonly chains: ReadonlyMap<string, string>;
}

const frame = `
  map ports { type ifname : verdict; }
  chain from-port {
    type filter hook prerouting priority -310; policy accept;
    iifname vmap @ports
  }
`;
const layout = `layout-${fingerprint(frame)}`;

/** Beyond these, in bytes and a second, kernels count wrong or refuse the rule; no tap is that fast. */
const MAX_RATE = 16_000_000_000;
const MAX_BURST = 2_000_000_000;

/** Those that ask nothing are left out. */
function rulesOf({ dscp, limit }: SendingPort): string[] {
  return [
    ...(dscp === undefined ? [] : [`ip dscp set ${dscp}`, `ip6 dscp set ${dscp}`]),
    ...(limit && limit.kbps > 0
      ? [`limit rate over ${Math.min(limit.kbps * 125, MAX_RATE)} bytes/second burst ${burstOf(limit)} bytes drop`]
      : []),
  ];
}

/** nft's bucket has a second's worth besides its burst. Without a burst, TCP needs 80 % of a second, which it has already. */
const burstOf = ({ kbps, burst }: BandwidthLimit): number => Math.min(Math.max(1, (burst - kbps) * 125), MAX_BURST);

/** The script that turns what is there into what is wanted in one transaction; '' when they agree. Devices that are `kept` stay as they are. */
export function qosDelta(actual: QosTable | undefined, ports: readonly SendingPort[], kept: ReadonlySet<string> = new Set()): string {
  const rules = new Map<string, readonly string[]>();
  const wanted = new Map<string, string>();
  for (const port of ports) {
    const own = rulesOf(port);
    if (own.length === 0) continue;
    const chain = `qos-${fingerprint([port.device, ...own].join('\n'))}`;
    rules.set(chain, own);
    wanted.set(port.device, chain);
  }
  const there = new Map([...(actual?.chains ?? [])].filter(([device]) => !kept.has(device)));
  if (wanted.size === 0 && there.size === (actual?.chains.size ?? 0)) return actual ? `delete table bridge ${qosTable}\n` : '';
  if (actual && actual.layout !== layout) return `delete table bridge ${qosTable}\n${whole}${changes(new Map(), wanted, rules)}`;
  return `${actual ? '' : whole}${changes(there, wanted, rules)}`;
}

const whole = `table bridge ${qosTable} {${frame}  chain ${layout} {\n  }\n}\n`;

function changes(
  actual: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, string>,
  rules: ReadonlyMap<string, readonly string[]>,
): string {
  const at = `bridge ${qosTable}`;
  const stale = [...actual].filter(([device, chain]) => wanted.get(device) !== chain);
  const fresh = [...wanted].filter(([device, chain]) => actual.get(device) !== chain);
  const lines = [
    ...fresh.flatMap(([, chain]) => [`add chain ${at} ${chain}`, ...(rules.get(chain) ?? []).map(r => `add rule ${at} ${chain} ${r}`)]),
    ...(stale.length > 0 ? [`delete element ${at} ports { ${stale.map(([device]) => `"${device}"`).join(', ')} }`] : []),
    ...(fresh.length > 0
      ? [`add element ${at} ports { ${fresh.map(([device, chain]) => `"${device}" : goto ${chain}`).join(', ')} }`]
      : []),
    ...stale.flatMap(([, chain]) => [`flush chain ${at} ${chain}`, `delete chain ${at} ${chain}`]),
  ];
  return lines.map(l => `${l}\n`).join('');
}

/** Of the text of `nft list table`. */
export function parseQosTable(listing: string): QosTable {
  const elements = [...listing.matchAll(/"?([^\s",{]+)"?\s*:\s*goto\s+(qos-[0-9a-f]{16})/g)];
  return {
    layout: /^\tchain (layout-[0-9a-f]{16}) \{/m.exec(listing)?.[1] ?? '',
    chains: new Map(elements.flatMap(([, device, chain]) => (device && chain ? [[device, chain] as const] : []))),
  };
}
