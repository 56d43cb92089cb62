// The connection that a packet would begin, for the judge of rules.
import type { TrackedFlow } from '../security-flows.ts';
import type { Layer } from './layers.ts';

/** Undefined for what is not IP. */
export function connectionOf(layers: readonly Layer[]): TrackedFlow | undefined {
  const of = (...names: readonly string[]): Layer | undefined => layers.find(l => names.includes(l.name));
  const ip = of('ipv4', 'ipv6');
  if (!ip) return undefined;
  const { src, dst } = ip.fields;
  const carried = of('tcp', 'udp', 'sctp', 'icmp', 'icmpv6');
  const number = (name: string): number | undefined => {
    const value = carried?.fields[name];
    return typeof value === 'number' ? value : undefined;
  };
  const family = ip.name === 'ipv4' ? 4 : 6;
  const icmpType = number('type') ?? number('type_');
  const [srcPort, dstPort, icmpCode] = [number('src_port'), number('dst_port'), number('code')];
  return {
    family,
    protocol: String(protocolOf(ip)),
    src: String(src),
    dst: String(dst),
    ...(srcPort === undefined ? {} : { srcPort }),
    ...(dstPort === undefined ? {} : { dstPort }),
    ...(icmpType === undefined ? {} : { icmpType }),
    ...(icmpCode === undefined ? {} : { icmpCode }),
  };
}

function protocolOf({ name, fields }: Layer): number {
  if (name === 'ipv4') return Number(fields['proto']);
  const headers = fields['ext_hdrs'];
  const last = Array.isArray(headers) ? (headers as readonly Layer[]).at(-1) : undefined;
  return Number(last ? last.fields['nxt'] : fields['nxt']);
}
