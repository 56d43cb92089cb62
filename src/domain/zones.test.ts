import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inZones, spread, type ZoneAgent } from './zones.ts';

const agent = (id: string, zone: string | null, load = 0): ZoneAgent => ({ id, zone, load });
const ids = (agents: readonly ZoneAgent[]): string[] => agents.map(a => a.id);

describe('availability zones', () => {
  const agents = [agent('a1', 'a', 5), agent('a2', 'a', 1), agent('b1', 'b', 9), agent('n', null, 0)];

  test('no hints: every agent; hints: those of the zones', () => {
    assert.deepEqual(ids(inZones(agents, [])), ['a1', 'a2', 'b1', 'n']);
    assert.deepEqual(ids(inZones(agents, ['b', 'c'])), ['b1']);
  });

  test('one agent is the one with the least to do', () => assert.deepEqual(ids(spread(agents, [], 1)), ['n']));

  test('several are spread over the zones before load counts', () => {
    assert.deepEqual(ids(spread(inZones(agents, ['a', 'b']), [], 2)), ['a2', 'b1']);
    assert.deepEqual(ids(spread(inZones(agents, ['a', 'b']), [], 9)), ['a2', 'b1', 'a1']);
  });

  test('zones that serve already come last', () => {
    assert.deepEqual(ids(spread([agent('a2', 'a'), agent('b1', 'b', 9)], [agent('a1', 'a')], 1)), ['b1']);
  });
});
