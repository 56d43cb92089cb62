// What `ip -j -d` and `bridge -j` say, as the contract's values.
import type { Address, FdbEntry, Link, Neighbour, Route, VxlanInfo } from '../../../contracts/host/links.ts';

/** The shape of a JSON record of iproute2 is only known field by field. */
type Raw = Readonly<Record<string, unknown>>;

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
const record = (value: unknown): Raw => (typeof value === 'object' && value !== null ? (value as Raw) : {});
const array = (value: unknown): readonly Raw[] => (Array.isArray(value) ? value.map(record) : []);
const words = (value: unknown): readonly string[] => (Array.isArray(value) ? value.filter(v => typeof v === 'string') : []);
const given = <K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> =>
  value === undefined ? {} : ({ [key]: value } as Record<K, V>);

/** iproute2 prints nothing at all for some empty lists. */
function rows(json: string): readonly Raw[] {
  return json.trim() === '' ? [] : array(JSON.parse(json));
}

export function parseLinks(json: string): Link[] {
  return rows(json)
    .filter(r => text(r['ifname']) !== undefined)
    .map(r => {
      const info = record(r['linkinfo']);
      const kind = text(info['info_kind']) ?? '';
      return {
        index: number(r['ifindex']) ?? 0,
        name: text(r['ifname']) ?? '',
        kind,
        mac: text(r['address']) ?? '',
        mtu: number(r['mtu']) ?? 0,
        up: words(r['flags']).includes('UP'),
        addresses: array(r['addr_info']).map(parseAddress),
        ...(words(r['flags']).includes('NO-CARRIER') ? { noCarrier: true as const } : {}),
        ...given('master', text(r['master'])),
        ...given('alias', text(r['ifalias'])),
        ...(kind === 'vlan' ? { vlan: { dev: text(r['link']) ?? '', id: number(record(info['info_data'])['id']) ?? 0 } } : {}),
        ...(kind === 'vxlan' ? { vxlan: parseVxlan(record(info['info_data'])) } : {}),
      };
    });
}

function parseAddress(r: Raw): Address {
  return {
    cidr: `${text(r['local']) ?? ''}/${number(r['prefixlen']) ?? 0}`,
    scope: text(r['scope']) ?? '',
    dynamic: r['dynamic'] === true,
    ...(r['tentative'] === true ? { tentative: true } : {}),
  };
}

function parseVxlan(r: Raw): VxlanInfo {
  return {
    id: number(r['id']) ?? 0,
    port: number(r['port']) ?? 0,
    learning: r['learning'] === true,
    proxy: r['proxy'] === true,
    ...given('group', text(r['group']) ?? text(r['group6'])),
    ...given('local', text(r['local']) ?? text(r['local6'])),
    ...given('dev', text(r['link'])),
    ...given('ttl', number(r['ttl']) || undefined),
    ...given('tos', parseTos(text(r['tos']))),
    ...given('sourcePorts', parseRange(record(r['port_range']))),
  };
}

/** 1 stands for the mark of what is carried. */
function parseTos(found: string | undefined): number | 'inherit' | undefined {
  const value = Number(found ?? 0);
  return value === 1 || found === 'inherit' ? 'inherit' : value || undefined;
}

function parseRange(r: Raw): readonly [number, number] | undefined {
  const [low, high] = [number(r['low']) ?? 0, number(r['high']) ?? 0];
  return low === 0 && high === 0 ? undefined : [low, high];
}

/** Unicast routes outside the table `local`; a multipath route is one entry per next hop. */
export function parseRoutes(json: string, family: 4 | 6): Route[] {
  return rows(json)
    .filter(r => (text(r['type']) ?? 'unicast') === 'unicast' && r['table'] !== 'local')
    .flatMap(r => {
      const hops = array(r['nexthops']);
      return hops.length === 0 ? [parseRoute(r, family)] : hops.map(hop => parseRoute({ ...r, ...hop }, family));
    });
}

function parseRoute(r: Raw, family: 4 | 6): Route {
  const dst = text(r['dst']) ?? 'default';
  const bits = family === 4 ? 32 : 128;
  const table = text(r['table']) ?? 'main';
  return {
    dst: dst === 'default' || dst.includes('/') ? dst : `${dst}/${bits}`,
    family,
    ...(/^\d+$/.test(table) ? { table: Number(table) } : table === 'default' ? { table: 253 } : { table: 'main' as const }),
    ...given('via', text(r['gateway']) ?? text(record(r['via'])['host'])),
    ...given('dev', text(r['dev'])),
    ...given('metric', number(r['metric'])),
    ...given('scope', text(r['scope'])),
    ...given('proto', text(r['protocol'])),
    ...given('src', text(r['prefsrc'])),
    ...(words(r['flags']).includes('onlink') ? { onlink: true } : {}),
  };
}

/** Without the multicast filters that every device lists of itself. */
export function parseFdb(json: string): FdbEntry[] {
  const seen = new Map<string, FdbEntry>();
  for (const r of rows(json)) {
    const entry = {
      dev: text(r['ifname']) ?? '',
      mac: text(r['mac']) ?? '',
      permanent: r['state'] === 'permanent' || r['state'] === 'static',
      ...given('dst', text(r['dst'])),
    };
    const group = (Number.parseInt(entry.mac.slice(0, 2), 16) & 1) === 1;
    if (entry.dev !== '' && !(group && entry.dst === undefined)) seen.set(`${entry.dev} ${entry.mac} ${entry.dst ?? ''}`, entry);
  }
  return [...seen.values()];
}

export function parseNeighbours(json: string): Neighbour[] {
  return rows(json)
    .filter(r => text(r['lladdr']) !== undefined)
    .map(r => ({
      dev: text(r['dev']) ?? '',
      ip: text(r['dst']) ?? '',
      mac: text(r['lladdr']) ?? '',
      permanent: words(r['state']).includes('PERMANENT'),
    }));
}

export function parseNamespaces(json: string): string[] {
  return rows(json).flatMap(r => text(r['name']) ?? []);
}
