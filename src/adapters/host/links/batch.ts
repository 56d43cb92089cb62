// Link changes as lines for `ip -batch` and `bridge -batch`, in as few processes as their order allows.
import type { LinkChange, NewLink, Route } from '../../../contracts/host/links.ts';
import type { Netns, Refusal } from '../../../contracts/host/netns.ts';
import { BadWord, cidr, device, integer, ip, mac, netns, word } from '../names.ts';

export interface Line {
  readonly index: number;
  readonly text: string;
}

/** Lines for one process. */
export interface Segment {
  readonly tool: 'ip' | 'bridge';
  readonly lines: Line[];
}

export interface Plan {
  readonly segments: readonly Segment[];
  /** Changes that never reach a tool, because a word in them is not allowed. */
  readonly refused: readonly Refusal[];
}

/**
 * Only FDB entries need `bridge`. They commute with addresses, routes and neighbours, so a mixed batch is one `ip` and one `bridge` process;
 * a change of the links themselves after an FDB entry begins the next `ip`.
 */
export function plan(batch: readonly LinkChange[]): Plan {
  const segments: Segment[] = [];
  const refused: Refusal[] = [];
  batch.forEach((change, index) => {
    try {
      const text = lineOf(change);
      segmentFor(segments, change).lines.push({ index, text });
    } catch (error) {
      if (!(error instanceof BadWord)) throw error;
      refused.push({ index, reason: error.message });
    }
  });
  return { segments, refused };
}

const isFdb = (change: LinkChange): boolean => change.do === 'add-fdb' || change.do === 'del-fdb';
const isLink = (change: LinkChange): boolean => change.do === 'add-link' || change.do === 'del-link' || change.do === 'set-link';

function segmentFor(segments: Segment[], change: LinkChange): Segment {
  const tool = isFdb(change) ? 'bridge' : 'ip';
  const last = segments.at(-1);
  if (last?.tool === tool) return last;
  const fresh: Segment = { tool, lines: [] };
  if (tool === 'bridge' || last === undefined || isLink(change)) {
    segments.push(fresh);
    return fresh;
  }
  const before = segments.at(-2);
  if (!before) segments.unshift(fresh);
  return before ?? fresh;
}

function lineOf(change: LinkChange): string {
  switch (change.do) {
    case 'add-link':
      return addLink(change.link);
    case 'del-link':
      return `link del dev ${device(change.name)}`;
    case 'set-link':
      return setLink(change);
    case 'set-bridge':
      return setBridge(change);
    case 'set-bridge-port':
      return setBridgePort(change);
    case 'add-address':
      return `addr replace ${cidr(change.cidr)} dev ${device(change.dev)}${change.nodad && change.cidr.includes(':') ? ' nodad' : ''}${change.noprefixroute ? ' noprefixroute' : ''}`;
    case 'del-address':
      return `addr del ${cidr(change.cidr)} dev ${device(change.dev)}`;
    case 'replace-route':
      return `route replace ${routeWords(change.route)}`;
    case 'del-route':
      return `route del ${routeWords(change.route)}`;
    case 'add-fdb':
      return `fdb ${manyRemotes(change.mac) ? 'append' : 'replace'} ${mac(change.mac)} dev ${device(change.dev)} dst ${ip(change.dst)}`;
    case 'del-fdb':
      return `fdb del ${mac(change.mac)} dev ${device(change.dev)} dst ${ip(change.dst)}`;
    case 'replace-neighbour':
      return `neigh replace ${ip(change.ip)} lladdr ${mac(change.mac)} dev ${device(change.dev)} nud permanent`;
    case 'del-neighbour':
      return `neigh del ${ip(change.ip)} dev ${device(change.dev)}`;
  }
}

/** VXLAN sends a flooded frame (all zeroes, or group bit) to several ends; a unicast MAC has one. Both commands may be repeated. */
const manyRemotes = (address: string): boolean => /^00(:00){5}$/.test(address) || (Number.parseInt(address.slice(0, 2), 16) & 1) === 1;

const option = (name: string, value: string | undefined): string => (value === undefined ? '' : ` ${name} ${value}`);
const onOff = (name: string, value: boolean | undefined): string => (value === undefined ? '' : ` ${name} ${value ? 'on' : 'off'}`);
const mtu = (value: number | undefined): string => (value === undefined ? '' : ` mtu ${integer(value, 68, 65_535)}`);
const address = (value: string | undefined): string => option('address', value === undefined ? undefined : mac(value));

function addLink(link: NewLink): string {
  const name = device(link.name);
  switch (link.kind) {
    case 'bridge':
      return `link add name ${name}${mtu(link.mtu)}${address(link.mac)} type bridge forward_delay 0 stp_state 0${
        link.ageing === undefined ? '' : ` ageing_time ${integer(link.ageing * 100, 0, 100_000_000)}`
      }`;
    case 'veth':
      return `link add name ${name}${mtu(link.mtu)}${address(link.mac)} type veth peer name ${device(link.peer)}${mtu(link.mtu)}${address(
        link.peerMac,
      )}${link.peerNetns === undefined ? '' : ` netns ${target(link.peerNetns)}`}`;
    case 'vxlan':
      return addVxlan(name, link);
    case 'vlan':
      return `link add link ${device(link.dev)} name ${name} type vlan id ${integer(link.id, 1, 4094)}`;
    case 'dummy':
      return `link add name ${name} type dummy`;
  }
}

function addVxlan(name: string, link: Extract<NewLink, { kind: 'vxlan' }>): string {
  const head = `link add name ${name}${mtu(link.mtu)} type vxlan id ${integer(link.id, 0, 2 ** 24 - 1)}`;
  const ends =
    option('local', link.local === undefined ? undefined : ip(link.local)) +
    option('group', link.group === undefined ? undefined : ip(link.group)) +
    option('dev', link.dev === undefined ? undefined : device(link.dev));
  const flags = `${link.learning ? ' learning' : ' nolearning'}${link.proxy ? ' proxy' : ''}`;
  const ports = `${sourcePorts(link.sourcePorts)} dstport ${integer(link.port, 1, 65_535)}`;
  const ttl = option('ttl', link.ttl === undefined ? undefined : integer(link.ttl, 0, 255));
  return `${head}${ends}${ports}${ttl}${tos(link.tos)}${flags}`;
}

const sourcePorts = (range: readonly [number, number] | undefined): string =>
  range === undefined ? '' : ` srcport ${integer(range[0], 0, 65_535)} ${integer(range[1], 0, 65_535)}`;

/** Read as hexadecimal. */
const tos = (given: number | 'inherit' | undefined): string =>
  given === undefined ? '' : ` tos ${given === 'inherit' ? given : `0x${Number(integer(given, 0, 255)).toString(16)}`}`;

/** The host's own namespace has no name for ip(8), but this process is in it. */
const target = (ns: Netns): string => (ns === '' ? String(process.pid) : netns(ns));

function setLink(change: Extract<LinkChange, { do: 'set-link' }>): string {
  const master = change.master === undefined ? '' : change.master === null ? ' nomaster' : ` master ${device(change.master)}`;
  return [
    `link set dev ${device(change.name)}`,
    option('name', change.rename === undefined ? undefined : device(change.rename)),
    change.up === undefined ? '' : change.up ? ' up' : ' down',
    mtu(change.mtu),
    address(change.mac),
    master,
    option('alias', change.alias === undefined ? undefined : quoted(change.alias)),
    option('netns', change.netns === undefined ? undefined : target(change.netns)),
  ].join('');
}

/** ip(8) has quotes but no escapes in batch files, and cuts a line at `#` even inside them. */
function quoted(alias: string): string {
  const quote = alias.includes('"') ? "'" : '"';
  if (alias.length > 255 || /[#\\\x00-\x1f\x7f]/.test(alias) || alias.includes(quote)) throw new BadWord('alias', alias);
  return `${quote}${alias}${quote}`;
}

function setBridge(change: Extract<LinkChange, { do: 'set-bridge' }>): string {
  const ageing = change.ageing === undefined ? '' : ` ageing_time ${integer(change.ageing * 100, 0, 100_000_000)}`;
  const snooping = change.multicastSnooping === undefined ? '' : ` mcast_snooping ${change.multicastSnooping ? 1 : 0}`;
  return `link set dev ${device(change.name)} type bridge${ageing}${snooping}`;
}

function setBridgePort(change: Extract<LinkChange, { do: 'set-bridge-port' }>): string {
  const flags =
    onOff('hairpin', change.hairpin) +
    onOff('learning', change.learning) +
    onOff('flood', change.flood) +
    onOff('isolated', change.isolated);
  return `link set dev ${device(change.name)} type bridge_slave${flags}`;
}

/** A batch line cannot say -4 or -6: the default route's destination tells the family. */
function routeWords(route: Route): string {
  const any = route.family === 4 ? '0.0.0.0/0' : '::/0';
  return [
    route.dst === 'default' ? any : cidr(route.dst),
    option('via', route.via === undefined ? undefined : viaWords(route)),
    option('dev', route.dev === undefined ? undefined : device(route.dev)),
    option('table', route.table === undefined ? undefined : route.table === 'main' ? 'main' : integer(route.table, 1, 2 ** 32 - 1)),
    option('metric', route.metric === undefined ? undefined : integer(route.metric, 0, 2 ** 32 - 1)),
    option('proto', route.proto === undefined ? undefined : word(route.proto)),
    option('scope', route.scope === undefined ? undefined : word(route.scope)),
    option('src', route.src === undefined ? undefined : ip(route.src)),
    route.onlink ? ' onlink' : '',
  ].join('');
}

const viaWords = (route: Route): string =>
  route.family === 4 && route.via?.includes(':') ? `inet6 ${ip(route.via)}` : ip(route.via ?? '');

/** The tool's complaints (`-force` goes on after each) as refusals of the changes that their lines came from. */
export function refusals(lines: readonly Line[], code: number, stderr: string): Refusal[] {
  const found: Refusal[] = [];
  let words: string[] = [];
  for (const text of stderr.split('\n')) {
    const failed = /^Command failed .*:(\d+)$/.exec(text.trim());
    if (failed) {
      const line = lines[Number(failed[1]) - 1];
      if (line) found.push({ index: line.index, reason: words.join('; ') || 'refused' });
      words = [];
    } else if (text.trim() !== '') words.push(text.trim());
  }
  if (code !== 0 && found.length === 0) return lines.map(l => ({ index: l.index, reason: words.join('; ') || `ended with code ${code}` }));
  return found;
}
