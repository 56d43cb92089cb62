// The difference between two states of a table, applied by the simulator in one transaction, from every state to every other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simHost } from '../../adapters/host/sim-host.ts';
import { type DesiredNftTable, held, layoutChain, type NftSet, namedChain, nftDelta, parseNftTable } from './nft-tables.ts';

const name = 'mine';
const set = (...members: string[]): NftSet => ({
  kind: 'set',
  declared: 'type ipv4_addr; flags interval;',
  elements: new Map(members.map(m => [m, ''])),
});

function table(
  rules: Record<string, readonly string[]>,
  groups: Record<string, NftSet>,
  declared = 'type ifname : verdict;',
): DesiredNftTable {
  const ports = Object.entries(rules).map(([device, own]) => ({ device, chain: namedChain('port', { rules: own }) }));
  const senders: NftSet = { kind: 'map', declared, elements: new Map(ports.map(p => [`"${p.device}"`, `goto ${p.chain[0]}`])) };
  const fixed = new Map([['senders', senders]]);
  const base = namedChain('sender', {
    head: 'type filter hook forward priority 0; policy accept;',
    rules: ['iifname vmap @senders', 'drop'],
  });
  return {
    family: 'inet',
    name,
    sets: new Map([...fixed, ...Object.entries(groups)]),
    chains: new Map([base, layoutChain(fixed), ...ports.map(p => p.chain)]),
  };
}

const states: Record<string, DesiredNftTable> = {
  nothing: table({}, {}),
  'two ports, a group': table({ a: ['ip saddr @g1 accept', 'drop'], b: ['drop'] }, { g1: set('10.0.0.1', '10.1.0.0/24') }),
  'another rule, another member': table(
    { a: ['ip saddr @g1 accept', 'tcp dport 22 accept', 'drop'] },
    { g1: set('10.0.0.2', '10.1.0.0/25') },
  ),
  'another group': table({ b: ['ip saddr @g2 accept'], c: ['drop'] }, { g2: set() }),
  'ports change places': table({ a: ['drop'], b: ['ip saddr @g1 accept', 'drop'] }, { g1: set('10.0.0.1') }),
};

async function listed(nft: ReturnType<typeof simHost>['nft']) {
  const text = await nft.listTable('', 'inet', name);
  return text === undefined ? undefined : parseNftTable(text);
}

for (const [from, a] of Object.entries(states))
  for (const [to, b] of Object.entries(states))
    test(`${from} → ${to}`, async () => {
      const { nft } = simHost();
      await nft.apply('', `${nftDelta(undefined, a).join('\n')}\n`);
      const found = await listed(nft);
      assert.deepEqual(nftDelta(found, a), [], 'what was made is read back as it is');
      const lines = nftDelta(found, b);
      assert.equal(lines.length === 0, from === to);
      if (lines.length > 0) await nft.apply('', `${lines.join('\n')}\n`);
      assert.deepEqual(await listed(nft), await alone(b));
      assert.deepEqual(nftDelta(held(b), b), []);
    });

async function alone(desired: DesiredNftTable) {
  const { nft } = simHost();
  await nft.apply('', `${nftDelta(undefined, desired).join('\n')}\n`);
  return listed(nft);
}

test('a member more is one line, whatever the rules', () => {
  const before = states['two ports, a group']!;
  const after = { ...before, sets: new Map([...before.sets, ['g1', set('10.0.0.1', '10.1.0.0/24', '192.0.2.1')]]) };
  assert.deepEqual(nftDelta(held(before), after), ['add element inet mine g1 { 192.0.2.1 }']);
});

test('a chain with a rule too many, or one too few, is written anew in its place', async () => {
  const { nft } = simHost();
  const wanted = states['two ports, a group']!;
  await nft.apply('', `${nftDelta(undefined, wanted).join('\n')}\n`);
  const chain = wanted.sets.get('senders')!.elements.get('"b"')!.replace('goto ', '');
  await nft.apply('', `insert rule inet mine ${chain} accept\n`);
  const lines = nftDelta(await listed(nft), wanted);
  assert.deepEqual(lines, [`flush chain inet mine ${chain}`, `add rule inet mine ${chain} drop`]);
  await nft.apply('', `${lines.join('\n')}\n`);
  assert.deepEqual(nftDelta(await listed(nft), wanted), []);
});

test('sets that are declared in another way: all is made anew', async () => {
  const { nft } = simHost();
  await nft.apply('', `${nftDelta(undefined, table({ a: ['drop'] }, {}, 'type mark : verdict;')).join('\n')}\n`.replace('"a"', '0x1'));
  const wanted = states['two ports, a group']!;
  const lines = nftDelta(await listed(nft), wanted);
  assert.equal(lines[0], 'delete table inet mine');
  await nft.apply('', `${lines.join('\n')}\n`);
  assert.deepEqual(await listed(nft), await alone(wanted));
});
