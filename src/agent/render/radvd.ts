// The configuration of one radvd per router: RFC 4861 advertisements, RFC 8106 resolvers.
// Every word is parsed again before it is written: nothing but canonical addresses, plain names and numbers reaches the file.
import { parseCidr } from '../../domain/net/cidr.ts';
import { parseIpv6 } from '../../domain/net/ip.ts';

export interface RaPrefix {
  readonly cidr: string;
  /** Instances make their own address (A flag): slaac and dhcpv6-stateless. */
  readonly autonomous: boolean;
}

export interface RaInterface {
  readonly device: string;
  readonly mtu: number;
  /** M flag: addresses by DHCPv6. */
  readonly managed: boolean;
  /** O flag: other configuration by DHCPv6. */
  readonly other: boolean;
  readonly prefixes: readonly RaPrefix[];
  readonly dnsServers: readonly string[];
}

/** RFC 8200: links below this carry no IPv6, and a smaller AdvLinkMTU is refused. */
const IPV6_MIN_MTU = 1280;
/** radvd takes at most three servers in one RDNSS option. */
const SERVERS_PER_OPTION = 3;

/** Seconds between two advertisements. */
export interface RaInterval {
  readonly least: number;
  readonly most: number;
}

export function radvdText(interfaces: readonly RaInterface[], interval: RaInterval = { least: 30, most: 100 }): string {
  return interfaces.map(ra => interfaceText(ra, interval)).join('\n');
}

function interfaceText(ra: RaInterface, interval: RaInterval): string {
  const lines = [
    `interface ${deviceName(ra.device)}`,
    '{',
    '  AdvSendAdvert on;',
    `  MinRtrAdvInterval ${integer(interval.least)};`,
    `  MaxRtrAdvInterval ${integer(interval.most)};`,
    ...(ra.mtu >= IPV6_MIN_MTU ? [`  AdvLinkMTU ${integer(ra.mtu)};`] : []),
    ...(ra.managed ? ['  AdvManagedFlag on;'] : []),
    ...(ra.other ? ['  AdvOtherConfigFlag on;'] : []),
    ...resolvers(ra.dnsServers),
    ...ra.prefixes.flatMap(prefixLines),
    '};',
    '',
  ];
  return lines.join('\n');
}

function prefixLines(prefix: RaPrefix): string[] {
  const cidr = parseCidr(prefix.cidr);
  if (cidr?.version !== 6) throw new Error(`not an IPv6 prefix: ${JSON.stringify(prefix.cidr)}`);
  return [
    `  prefix ${groups(cidr.network)}/${cidr.prefix}`,
    '  {',
    '    AdvOnLink on;',
    `    AdvAutonomous ${prefix.autonomous ? 'on' : 'off'};`,
    '  };',
  ];
}

function resolvers(servers: readonly string[]): string[] {
  const out: string[] = [];
  for (let i = 0; i < servers.length; i += SERVERS_PER_OPTION)
    out.push(
      `  RDNSS ${servers
        .slice(i, i + SERVERS_PER_OPTION)
        .map(ipv6)
        .join(' ')} {};`,
    );
  return out;
}

function ipv6(text: string): string {
  const value = parseIpv6(text);
  if (value === undefined) throw new Error(`not an IPv6 address: ${JSON.stringify(text)}`);
  return groups(value);
}

/** All eight groups: radvd's reader takes no address that begins with `::` or ends in a dotted quad. */
function groups(value: bigint): string {
  return Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(':');
}

function deviceName(name: string): string {
  if (!/^qr-[0-9a-f-]{11}$/.test(name)) throw new Error(`not a router's device: ${JSON.stringify(name)}`);
  return name;
}

function integer(value: number): string {
  if (!Number.isInteger(value) || value < 0) throw new Error(`not a whole number: ${value}`);
  return String(value);
}
