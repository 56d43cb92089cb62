// The difference between two states of a table, applied by the simulator, which takes restore text as the tool does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simHost } from '../../adapters/host/sim-host.ts';
import { canonical, type DesiredTable, parseSave, shrunkChains, tableDelta } from './iptables.ts';

const ours = (name: string): boolean => name.startsWith('mine-');
const table = (chains: Record<string, string[]>): DesiredTable => ({
  table: 'filter',
  chains: new Map(Object.entries(chains)),
  jumps: [
    { chain: 'FORWARD', rule: '-j mine-top' },
    { chain: 'FORWARD', rule: '-j mine-FORWARD' },
  ],
});
const rule = (n: number): string => `-s 10.0.0.${n}/32 -j RETURN`;

const states: Record<string, DesiredTable> = {
  bare: table({ 'mine-top': [], 'mine-FORWARD': [] }),
  one: table({ 'mine-top': [], 'mine-FORWARD': ['-j mine-a'], 'mine-a': [rule(1), rule(2), rule(3), rule(4), rule(5), rule(6)] }),
  fewer: table({ 'mine-top': [], 'mine-FORWARD': ['-j mine-a'], 'mine-a': [rule(1), rule(3), rule(5), rule(6)] }),
  other: table({
    'mine-top': [],
    'mine-FORWARD': ['-j mine-b', '-j mine-a'],
    'mine-a': [rule(6), rule(5), rule(4)],
    'mine-b': [rule(9), '-j mine-a'],
  }),
  mixed: table({
    'mine-top': [],
    'mine-FORWARD': ['-j mine-a'],
    'mine-a': [rule(7), rule(1), rule(2), rule(8), rule(3), rule(5), rule(6), rule(9)],
  }),
};

for (const [from, a] of Object.entries(states)) {
  for (const [to, b] of Object.entries(states)) {
    test(`${from} → ${to} ends where ${to} alone ends, beside what others put there`, async () => {
      const host = simHost();
      await host.iptables.restore('', 4, '*filter\n:other - [0:0]\n-A FORWARD -j other\n-A other -j RETURN\nCOMMIT\n');
      const actual = async () => parseSave(await host.iptables.save('', 4, 'filter')).get('filter') ?? new Map();
      for (const state of [a, b]) {
        const text = tableDelta(await actual(), state, ours, true);
        if (text !== '') await host.iptables.restore('', 4, text);
      }
      const now = await actual();
      for (const [chain, rules] of b.chains) assert.deepEqual(now.get(chain), rules);
      assert.deepEqual([...now.keys()].filter(ours).sort(), [...b.chains.keys()].sort());
      assert.deepEqual(now.get('FORWARD'), ['-j mine-top', '-j mine-FORWARD', '-j other']);
      assert.equal(tableDelta(now, b, ours, true), '', 'and then there is nothing to do');
    });
  }
}

test('a long chain with one rule more gets one line', () => {
  const before = new Map([...states['one']!.chains, ['FORWARD', ['-j mine-top', '-j mine-FORWARD']]]);
  const wanted = table({
    ...Object.fromEntries(states['one']!.chains),
    'mine-a': [rule(1), rule(2), rule(3), '-s 10.0.0.99/32 -j RETURN', rule(4), rule(5), rule(6)],
  });
  assert.equal(tableDelta(before, wanted, ours, true), '*filter\n-I mine-a 4 -s 10.0.0.99/32 -j RETURN\nCOMMIT\n');
});

test('without a sweep nothing is removed', () => {
  const before = new Map([
    ['mine-x', [rule(1)]],
    ['FORWARD', ['-j mine-top', '-j mine-FORWARD']],
    ['mine-top', []],
    ['mine-FORWARD', []],
  ]);
  assert.equal(tableDelta(before, states['bare']!, ours, false), '');
  assert.match(tableDelta(before, states['bare']!, ours, true), /^-X mine-x$/m);
});

test('chains that lost a rule are named, those that only gained are not', () => {
  const before = new Map(states['one']!.chains);
  assert.deepEqual(shrunkChains(before, states['fewer']!), ['mine-a']);
  assert.deepEqual(shrunkChains(new Map(states['fewer']!.chains), states['one']!), []);
});

test('what versions of iptables-save print differently is the same', () => {
  assert.equal(canonical('-p vrrp -m comment --comment "a b" -j RETURN'), canonical('-p 112 -m comment --comment "a b" -j RETURN'));
  assert.equal(canonical('-m mac --mac-source FA:16:3E:00:00:01 -j RETURN'), canonical('-m mac --mac-source fa:16:3e:00:00:01 -j RETURN'));
  assert.equal(canonical('-m comment --comment "word" -j X'), canonical('-m comment --comment word -j X'));
});

test('a chain that goes takes along the jumps to it from chains that are not ours', () => {
  const actual = parseSave(
    '*raw\n:OUTPUT ACCEPT [0:0]\n:x-OUTPUT - [0:0]\n:other - [0:0]\n-A OUTPUT -j x-OUTPUT\n-A OUTPUT -j other\n-A x-OUTPUT -j x-OUTPUT2\nCOMMIT\n',
  ).get('raw')!;
  const text = tableDelta(actual, { table: 'raw', chains: new Map(), jumps: [] }, name => name.startsWith('x-'), true);
  assert.equal(text, '*raw\n:x-OUTPUT - [0:0]\n-D OUTPUT -j x-OUTPUT\n-X x-OUTPUT\nCOMMIT\n');
});
