// The DHCP options that a port may set, by name and by number, with the shape of their values. The names are dnsmasq's.

export type OptionKind =
  /** Comma-separated addresses of the option's family. */
  | 'addresses'
  /** Pairs of prefix and router: RFC 3442. */
  | 'routes'
  | 'number'
  /** A number with an optional unit: `90`, `90s`, `2h`, `infinite`. */
  | 'time'
  /** Comma-separated domain names. */
  | 'domains'
  /** One line of printable ASCII. */
  | 'text';

type Row = readonly [code: number, name: string, kind: OptionKind];

const V4: readonly Row[] = [
  [1, 'netmask', 'addresses'],
  [2, 'time-offset', 'number'],
  [3, 'router', 'addresses'],
  [6, 'dns-server', 'addresses'],
  [7, 'log-server', 'addresses'],
  [9, 'lpr-server', 'addresses'],
  [12, 'hostname', 'domains'],
  [13, 'boot-file-size', 'number'],
  [15, 'domain-name', 'domains'],
  [16, 'swap-server', 'addresses'],
  [17, 'root-path', 'text'],
  [18, 'extension-path', 'text'],
  [19, 'ip-forward-enable', 'number'],
  [20, 'non-local-source-routing', 'number'],
  [21, 'policy-filter', 'addresses'],
  [22, 'max-datagram-reassembly', 'number'],
  [23, 'default-ttl', 'number'],
  [26, 'mtu', 'number'],
  [27, 'all-subnets-local', 'number'],
  [31, 'router-discovery', 'number'],
  [32, 'router-solicitation', 'addresses'],
  [33, 'static-route', 'addresses'],
  [34, 'trailer-encapsulation', 'number'],
  [35, 'arp-timeout', 'number'],
  [36, 'ethernet-encap', 'number'],
  [37, 'tcp-ttl', 'number'],
  [38, 'tcp-keepalive', 'number'],
  [40, 'nis-domain', 'text'],
  [41, 'nis-server', 'addresses'],
  [42, 'ntp-server', 'addresses'],
  [44, 'netbios-ns', 'addresses'],
  [45, 'netbios-dd', 'addresses'],
  [46, 'netbios-nodetype', 'number'],
  [47, 'netbios-scope', 'text'],
  [48, 'x-windows-fs', 'addresses'],
  [49, 'x-windows-dm', 'addresses'],
  [58, 'T1', 'time'],
  [59, 'T2', 'time'],
  [60, 'vendor-class', 'text'],
  [64, 'nis+-domain', 'text'],
  [65, 'nis+-server', 'addresses'],
  [66, 'tftp-server', 'text'],
  [67, 'bootfile-name', 'text'],
  [68, 'mobile-ip-home', 'addresses'],
  [69, 'smtp-server', 'addresses'],
  [70, 'pop3-server', 'addresses'],
  [71, 'nntp-server', 'addresses'],
  [74, 'irc-server', 'addresses'],
  [77, 'user-class', 'text'],
  [80, 'rapid-commit', 'text'],
  [93, 'client-arch', 'number'],
  [94, 'client-interface-id', 'text'],
  [97, 'client-machine-id', 'text'],
  [100, 'posix-timezone', 'text'],
  [101, 'tzdb-timezone', 'text'],
  [108, 'ipv6-only', 'number'],
  [119, 'domain-search', 'domains'],
  [120, 'sip-server', 'text'],
  [121, 'classless-static-route', 'routes'],
  [125, 'vendor-id-encap', 'text'],
  [150, 'tftp-server-address', 'addresses'],
  [249, 'ms-classless-static-route', 'routes'],
  [255, 'server-ip-address', 'addresses'],
];

const V6: readonly Row[] = [
  [21, 'sip-server-domain', 'domains'],
  [22, 'sip-server', 'addresses'],
  [23, 'dns-server', 'addresses'],
  [24, 'domain-search', 'domains'],
  [27, 'nis-server', 'addresses'],
  [28, 'nis+-server', 'addresses'],
  [29, 'nis-domain', 'domains'],
  [30, 'nis+-domain', 'domains'],
  [31, 'sntp-server', 'addresses'],
  [32, 'information-refresh-time', 'time'],
  [41, 'posix-timezone', 'text'],
  [42, 'tzdb-timezone', 'text'],
  [56, 'ntp-server', 'addresses'],
  [59, 'bootfile-url', 'text'],
  [60, 'bootfile-param', 'text'],
];

/** The server makes these itself, or they would change who it talks to. */
const RESERVED = {
  4: new Set([0, 28, 50, 51, 52, 53, 54, 55, 56, 57, 61, 81, 82, 118]),
  6: new Set([...Array.from({ length: 21 }, (_, i) => i), 25, 26, 39]),
} as const;

/** Numbers only: dnsmasq knows no name for them. */
const NAMELESS = new Set([249]);
const LARGEST = { 4: 255, 6: 65535 } as const;
const TABLES = { 4: V4, 6: V6 } as const;
const byCode = { 4: new Map(V4.map(row => [row[0], row])), 6: new Map(V6.map(row => [row[0], row])) };

/** The option as dnsmasq's files name it, and its kind; undefined when it is not allowed. */
export function lookUpOption(name: string, family: 4 | 6): { readonly option: string; readonly kind: OptionKind } | undefined {
  if (/^[0-9]{1,5}$/.test(name)) {
    const code = Number(name);
    if (code > LARGEST[family] || RESERVED[family].has(code)) return undefined;
    return { option: String(code), kind: byCode[family].get(code)?.[2] ?? 'text' };
  }
  const row = TABLES[family].find(r => r[1].toLowerCase() === name.toLowerCase() && !NAMELESS.has(r[0]));
  return row && { option: row[1], kind: row[2] };
}
