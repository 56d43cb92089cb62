// Answers of two servers can be compared when ids, times, addresses that the server chose and the like are replaced by their names.

import { lastOf, parseCidr } from '../../src/domain/net/cidr.ts';
import { ipText } from '../../src/domain/net/ip.ts';
import type { Json, RecordedRequest } from './recorded.ts';

const id = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-f]{32}\b/g;
const time = /\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?/g;
const ipv4 = /(?<![\w.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(\/\d+)?(?![\w.]*\w)/g;
const ipv6 = /(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(\/\d+)?(?![\w:])/g;
const mac = /\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g;
const hostName = /\bhost-((?:[0-9a-f]*-){3,7}[0-9a-f]*)\b/g;

export interface Names {
  /** Id → what it stands for: `<network1>`. */
  readonly labels: ReadonlyMap<string, string>;
  readonly baseUrl: string;
}

/** What the requests themselves said stays as it is. */
export class NormalForm {
  private readonly said = new Set<string>();
  private readonly segments = new Set<number>();
  private readonly names: Names;

  constructor(requests: readonly RecordedRequest[], names: Names) {
    this.names = names;
    for (const { path, body } of requests) {
      this.note(path);
      if (body !== undefined) this.note(body);
    }
    for (const word of [...this.said]) for (const edge of subnetEdges(word)) this.said.add(edge);
  }

  of(value: Json, key = ''): Json {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map(one => this.of(one as Json, key));
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [this.text(k), this.of(v, k)]));
    if (key === 'standard_attr_id') return '<n>';
    const isSegment = key === 'provider:segmentation_id' || key === 'segmentation_id';
    return isSegment && typeof value === 'number' && !this.segments.has(value) ? '<seg>' : value;
  }

  private text(given: string): string {
    const said = (word: string, otherwise: string): string => (this.said.has(word) ? word : otherwise);
    return given
      .replaceAll(this.names.baseUrl, '<base>')
      .replace(/req-[0-9a-f-]{36}/g, '<req>')
      .replace(time, moment => moment.replace(/\d/g, 'd'))
      .replace(mac, word => said(word, '<mac>'))
      .replace(id, word => this.names.labels.get(word) ?? said(word, '<id>'))
      .replace(hostName, (word, address: string) => (this.said.has(address.replaceAll('-', '.')) ? word : 'host-<ip>'))
      .replace(ipv4, (word, length?: string) => said(word, `<ip4${length ?? ''}>`))
      .replace(ipv6, (word, length?: string) => (word === '::' ? word : said(word, `<ip6${length ?? ''}>`)));
  }

  private note(value: Json, key = ''): void {
    if (typeof value === 'string') for (const form of [ipv4, ipv6, mac, id]) for (const [word] of value.matchAll(form)) this.said.add(word);
    if (typeof value === 'number' && key === 'segmentation_id') this.segments.add(value);
    if (typeof value === 'object' && value !== null)
      for (const [k, v] of Object.entries(value)) this.note(v as Json, Array.isArray(value) ? '' : k);
  }
}

/** Of a subnet, the addresses that every server gives a meaning: its first and last ones. */
function subnetEdges(word: string): string[] {
  const subnet = parseCidr(word);
  if (!subnet) return [];
  const [first, last] = [subnet.network, lastOf(subnet)];
  return last - first < 2n ? [] : [first, first + 1n, first + 2n, last - 1n, last].map(value => ipText(subnet.version, value));
}

/** The form of a value without what is in it: of a list, that of its first element. */
export function shapeOf(value: Json): Json {
  if (Array.isArray(value)) return value.length > 0 ? [shapeOf(value[0] as Json)] : [];
  if (typeof value !== 'object' || value === null) return '*';
  const entries = Object.entries(value);
  // Numbers as keys are what is in it, too: which ids of a range are in use.
  const counted = entries.every(([key]) => /^\d+$/.test(key));
  return counted ? {} : Object.fromEntries(entries.map(([k, v]) => [k, shapeOf(v)]));
}
