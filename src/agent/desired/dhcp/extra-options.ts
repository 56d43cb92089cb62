// Judges the extra DHCP options of a port. What a tenant wrote reaches dnsmasq's files only in a known shape (CVE-2021-40085);
// a bad option is left out with a reason, for that port alone.
import { parseCidr } from '../../../domain/net/cidr.ts';
import { formatIp, parseIp } from '../../../domain/net/ip.ts';
import { isDomainName } from './names.ts';
import { lookUpOption, type OptionKind } from './option-kinds.ts';
import type { DhcpPort, ExtraDhcpOption } from './wire.ts';

/** One option of a port, ready for the options file. */
export interface PortOption {
  readonly family: 4 | 6;
  /** Conditions that the tenant put in front: `tag:!ipxe`. */
  readonly tags: readonly string[];
  readonly option: string;
  readonly values: readonly string[];
}

export interface JudgedOptions {
  readonly options: readonly PortOption[];
  readonly clientId: string | undefined;
  readonly warnings: readonly string[];
}

/** Options for which an empty value means "send none". */
const MAY_BE_EMPTY: ReadonlySet<string> = new Set(['router', '3', 'classless-static-route', '121', '249']);
const MAX_OPTIONS = 256;
const MAX_VALUE = 255;

export function judgeOptions(port: DhcpPort): JudgedOptions {
  const options: PortOption[] = [];
  const warnings: string[] = [];
  const families = new Set(port.fixed_ips.map(f => (f.ip_address.includes(':') ? 6 : 4)));
  let clientId: string | undefined;
  if (port.extra_dhcp_opts.length > MAX_OPTIONS) warnings.push(`port ${port.id}: only the first ${MAX_OPTIONS} DHCP options are used`);
  for (const option of port.extra_dhcp_opts.slice(0, MAX_OPTIONS)) {
    const judged = isClientId(option) ? judgeClientId(option) : judge(option);
    if (typeof judged === 'string') {
      warnings.push(`port ${port.id}: DHCP option ${JSON.stringify(option.opt_name.slice(0, 64))} is left out: ${judged}`);
    } else if ('clientId' in judged) clientId = judged.clientId;
    else if (families.has(judged.family)) options.push(judged);
  }
  return { options, clientId, warnings };
}

function isClientId(option: ExtraDhcpOption): boolean {
  return option.opt_name === 'client-id' || option.opt_name === '61';
}

/** It goes into a line of the hosts file, whose fields are divided by commas. */
function judgeClientId(option: ExtraDhcpOption): { clientId: string } | string {
  return /^[A-Za-z0-9:._-]{1,255}$/.test(option.opt_value) ? { clientId: option.opt_value } : 'not a plain client identifier';
}

function judge(option: ExtraDhcpOption): PortOption | string {
  const named = splitTags(option.opt_name);
  if (!named) return 'not an option name';
  const known = lookUpOption(named.name, option.ip_version);
  if (!known) return `not a DHCPv${option.ip_version} option that a port may set`;
  const shared = { family: option.ip_version, tags: named.tags, option: known.option };
  if (option.opt_value === '') return MAY_BE_EMPTY.has(known.option) ? { ...shared, values: [] } : 'it has no value';
  if (!isPlainLine(option.opt_value)) return 'the value is not one line of plain text';
  const values = readValues(option.opt_value, known.kind, option.ip_version);
  return values ? { ...shared, values } : `the value is not of kind ${known.kind}`;
}

/** `tag:x,tag:!y,bootfile-name` → the conditions and the name. */
function splitTags(text: string): { readonly tags: readonly string[]; readonly name: string } | undefined {
  if (text.length > 64) return undefined;
  const parts = text.split(',');
  const name = parts.pop() ?? '';
  const tags = parts.map(p => /^tag:(!?[A-Za-z0-9_-]+)$/.exec(p)?.[1]);
  if (!/^[A-Za-z0-9+_-]+$/.test(name) || tags.includes(undefined)) return undefined;
  return { tags: tags.filter(t => t !== undefined), name };
}

/** Printable ASCII without what dnsmasq's reader of lines gives a meaning to: quotes, and a # behind a blank. */
function isPlainLine(value: string): boolean {
  return value.length <= MAX_VALUE && /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !/"|(?:^|\s)#/.test(value);
}

function readValues(value: string, kind: OptionKind, family: 4 | 6): readonly string[] | undefined {
  if (kind === 'text') return [value];
  const parts = value.split(',').map(p => p.trim());
  switch (kind) {
    case 'addresses':
      return every(parts, p => address(p, family));
    case 'routes':
      return routes(parts);
    case 'number':
      return every(parts, p => (/^-?[0-9]{1,10}$/.test(p) ? p : undefined));
    case 'time':
      return parts.length === 1 && /^([0-9]{1,9}[smhdw]?|infinite)$/.test(parts[0] ?? '') ? parts : undefined;
    case 'domains':
      return every(parts, p => (isDomainName(p) ? p : undefined));
  }
}

function every(parts: readonly string[], read: (part: string) => string | undefined): readonly string[] | undefined {
  const out = parts.map(read);
  return out.includes(undefined) ? undefined : out.filter(v => v !== undefined);
}

function address(text: string, family: 4 | 6): string | undefined {
  const ip = parseIp(family === 6 ? text.replace(/^\[(.*)\]$/, '$1') : text);
  if (ip?.version !== family) return undefined;
  return family === 6 ? `[${formatIp(ip)}]` : formatIp(ip);
}

function routes(parts: readonly string[]): readonly string[] | undefined {
  if (parts.length % 2 !== 0) return undefined;
  return every(parts, p => (parseCidr(p)?.version === 4 || parseIp(p)?.version === 4 ? p : undefined));
}
