// A simulated nftables set or map: its declaration, and elements that are checked against its type.
import { formatCidr, overlaps, parseIpPrefix } from '../../../domain/net/cidr.ts';
import { bits, ipText } from '../../../domain/net/ip.ts';
import { parseMac } from '../../../domain/net/mac.ts';

/** Refused without a line; the statement's is added. */
export class SetError extends Error {}

/** In nft's own order of printing. */
const DECLARED = ['type', 'typeof', 'size', 'flags', 'timeout', 'gc-interval', 'auto-merge', 'counter', 'policy', 'comment'];

export interface SimSet {
  readonly kind: 'set' | 'map';
  /** First word → the whole line. */
  readonly declared: ReadonlyMap<string, string>;
  /** Key → what is printed behind it: ` timeout 1d`, ` : jump x`. */
  readonly elements: Map<string, string>;
}

export function declareSet(kind: 'set' | 'map', lines: readonly string[]): SimSet {
  const declared = new Map(lines.map(l => [l.split(' ')[0] ?? '', l]));
  for (const word of declared.keys()) if (!DECLARED.includes(word)) throw new SetError(`syntax error, unexpected ${word}`);
  if (!declared.has('type') && !declared.has('typeof')) throw new SetError('set definition does not specify key');
  return { kind, declared, elements: new Map() };
}

export const sameDeclaration = (a: SimSet, b: SimSet): boolean =>
  a.kind === b.kind && ['type', 'typeof', 'flags'].every(w => a.declared.get(w) === b.declared.get(w));

export function addElement(set: SimSet, words: readonly string[]): void {
  const { key, behind } = split(set, words);
  const old = set.elements.get(key);
  if (old !== undefined && data(old) !== data(behind)) throw new SetError('Could not process rule: File exists');
  if (old !== undefined) return;
  const size = set.declared.get('size')?.split(' ')[1];
  if (size !== undefined && set.elements.size >= Number(size)) throw new SetError('Could not process rule: Too many open files in system');
  if (isInterval(set) && !set.declared.has('auto-merge')) refuseOverlap(set, key);
  set.elements.set(key, behind);
}

export function deleteElement(set: SimSet, words: readonly string[]): void {
  if (!set.elements.delete(split(set, words).key)) throw new SetError('Could not process rule: No such file or directory');
}

/** The chain that a verdict map's element leads to. */
export const verdictChain = (behind: string): string | undefined => /^ : (?:jump|goto) (\S+)/.exec(behind)?.[1];

const data = (behind: string): string => /( : .*)$/.exec(behind)?.[1] ?? '';
const isInterval = (set: SimSet): boolean => set.declared.get('flags')?.includes('interval') ?? false;

function refuseOverlap(set: SimSet, key: string): void {
  const fresh = parseIpPrefix(key);
  if (!fresh) return;
  for (const other of set.elements.keys()) {
    const prefix = parseIpPrefix(other);
    if (prefix && overlaps(prefix, fresh))
      throw new SetError('Could not process rule: File exists (interval overlaps with an existing one)');
  }
}

function split(set: SimSet, words: readonly string[]): { key: string; behind: string } {
  const colon = words.indexOf(':');
  const before = colon < 0 ? words : words.slice(0, colon);
  const option = before.findIndex(w => w === 'timeout' || w === 'expires' || w === 'comment' || w === 'counter');
  const keyWords = option < 0 ? before : before.slice(0, option);
  if (set.kind === 'map' && colon < 0) return { key: keyText(set, keyWords), behind: '' };
  const after = (word: string): string | undefined => (before.includes(word) ? before[before.indexOf(word) + 1] : undefined);
  const timeout = after('timeout') === undefined ? '' : ` timeout ${after('timeout')} expires ${after('timeout')}`;
  const comment = after('comment') === undefined ? '' : ` comment ${after('comment')}`;
  return { key: keyText(set, keyWords), behind: `${timeout}${comment}${colon < 0 ? '' : ` : ${words.slice(colon + 1).join(' ')}`}` };
}

function keyText(set: SimSet, words: readonly string[]): string {
  const type = set.declared.get('type');
  if (type === undefined) return words.join(' ');
  const types = (type.split(' : ')[0] ?? '').replace(/^type /, '').split(' . ');
  const parts = words.join(' ').split(' . ');
  if (parts.length !== types.length) throw new SetError('Expression has wrong number of concatenated parts');
  return parts.map((part, i) => partText(types[i] ?? '', part, isInterval(set))).join(' . ');
}

function partText(type: string, part: string, interval: boolean): string {
  if (type === 'ifname') return part.startsWith('"') ? part : `"${part}"`;
  if (type === 'ether_addr') return parseMac(part) ?? wrong(type, part);
  if (type !== 'ipv4_addr' && type !== 'ipv6_addr') return part;
  const range = part.split('-');
  const cidr = parseIpPrefix(range[0] ?? '');
  const family = type === 'ipv4_addr' ? 4 : 6;
  if (cidr?.version !== family || range.some(r => parseIpPrefix(r)?.version !== family)) return wrong(type, part);
  if (!interval && (range.length > 1 || cidr.prefix < bits(family))) {
    throw new SetError("You must add 'flags interval' to your set declaration if you want to add prefix elements");
  }
  if (range.length > 1) return part;
  return cidr.prefix === bits(family) ? ipText(family, cidr.network) : formatCidr(cidr);
}

function wrong(type: string, part: string): never {
  throw new SetError(`Could not parse ${type} ${part}`);
}

export function printSet(name: string, set: SimSet): string {
  const lines = DECLARED.flatMap(word => set.declared.get(word) ?? []);
  const members = [...set.elements].map(([key, behind]) => `${key}${behind}`);
  if (members.length > 0) lines.push(`elements = { ${wrapped(members, /^type ipv4_addr/.test(set.declared.get('type') ?? '') ? 2 : 1)} }`);
  return `\t${set.kind} ${name} {\n${lines.map(l => `\t\t${l}\n`).join('')}\t}\n`;
}

/** nft begins a new line after one or two elements. */
function wrapped(members: readonly string[], perLine: number): string {
  return members.map((m, i) => (i === 0 ? m : i % perLine === 0 ? `,\n\t\t\t     ${m}` : `, ${m}`)).join('');
}

export const copySet = (set: SimSet): SimSet => ({ ...set, elements: new Map(set.elements) });
