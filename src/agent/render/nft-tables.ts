// nftables tables as values: what `nft list table` says, what there should be, and the difference as statements of one transaction.
// A chain is known by its name, which ends in a fingerprint of what it says: one with other rules is another chain.
import { fingerprint } from './fingerprint.ts';

export interface NftChain {
  /** Of a base chain: `type filter hook forward priority 0; policy accept;`. */
  readonly head?: string;
  readonly rules: readonly string[];
}

export interface NftSet {
  readonly kind: 'set' | 'map';
  /** `type ipv4_addr; flags interval;`. */
  readonly declared: string;
  /** Key → what it is mapped to; '' in a set. In the words of `nft list`. */
  readonly elements: ReadonlyMap<string, string>;
}

export interface DesiredNftTable {
  readonly family: 'bridge' | 'inet';
  readonly name: string;
  readonly chains: ReadonlyMap<string, NftChain>;
  readonly sets: ReadonlyMap<string, NftSet>;
}

export interface ActualNftTable {
  /** Chain → how many rules it has. */
  readonly chains: ReadonlyMap<string, number>;
  readonly sets: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** A chain under its name. */
export function namedChain(kind: string, chain: NftChain): [string, NftChain] {
  return [`${kind}-${fingerprint([chain.head ?? '', ...chain.rules].join('\n'))}`, chain];
}

/** An empty chain that stands for how sets are declared: a table with other ones is replaced as a whole. */
export const layoutChain = (sets: ReadonlyMap<string, NftSet>): [string, NftChain] => [
  `layout-${fingerprint([...sets].map(([name, { kind, declared }]) => `${kind} ${name} ${declared}`).join('\n'))}`,
  { rules: [] },
];

/** What a table holds that was made of `desired`. */
export const held = ({ chains, sets }: DesiredNftTable): ActualNftTable => ({
  chains: new Map([...chains].map(([name, { rules }]) => [name, rules.length])),
  sets: new Map([...sets].map(([name, { elements }]) => [name, elements])),
});

/** Statements, one a line; none when they agree. The first empty chain named `layout-…` of `desired` must be there, or all is made anew. */
export function nftDelta(actual: ActualNftTable | undefined, desired: DesiredNftTable): string[] {
  const { family, name } = desired;
  const at = `${family} ${name}`;
  const layout = [...desired.chains.keys()].find(c => c.startsWith('layout-'));
  const same = actual !== undefined && (layout === undefined || actual.chains.has(layout));
  const has: ActualNftTable = same ? actual : { chains: new Map(), sets: new Map() };
  const fresh = [...desired.sets].filter(([set]) => !has.sets.has(set));
  const changed = [...desired.chains].filter(([chain, { rules }]) => has.chains.get(chain) !== rules.length);
  const gone = [...has.chains.keys()].filter(chain => !desired.chains.has(chain));
  return [
    ...(actual !== undefined && !same ? [`delete table ${at}`] : []),
    ...(same ? [] : [`add table ${at}`]),
    ...fresh.map(([set, { kind, declared }]) => `add ${kind} ${at} ${set} { ${declared} }`),
    ...changed.map(([chain, { head }]) =>
      has.chains.has(chain) ? `flush chain ${at} ${chain}` : `add chain ${at} ${chain}${head === undefined ? '' : ` { ${head} }`}`,
    ),
    ...changed.flatMap(([chain, { rules }]) => rules.map(rule => `add rule ${at} ${chain} ${rule}`)),
    ...[...desired.sets].flatMap(([set, { elements }]) => elementDelta(at, set, has.sets.get(set) ?? new Map(), elements)),
    // All are emptied first: one may lead to another.
    ...gone.map(chain => `flush chain ${at} ${chain}`),
    ...gone.map(chain => `delete chain ${at} ${chain}`),
    ...[...has.sets.keys()].filter(set => !desired.sets.has(set)).map(set => `delete set ${at} ${set}`),
  ];
}

function elementDelta(at: string, set: string, actual: ReadonlyMap<string, string>, desired: ReadonlyMap<string, string>): string[] {
  if (actual === desired) return [];
  const gone = [...actual].filter(([key, to]) => desired.get(key) !== to).map(([key]) => key);
  const fresh = [...desired].filter(([key, to]) => actual.get(key) !== to).map(([key, to]) => (to === '' ? key : `${key} : ${to}`));
  return [
    ...(gone.length > 0 ? [`delete element ${at} ${set} { ${gone.join(', ')} }`] : []),
    ...(fresh.length > 0 ? [`add element ${at} ${set} { ${fresh.join(', ')} }`] : []),
  ];
}

/** Of the output of `nft list table`. */
export function parseNftTable(listing: string): ActualNftTable {
  const chains = new Map<string, number>();
  const sets = new Map<string, Map<string, string>>();
  for (const [, kind, name = '', body = ''] of listing.matchAll(/^\t(chain|set|map) (\S+) \{\n([\s\S]*?)^\t\}$/gm)) {
    if (kind === 'chain') chains.set(name, body.split('\n').filter(line => line.trim() !== '' && !/^\t\ttype \w+ hook /.test(line)).length);
    else sets.set(name, elementsOf(body));
  }
  return { chains, sets };
}

function elementsOf(body: string): Map<string, string> {
  const inner = /elements = \{([\s\S]*)\}/.exec(body)?.[1] ?? '';
  const texts = inner
    .split(',')
    .map(text => text.trim().replace(/\s+/g, ' '))
    .filter(text => text !== '');
  return new Map(
    texts.map(text => {
      const [key = '', to = ''] = text.split(' : ');
      return [key, to];
    }),
  );
}
