// A rule's words as iptables-save prints them: addresses with their length, `-m tcp` before the ports, quotes only where needed.
import { formatCidr, parseIpPrefix } from '../../../domain/net/cidr.ts';

export interface SimRule {
  /** Without `-A CHAIN`. */
  readonly text: string;
  readonly target: string | undefined;
  readonly sets: readonly string[];
}

/** Words of a line; a quoted one may hold blanks, and loses its quotes. */
export function words(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(m => (m[1] !== undefined ? m[1].replace(/\\(.)/g, '$1') : (m[2] ?? '')));
}

/** The options that iptables-save prints first, in its order. */
const FIRST = ['-s', '-d', '-i', '-o', '-p'];
const LONG: Readonly<Record<string, string>> = {
  '--source': '-s',
  '--src': '-s',
  '--destination': '-d',
  '--dst': '-d',
  '--in-interface': '-i',
  '--out-interface': '-o',
  '--protocol': '-p',
  '--jump': '-j',
  '--goto': '-g',
  '--match': '-m',
};
const PORTS = ['--dport', '--sport', '--dports', '--sports', '--tcp-flags', '--syn', '--icmp-type', '--icmpv6-type'];

export function parseRule(spec: readonly string[]): SimRule {
  const first = new Map<string, string[]>();
  const rest: string[] = [];
  const sets: string[] = [];
  let target: string | undefined;
  for (let i = 0; i < spec.length; i++) {
    const not = spec[i] === '!' ? ['!'] : [];
    if (not.length > 0) i++;
    const word = LONG[spec[i] ?? ''] ?? spec[i] ?? '';
    const value = spec[i + 1] ?? '';
    if (FIRST.includes(word)) {
      first.set(word, [...not, word, printed(word, value)]);
      i++;
      continue;
    }
    if (word === '-j' || word === '-g') target = value;
    if (word === '--match-set') sets.push(value);
    if (word === '--set-xmark' || word === '--set-mark') {
      rest.push('--set-xmark', value.includes('/') ? value : `${value}/0xffffffff`);
      i++;
    } else rest.push(...not, word);
  }
  const head = FIRST.flatMap(option => first.get(option) ?? []);
  return { text: [...head, ...implied(first.get('-p')?.at(-1), rest), ...rest].map(quoted).join(' '), target, sets };
}

const NAMES: Readonly<Record<string, string>> = {
  '1': 'icmp',
  '2': 'igmp',
  '4': 'ipencap',
  '6': 'tcp',
  '17': 'udp',
  '33': 'dccp',
  '41': 'ipv6',
  '43': 'ipv6-route',
  '44': 'ipv6-frag',
  '46': 'rsvp',
  '47': 'gre',
  '50': 'esp',
  '51': 'ah',
  '58': 'ipv6-icmp',
  '59': 'ipv6-nonxt',
  '60': 'ipv6-opts',
  '89': 'ospf',
  '103': 'pim',
  '112': 'vrrp',
  '132': 'sctp',
  '136': 'udplite',
  icmpv6: 'ipv6-icmp',
};

function printed(option: string, value: string): string {
  if (option === '-p') return NAMES[value] ?? value;
  return option === '-s' || option === '-d' ? withLength(value) : value;
}

function withLength(value: string): string {
  const cidr = parseIpPrefix(value);
  return cidr ? formatCidr(cidr) : value;
}

/** `-p tcp --dport 22` is printed with the match that it loads. */
function implied(protocol: string | undefined, rest: readonly string[]): string[] {
  const uses = rest.some((w, i) => PORTS.includes(w) && !rest.slice(0, i).includes('-m'));
  return protocol && uses ? ['-m', protocol] : [];
}

const quoted = (word: string): string => (word === '' || /[\s"'\\]/.test(word) ? `"${word.replace(/(["\\'])/g, '\\$1')}"` : word);
