import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostView } from '../cli/control.ts';
import { missingAgents } from './readiness.ts';

const began = Date.parse('2026-01-02T03:04:05.500Z');
const types = ['Linux bridge agent', 'DHCP agent', 'L3 agent', 'Metadata agent'];
const host = (over: Partial<HostView>): HostView => ({
  name: 'h1',
  process: { state: 'running', pid: 7, since: 0, restarts: 0 },
  agents: types.map(agent_type => ({ agent_type, alive: true, heartbeat_timestamp: '2026-01-02 03:04:05' })),
  ...over,
});

test('nothing is missing when every agent reported in the second we began or later', () => {
  assert.deepEqual(missingAgents([host({})], types, began), []);
});

test('an agent of an earlier run does not count, although the API still calls it alive', () => {
  const old = types.map(agent_type => ({ agent_type, alive: true, heartbeat_timestamp: '2026-01-02 03:04:04' }));
  assert.equal(missingAgents([host({ agents: old })], types, began).length, 4);
});

test('what is missing is told with what its process does', () => {
  const waiting = { state: 'waiting', since: 0, restarts: 2, lastEnd: 'status 1' } as const;
  const agents = host({}).agents.slice(1);
  assert.deepEqual(missingAgents([host({ agents, process: waiting })], types, began), [
    'Linux bridge agent on h1 has not reported (its process is waiting, restarted 2 times, last time: status 1)',
  ]);
});
