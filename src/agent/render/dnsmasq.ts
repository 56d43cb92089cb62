// dnsmasq's files and command line as text. Its readers go line by line and field by field: a line that would not survive that is dropped.
import type { HostEntry, NameEntry } from '../desired/dhcp/hosts.ts';
import type { OptionEntry } from '../desired/dhcp/options.ts';
import type { Range } from '../desired/dhcp/plan.ts';

/** The last guard: the values were judged before, and nothing with a control character becomes a part of a line. */
function lines(all: readonly string[]): string {
  return all
    .filter(line => !/[\x00-\x1f\x7f]/.test(line.replaceAll('\t', '')))
    .map(line => `${line}\n`)
    .join('');
}

/** `mac[,tag:dhcpv6][,id:client-id][,name,address][,set:tag]` */
export function hostsText(hosts: readonly HostEntry[]): string {
  return lines(
    hosts.map(host =>
      [
        host.mac,
        ...(host.onlyV6 ? ['tag:dhcpv6'] : []),
        ...(host.clientId === undefined ? [] : [`id:${host.clientId}`]),
        ...(host.lease ? [host.lease.name, literal(host.lease.address)] : []),
        ...(host.set === undefined ? [] : [`set:${host.set}`]),
      ].join(','),
    ),
  );
}

/** The name with its domain comes first: that is the one which answers for the address. */
export function namesText(names: readonly NameEntry[]): string {
  return lines(names.map(n => `${n.address}\t${n.fqdn} ${n.hostname}`));
}

/** `tag:…,option:name,value,…`; numbers of DHCPv4 stand bare, DHCPv6 always says `option6:`. */
export function optionsText(options: readonly OptionEntry[]): string {
  return lines(options.map(o => [...o.tags.map(t => `tag:${t}`), optionName(o), ...o.values].join(',')));
}

function optionName(option: OptionEntry): string {
  if (option.family === 6) return `option6:${option.option}`;
  return /^[0-9]+$/.test(option.option) ? option.option : `option:${option.option}`;
}

function literal(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

export interface DnsmasqCommand {
  /** Folder of the network's files. */
  readonly folder: string;
  readonly ranges: readonly Range[];
  /** 0: not known, not announced. */
  readonly mtu: number;
  /** -1: for ever. */
  readonly leaseSeconds: number;
  readonly maxLeases: number;
  readonly servers: readonly string[];
  readonly domain: string;
  /** What it is told besides; by default nothing. */
  readonly configFile?: string;
  /** It also asks the resolvers of this machine. */
  readonly localResolv?: boolean;
  readonly broadcastReply?: boolean;
  /** What it says of each question. */
  readonly logFile?: string;
  /** Absent: dnsmasq's own choice, nobody. */
  readonly user?: string;
}

export interface DnsmasqFiles {
  readonly host: string;
  readonly addnHosts: string;
  readonly opts: string;
  readonly leases: string;
  readonly pid: string;
}

export function dnsmasqFiles(folder: string): DnsmasqFiles {
  return {
    host: `${folder}/host`,
    addnHosts: `${folder}/addn_hosts`,
    opts: `${folder}/opts`,
    leases: `${folder}/leases`,
    pid: `${folder}/pid`,
  };
}

export function dnsmasqArgv(command: DnsmasqCommand): readonly string[] {
  const files = dnsmasqFiles(command.folder);
  const lease = command.leaseSeconds === -1 ? 'infinite' : `${command.leaseSeconds}s`;
  return [
    'dnsmasq',
    '--no-hosts',
    ...(command.localResolv ? [] : ['--no-resolv']),
    `--pid-file=${files.pid}`,
    `--dhcp-hostsfile=${files.host}`,
    `--addn-hosts=${files.addnHosts}`,
    `--dhcp-optsfile=${files.opts}`,
    `--dhcp-leasefile=${files.leases}`,
    '--dhcp-match=set:ipxe,175',
    '--dhcp-userclass=set:ipxe6,iPXE',
    '--local-service',
    '--bind-dynamic',
    ...command.ranges.map(r => `--dhcp-range=set:${r.tag},${r.network},static,${r.mask},${lease}`),
    ...(command.mtu > 0 ? [`--dhcp-option-force=option:mtu,${command.mtu}`] : []),
    `--dhcp-lease-max=${command.maxLeases}`,
    `--conf-file=${command.configFile ?? '/dev/null'}`,
    ...command.servers.map(server => `--server=${server}`),
    ...(command.domain === '' ? [] : [`--domain=${command.domain}`]),
    ...(command.broadcastReply ? ['--dhcp-broadcast'] : []),
    ...(command.logFile === undefined ? [] : ['--log-queries', '--log-dhcp', `--log-facility=${command.logFile}`]),
    // No group either: a user namespace forbids even the change to one's own.
    ...(command.user === undefined ? [] : [`--user=${command.user}`, '--group=']),
  ];
}
