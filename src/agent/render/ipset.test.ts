// Members of groups as sets: canonical elements, and differences that the simulator takes as the tool does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simHost } from '../../adapters/host/sim-host.ts';
import { type IpSet, isOurSet, members, setDelta, setName } from './ipset.ts';

const set = (family: 4 | 6, ...texts: string[]): IpSet => ({ family, members: members(family, texts) });

test('names are those of Neutron, cut to 29 characters', () => {
  assert.equal(setName('fe4f52c7-ab8e-4c88-a606-b012618227f7', 4), 'NIPv4fe4f52c7-ab8e-4c88-a606-');
  assert.equal(setName('fe4f52c7-ab8e-4c88-a606-b012618227f7', 6).length, 29);
  assert.ok(isOurSet('NIPv4fe4f52c7-ab8e-4c88-a606-'));
  assert.ok(!isOurSet('NIPv4 x') && !isOurSet('blocklist'));
});

test('members are of one family and canonical; /0 is two halves, junk is left out', () => {
  assert.deepEqual([...members(4, ['10.0.0.1', '10.0.0.1/32', '10.9.8.7/8', 'fd00::1', 'x\nflush'])], ['10.0.0.1', '10.0.0.0/8']);
  assert.deepEqual([...members(4, ['0.0.0.0/0'])], ['0.0.0.0/1', '128.0.0.0/1']);
  assert.deepEqual([...members(4, ['0.0.0.0/0 fa:16:3e:00:00:01'])], ['0.0.0.0/1', '128.0.0.0/1']);
  assert.deepEqual([...members(6, ['::/0', 'FD00::1', 'fd00::/8'])], ['::/1', '8000::/1', 'fd00::1', 'fd00::/8']);
});

test('a member that comes is one line, one that goes is another', () => {
  const before = new Map([['NIPv4a', set(4, '10.0.0.1', '10.0.0.2')]]);
  const after = new Map([['NIPv4a', set(4, '10.0.0.1', '10.0.0.3')]]);
  assert.deepEqual(setDelta(before, after, true), { before: 'add NIPv4a 10.0.0.3\ndel NIPv4a 10.0.0.2\n', after: '', shrunk: ['NIPv4a'] });
});

test('only our sets are swept, and only when asked', () => {
  const actual = new Map([
    ['NIPv4a', set(4)],
    ['blocklist', set(4)],
  ]);
  assert.equal(setDelta(actual, new Map(), true).after, 'destroy NIPv4a\n');
  assert.equal(setDelta(actual, new Map(), false).after, '');
});

const states: Record<string, ReadonlyMap<string, IpSet>> = {
  none: new Map(),
  two: new Map([
    ['NIPv4a', set(4, '10.0.0.0/8', '192.0.2.1')],
    ['NIPv6a', set(6, 'fd00::1')],
  ]),
  changed: new Map([
    ['NIPv4a', set(4, '10.0.0.0/9')],
    ['NIPv4b', set(4, '0.0.0.0/0')],
  ]),
  empty: new Map([['NIPv4a', set(4)]]),
};
for (const [from, a] of Object.entries(states)) {
  for (const [to, b] of Object.entries(states)) {
    test(`${from} → ${to}`, async () => {
      const { ipsets } = simHost();
      const actual = async (): Promise<Map<string, IpSet>> =>
        new Map([...(await ipsets.list(''))].map(([n, s]) => [n, { family: s.family, members: new Set(s.members) }]));
      for (const state of [a, b]) {
        const delta = setDelta(await actual(), state, true);
        await ipsets.restore('', delta.before);
        await ipsets.restore('', delta.after);
      }
      assert.deepEqual(new Map([...(await actual())].sort()), new Map([...b].sort()));
      assert.deepEqual(setDelta(await actual(), b, true), { before: '', after: '', shrunk: [] });
    });
  }
}
