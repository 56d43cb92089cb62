// Members of groups: the newest word counts, in whatever order words come, and what is the same stays the same value.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type MemberChange, type MemberPort, Members } from './members.ts';

const ports = (of: Readonly<Record<string, readonly [revision: number, ...addresses: string[]]>>): ReadonlyMap<string, MemberPort> =>
  new Map(Object.entries(of).map(([port, [revision, ...addresses]]) => [port, { revision, addresses }]));
const now = (port: string, revision: number, groups: readonly string[], ...addresses: string[]): MemberChange => ({
  port,
  revision,
  groups: new Set(groups),
  addresses,
});
const gone = (port: string): MemberChange => now(port, Number.POSITIVE_INFINITY, []);

function book(of: Parameters<typeof ports>[0]) {
  const members = new Members();
  members.set('g', ports(of));
  const take = (change: MemberChange, asking = false) => members.take(change, ['g'], asking);
  return { members, take, has: () => [...members.get('g')!].sort() };
}

describe('members by port', () => {
  test('a port comes, changes, leaves the group, and goes', () => {
    const { take, has } = book({ a: [1, '10.0.0.1'] });
    assert.deepEqual(take(now('b', 1, ['g'], '10.0.0.2', 'fd00::2')), { ask: [], changed: true });
    assert.deepEqual(has(), ['10.0.0.1', '10.0.0.2', 'fd00::2']);
    take(now('b', 2, ['g'], '10.0.0.3'));
    assert.deepEqual(has(), ['10.0.0.1', '10.0.0.3']);
    take(now('b', 3, ['other'], '10.0.0.3'));
    assert.deepEqual(has(), ['10.0.0.1']);
    take(gone('a'));
    assert.deepEqual(has(), []);
  });

  test('an address that two ports have stays while one of them does', () => {
    const { take, has } = book({ a: [1, '10.0.0.1'], b: [1, '10.0.0.1'] });
    take(gone('a'));
    assert.deepEqual(has(), ['10.0.0.1']);
  });

  test('a late word changes nothing, also about who is gone', () => {
    const { take, has } = book({ a: [5, '10.0.0.1'] });
    assert.equal(take(now('a', 4, ['g'], '10.0.0.9')).changed, false);
    assert.equal(take(now('a', 4, [])).changed, false);
    take(gone('a'));
    assert.equal(take(now('a', 6, ['g'], '10.0.0.1')).changed, false);
    take(now('b', 7, []));
    assert.equal(take(now('b', 6, ['g'], '10.0.0.2')).changed, false);
    assert.deepEqual(has(), []);
    take(now('b', 8, ['g'], '10.0.0.2'));
    assert.deepEqual(has(), ['10.0.0.2']);
  });

  test('what was heard while the server was asked counts, if it is newer than the answer', () => {
    const { members, take, has } = book({ a: [1, '10.0.0.1'], b: [1, '10.0.0.2'], c: [1, '10.0.0.3'] });
    take(gone('a'), true);
    take(now('b', 2, ['g'], '10.0.0.22'), true);
    take(now('c', 2, ['g'], '10.0.0.33'), true);
    members.set('g', ports({ a: [1, '10.0.0.1'], b: [1, '10.0.0.2'], c: [3, '10.0.0.34'] }));
    assert.deepEqual(has(), ['10.0.0.22', '10.0.0.34']);
    members.settle();
    members.set('g', ports({ b: [1, '10.0.0.2'] }));
    assert.deepEqual(has(), ['10.0.0.2']);
  });

  test('a change of a group that was unknown when it was heard is in it after the answer', () => {
    const members = new Members();
    assert.deepEqual(members.take(now('a', 2, ['g'], '10.0.0.9'), ['g'], true), { ask: [], changed: false });
    members.set('g', ports({ a: [1, '10.0.0.1'] }));
    assert.deepEqual(members.get('g'), ['10.0.0.9']);
  });

  test('the same members are the same value', () => {
    const { members, take } = book({ a: [1, '10.0.0.1'] });
    const before = members.get('g');
    take(now('a', 2, ['g'], '10.0.0.1'));
    assert.equal(members.get('g'), before);
    members.set('g', ports({ a: [3, '10.0.0.1'] }));
    assert.equal(members.get('g'), before);
    members.set('g', ['10.0.0.1']);
    assert.equal(members.get('g'), before);
  });

  test('a group that was told as a list is asked for; one that is doubted is not known', () => {
    const { members, take } = book({ a: [1, '10.0.0.1'] });
    assert.deepEqual(members.known(), ['g']);
    members.doubt('g', false);
    assert.deepEqual([members.known(), members.get('g')], [[], ['10.0.0.1']]);
    members.set('g', ports({ a: [1, '10.0.0.1'] }));
    assert.deepEqual(members.known(), ['g']);
    members.set('g', ['10.0.0.1']);
    assert.deepEqual([members.known(), take(gone('a')).ask], [[], ['g']]);
    members.keepOnly(new Set(['other']));
    assert.equal(members.has('g'), false);
  });

  test('an answer that a doubt has overtaken is doubted, too, and a list that a change has overtaken is asked for again', () => {
    const { members, take } = book({ a: [1, '10.0.0.1'] });
    members.doubt('g', true);
    members.set('g', ports({ a: [1, '10.0.0.1'] }));
    assert.deepEqual(members.known(), []);
    take(gone('a'), true);
    assert.deepEqual([members.set('g', ['10.0.0.1']), members.set('other', ['10.0.0.1'])], [true, false]);
    members.settle();
    assert.equal(members.set('g', ['10.0.0.1']), false);
    members.set('g', ports({ a: [1, '10.0.0.1'] }));
    assert.deepEqual(members.known(), ['g']);
  });

  test('of very many that are gone the last are remembered', () => {
    const { take, has } = book({});
    for (let n = 0; n < 1001; n++) take(now(`p${n}`, 5, []));
    assert.equal(take(now('p1', 4, ['g'], '10.0.0.1')).changed, false);
    assert.equal(take(now('p0', 4, ['g'], '10.0.0.2')).changed, true);
    assert.deepEqual(has(), ['10.0.0.2']);
  });
});
