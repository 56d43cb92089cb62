// The simulated ruleset of one namespace: tables with chains and sets, changed by statements.
import { elements, NftError, print, type Statement } from './sim-parse.ts';
import {
  addElement,
  copySet,
  declareSet,
  deleteElement,
  printSet,
  SetError,
  type SimSet,
  sameDeclaration,
  verdictChain,
} from './sim-set.ts';

interface SimChain {
  /** `type filter hook forward priority 0; policy accept;` of a base chain. */
  head: string | undefined;
  rules: string[];
}

interface SimTable {
  readonly sets: Map<string, SimSet>;
  readonly chains: Map<string, SimChain>;
}

/** `FAMILY NAME` → table. */
export type SimRuleset = Map<string, SimTable>;

const FAMILIES = ['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev'];
const missing = 'Could not process rule: No such file or directory';
const busy = 'Could not process rule: Device or resource busy';

export function copyRuleset(all: SimRuleset): SimRuleset {
  return new Map(
    [...all].map(([name, t]) => [
      name,
      {
        sets: new Map([...t.sets].map(([n, s]) => [n, copySet(s)])),
        chains: new Map([...t.chains].map(([n, c]) => [n, { ...c, rules: [...c.rules] }])),
      },
    ]),
  );
}

export function printTable(name: string, table: SimTable): string {
  const sets = [...table.sets].map(([n, s]) => printSet(n, s));
  const bridge = name.startsWith('bridge ');
  const chains = [...table.chains].map(([n, c]) => {
    const lines = [
      ...(c.head === undefined ? [] : [namedPriority(c.head, bridge)]),
      ...c.rules.map(r => r.replace(/\bcounter(?! (packets|name))/g, 'counter packets 0 bytes 0')),
    ];
    return `\tchain ${n} {\n${lines.map(l => `\t\t${l}\n`).join('')}\t}\n`;
  });
  return `table ${name} {\n${[...sets, ...chains].join('\n')}}\n`;
}

const PRIORITIES: Readonly<Record<string, number>> = { raw: -300, mangle: -150, dstnat: -100, filter: 0, security: 50, srcnat: 100 };
const BRIDGE_PRIORITIES: Readonly<Record<string, number>> = { dstnat: -300, filter: -200, out: 100, srcnat: 300 };
/** Names that only one hook knows. */
const ONLY_AT: Readonly<Record<string, string>> = { dstnat: 'prerouting', srcnat: 'postrouting', out: 'output' };

/** nft prints a priority by name, and one close to it with an offset. */
function namedPriority(head: string, bridge: boolean): string {
  return head.replace(/(hook (\S+) priority )(-?\d+)/, (_, before: string, hook: string, digits: string) => {
    const value = Number(digits);
    const names = Object.entries(bridge ? BRIDGE_PRIORITIES : PRIORITIES).filter(([name]) => (ONLY_AT[name] ?? hook) === hook);
    const near = names.find(([, p]) => Math.abs(value - p) <= 10);
    if (!near) return `${before}${digits}`;
    const offset = value - near[1];
    return `${before}${near[0]}${offset === 0 ? '' : ` ${offset < 0 ? '-' : '+'} ${Math.abs(offset)}`}`;
  });
}

export function execute(all: SimRuleset, s: Statement): void {
  try {
    statement(all, s);
  } catch (error) {
    if (error instanceof SetError) throw new NftError(s.line, error.message);
    throw error;
  }
}

function statement(all: SimRuleset, s: Statement): void {
  const [first = '', ...rest] = s.words;
  const verb = ['add', 'create', 'insert', 'delete', 'flush'].includes(first) ? first : 'add';
  const [what = '', ...words] = verb === first ? rest : s.words;
  if (what === 'ruleset' && verb === 'flush') {
    all.clear();
    return;
  }
  const { name, left } = tableName(s, words);
  if (what === 'table') {
    tableStatement(all, s, verb, name);
    return;
  }
  const table = all.get(name) ?? refuse(s, missing);
  const [object = '', ...more] = left;
  if (what === 'rule' && (verb === 'add' || verb === 'insert')) rule(table, s, verb, object, more);
  else if (what === 'chain') chain(table, s, verb, object, more);
  else if (what === 'set' || what === 'map') setStatement(table, s, verb, what, object);
  else if (what === 'element' && (verb === 'add' || verb === 'create' || verb === 'delete')) element(table, s, verb, object, more);
  else refuse(s, `syntax error, unexpected ${first} (or not simulated)`);
}

/** The family may be left out, and is then `ip`. */
function tableName(s: Statement, words: readonly string[]): { name: string; left: readonly string[] } {
  const family = FAMILIES.includes(words[0] ?? '');
  const [table = '', ...left] = family ? words.slice(1) : words;
  if (table === '') refuse(s, 'syntax error, unexpected newline, expecting string');
  return { name: `${family ? words[0] : 'ip'} ${table}`, left };
}

function tableStatement(all: SimRuleset, s: Statement, verb: string, name: string): void {
  const old = all.get(name);
  if (verb === 'delete') {
    if (!old) refuse(s, missing);
    all.delete(name);
  } else if (verb === 'flush') {
    for (const c of (old ?? refuse(s, missing)).chains.values()) c.rules = [];
  } else {
    if (old && verb === 'create') refuse(s, 'Could not process rule: File exists');
    const table = old ?? { sets: new Map(), chains: new Map() };
    all.set(name, table);
    tableBlock(table, s.block ?? []);
  }
}

/** nft makes all chains and sets of a block before the rules, which may name a chain that stands further down. */
function tableBlock(table: SimTable, block: readonly Statement[]): void {
  for (const inner of block) {
    const [what, name = ''] = inner.words;
    if (what === 'chain') chain(table, inner, 'add', name, []);
    else if (what === 'set' || what === 'map') setStatement(table, inner, 'add', what, name);
    else if (what !== 'flags' && what !== 'comment') refuse(inner, `syntax error, unexpected ${what}`);
  }
}

const isHead = (s: Statement): boolean => s.words[0] === 'type' && s.words.includes('hook');

function chain(table: SimTable, s: Statement, verb: string, name: string, more: readonly string[]): void {
  const old = table.chains.get(name);
  if (verb === 'delete' || verb === 'flush') {
    if (!old) refuse(s, missing);
    else if (verb === 'flush') old.rules = [];
    else if (chainUsers(table, name) > 0) refuse(s, busy);
    else table.chains.delete(name);
    return;
  }
  if (old && verb === 'create') refuse(s, 'Could not process rule: File exists');
  if (more.length > 0) refuse(s, `syntax error, unexpected ${more[0]}`);
  const block = s.block ?? [];
  const head = block.filter(b => isHead(b) || b.words[0] === 'policy').map(b => `${print(b.words)};`);
  if (old && head.length > 0 && old.head === undefined) refuse(s, 'Could not process rule: File exists');
  const made = old ?? { head: head.length > 0 ? head.join(' ') : undefined, rules: [] };
  table.chains.set(name, made);
  for (const b of block) if (!isHead(b) && b.words[0] !== 'policy' && b.words[0] !== 'comment') made.rules.push(print(b.words));
}

function rule(table: SimTable, s: Statement, verb: string, name: string, words: readonly string[]): void {
  const found = table.chains.get(name) ?? refuse(s, missing);
  if (['position', 'handle', 'index'].includes(words[0] ?? '')) refuse(s, `not simulated: rule ${words[0]}`);
  if (verb === 'insert') found.rules.unshift(print(words));
  else found.rules.push(print(words));
}

function setStatement(table: SimTable, s: Statement, verb: string, kind: 'set' | 'map', name: string): void {
  const old = table.sets.get(name);
  if (verb === 'delete' || verb === 'flush') {
    if (old?.kind !== kind) refuse(s, missing);
    if (verb === 'flush') old?.elements.clear();
    else if (setUsers(table, name) > 0) refuse(s, busy);
    else table.sets.delete(name);
    return;
  }
  if (old && verb === 'create') refuse(s, 'Could not process rule: File exists');
  const block = s.block ?? [];
  const fresh = declareSet(
    kind,
    block.filter(b => b.words[0] !== 'elements').map(b => print(b.words)),
  );
  if (old && !sameDeclaration(old, fresh)) refuse(s, 'Could not process rule: File exists');
  const set = old ?? fresh;
  table.sets.set(name, set);
  for (const b of block) if (b.words[0] === 'elements') for (const e of elements(b.words)) addElement(set, e);
}

function element(table: SimTable, s: Statement, verb: string, name: string, words: readonly string[]): void {
  const set = table.sets.get(name) ?? refuse(s, missing);
  for (const e of elements(words)) {
    if (verb === 'delete') deleteElement(set, e);
    else addElement(set, e);
  }
}

function refuse(s: Statement, reason: string): never {
  throw new NftError(s.line, reason);
}

const jumps = (rule: string): string[] => [...rule.matchAll(/\b(?:jump|goto) ([^\s,}]+)/g)].map(m => m[1] ?? '');
const named = (rule: string): string[] => [...rule.matchAll(/@([A-Za-z_][\w-]*)(?![\w,-])/g)].map(m => m[1] ?? '');

function chainUsers(table: SimTable, name: string): number {
  const rules = [...table.chains.values()].flatMap(c => c.rules.flatMap(jumps));
  const verdicts = [...table.sets.values()].flatMap(x => [...x.elements.values()].map(verdictChain));
  return [...rules, ...verdicts].filter(n => n === name).length;
}

function setUsers(table: SimTable, name: string): number {
  return [...table.chains.values()].flatMap(c => c.rules.flatMap(named)).filter(n => n === name).length;
}

/** Payload words such as `@th,64,16` are no sets. */
const PAYLOAD = new Set(['ll', 'nh', 'th', 'ih']);

/** What a transaction may not leave behind: a jump to no chain, a look-up in no set. */
export function dangling(all: SimRuleset): string | undefined {
  for (const table of all.values()) {
    for (const c of table.chains.values()) {
      for (const r of c.rules) {
        const chainless = jumps(r).find(n => !table.chains.has(n));
        const setless = named(r).find(n => !PAYLOAD.has(n) && !table.sets.has(n));
        if (chainless !== undefined || setless !== undefined) return `${missing}; ${r}`;
      }
    }
    for (const x of table.sets.values()) {
      for (const behind of x.elements.values()) {
        const to = verdictChain(behind);
        if (to !== undefined && !table.chains.has(to)) return `${missing}; ${behind}`;
      }
    }
  }
  return undefined;
}
