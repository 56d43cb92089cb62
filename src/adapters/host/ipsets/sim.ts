// Simulated ipsets: `ipset restore -exist` on sets with members, refusing what the real types refuse.
import { HostRefusal, type IpSets } from '../../../contracts/host/firewall.ts';
import type { Netns } from '../../../contracts/host/netns.ts';
import { type CidrText, formatCidr, parseIpPrefix } from '../../../domain/net/cidr.ts';
import { bits, ipText } from '../../../domain/net/ip.ts';
import { parseMac } from '../../../domain/net/mac.ts';
import { type FailOptions, Failures } from '../sim-failures.ts';

interface SimSet {
  readonly type: string;
  readonly family: 4 | 6;
  readonly maxelem: number;
  members: Set<string>;
}

type Sets = Map<string, SimSet>;

/** Which namespaces there are, and which of their sets a rule names. */
export interface IpsetUse {
  open(ns: Netns): void;
  inUse(ns: Netns, set: string): boolean;
}

export class SimIpSets implements IpSets {
  private readonly use: IpsetUse;
  private readonly all = new Map<Netns, Sets>();
  private readonly failures = new Failures<'list' | 'restore'>();

  constructor(use: IpsetUse) {
    this.use = use;
  }

  failNext(what: 'list' | 'restore', options: FailOptions = {}): void {
    this.failures.failNext(what, options);
  }

  async list(ns: Netns): ReturnType<IpSets['list']> {
    this.check('list', ns);
    return new Map([...this.of(ns)].map(([name, s]) => [name, { type: s.type, family: s.family, members: [...s.members] }]));
  }

  /** As the tool does it: a run of additions to one set is one message, and a line that does not parse loses the run it stands in. */
  async restore(ns: Netns, text: string): Promise<void> {
    this.check('restore', ns);
    const sets = this.of(ns);
    let run: { key: string; undo: () => void } | undefined;
    for (const [i, line] of text.split('\n').entries()) {
      if (line.trim() === '' || line.startsWith('#')) continue;
      const [verb = '', name = ''] = line.trim().split(/\s+/);
      const key = verb === 'add' || verb === 'del' ? `${verb} ${name}` : '';
      if (key === '' || run?.key !== key) run = key === '' ? undefined : { key, undo: snapshot(sets, name) };
      try {
        this.command(ns, sets, line.trim().split(/\s+/));
      } catch (error) {
        if (!(error instanceof Wrong)) throw error;
        run?.undo();
        throw new HostRefusal('ipset', `ipset v7.17: Error in line ${i + 1}: ${error.message}`, i + 1);
      }
    }
  }

  has(ns: Netns, name: string, family: 4 | 6): boolean {
    return this.all.get(ns)?.get(name)?.family === family;
  }

  forget(ns: Netns): void {
    this.all.delete(ns);
  }

  private command(ns: Netns, sets: Sets, [verb, name = '', ...rest]: readonly string[]): void {
    switch (verb) {
      case 'create':
      case '-N':
        create(sets, name, rest);
        break;
      case 'add':
      case '-A':
        add(mustFind(sets, name), rest);
        break;
      case 'del':
      case '-D':
        mustFind(sets, name).members.delete(member(mustFind(sets, name), rest[0] ?? ''));
        break;
      case 'flush':
      case '-F':
        for (const s of name === '' ? sets.values() : [mustFind(sets, name)]) s.members.clear();
        break;
      case 'destroy':
      case '-X':
        this.destroy(ns, sets, name);
        break;
      case 'swap':
        swap(mustFind(sets, name), mustFind(sets, rest[0] ?? ''));
        break;
      case 'rename':
        this.rename(ns, sets, name, rest[0] ?? '');
        break;
      default:
        throw new HostRefusal('ipset', `No command specified: unknown argument ${verb}`);
    }
  }

  private destroy(ns: Netns, sets: Sets, name: string): void {
    const names = name === '' ? [...sets.keys()] : [name];
    if (names.some(n => this.use.inUse(ns, n))) throw new Wrong('Set cannot be destroyed: it is in use by a kernel component');
    for (const n of names) sets.delete(n); // one that is not there is no error with -exist
  }

  private rename(ns: Netns, sets: Sets, from: string, to: string): void {
    const set = mustFind(sets, from);
    if (sets.has(to)) throw new Wrong('Set cannot be renamed: a set with the new name already exists');
    if (this.use.inUse(ns, from)) throw new Wrong('Set cannot be renamed: it is in use by another system');
    sets.delete(from);
    sets.set(to, set);
  }

  private of(ns: Netns): Sets {
    this.use.open(ns);
    const known = this.all.get(ns) ?? new Map<string, SimSet>();
    this.all.set(ns, known);
    return known;
  }

  private check(what: 'list' | 'restore', ns: Netns): void {
    const failure = this.failures.take(what, ns);
    if (failure !== undefined) throw new HostRefusal('ipset', failure);
  }
}

class Wrong extends Error {}

function snapshot(sets: Sets, name: string): () => void {
  const set = sets.get(name);
  const before = new Set(set?.members);
  return () => {
    if (set) set.members = before;
  };
}

function mustFind(sets: Sets, name: string): SimSet {
  const set = sets.get(name);
  if (!set) throw new Wrong('The set with the given name does not exist');
  return set;
}

const TYPES = ['hash:ip', 'hash:net', 'hash:mac', 'hash:ip,port', 'hash:net,port', 'hash:net,iface', 'hash:ip,mac', 'hash:net,net'];

function create(sets: Sets, name: string, [type = '', ...options]: readonly string[]): void {
  if (!TYPES.includes(type)) throw new Wrong(`Syntax error: typename '${type}' is unknown`);
  if (name.length === 0 || name.length > 31) throw new Wrong(`Syntax error: setname '${name}' is longer than 31 characters`);
  const after = (word: string): string | undefined => (options.includes(word) ? options[options.indexOf(word) + 1] : undefined);
  const family = after('family') === 'inet6' ? 6 : 4;
  const maxelem = Number(after('maxelem') ?? 65_536);
  const old = sets.get(name);
  if (!old) sets.set(name, { type, family, maxelem, members: new Set() });
  else if (old.type !== type || old.family !== family || old.maxelem !== maxelem) {
    throw new Wrong('Set cannot be created: set with the same name already exists');
  }
}

function add(set: SimSet, [text = '', ...options]: readonly string[]): void {
  if (options.length > 0 && options[0] !== 'nomatch') throw new Wrong(`Unknown argument: \`${options[0]}'`);
  const m = member(set, text);
  if (!set.members.has(m) && set.members.size >= set.maxelem) throw new Wrong('Hash is full, cannot add more elements');
  set.members.add(m);
}

/** The member as the kernel prints it. */
function member(set: SimSet, text: string): string {
  if (set.type === 'hash:mac') return parseMac(text)?.toUpperCase() ?? wrongMember(set, text);
  const parts = text.split(',');
  const [first = ''] = parts;
  const address = parseIpPrefix(first);
  if (address?.version !== set.family) return wrongMember(set, first);
  const host = set.type.startsWith('hash:ip');
  if (host && address.prefix !== bits(set.family)) {
    if (set.family === 6) throw new Wrong(`Syntax error: plain IP address must be supplied: ${first}`);
    throw new Wrong('Simulated sets of single addresses take one address at a time');
  }
  if (address.prefix === 0) throw new Wrong('The value of the CIDR parameter of the IP address is invalid');
  if (parts.length !== set.type.split(',').length) throw new Wrong(`Syntax error: Second element is missing from ${text}`);
  return [memberText(address), ...parts.slice(1)].join(',');
}

function wrongMember(set: SimSet, text: string): never {
  throw new Wrong(`Syntax error: cannot parse ${text}: resolving to IPv${set.family} address failed`);
}

const memberText = (c: CidrText): string => (c.prefix === bits(c.version) ? ipText(c.version, c.network) : formatCidr(c));

function swap(a: SimSet, b: SimSet): void {
  if (a.type !== b.type || a.family !== b.family) throw new Wrong('The sets cannot be swapped: their type does not match');
  [a.members, b.members] = [b.members, a.members];
}
