import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StatusView } from '../control.ts';
import { table } from './instance.ts';
import { describe } from './status.ts';

const view: StatusView = {
  pid: 7,
  since: '2026-01-02T03:04:05.000Z',
  url: 'http://127.0.0.1:9696',
  identity_url: 'http://127.0.0.1:9696/identity/v3',
  state_dir: '/s',
  clouds_yaml: '/s/clouds.yaml',
  mode: 'contained',
  rootless: true,
  ready: false,
  missing: ['L3 agent on h1 has not reported (its process is waiting)'],
  hosts: [
    {
      name: 'h1',
      process: { state: 'waiting', since: 0, restarts: 3, lastEnd: 'status 1' },
      daemons: [{ name: 'ovs-vswitchd', state: 'running', pid: 9, since: 0, restarts: 1, lastEnd: 'killed by SIGKILL' }],
      agents: [{ agent_type: 'DHCP agent', alive: true, heartbeat_timestamp: null }],
    },
  ],
  published: ['127.0.0.1:8080 → 172.24.4.10:80'],
};

test('status tells what runs, what is missing, and why', () => {
  assert.deepEqual(describe(view), [
    'not ready: process 7, contained, without root, since 2026-01-02T03:04:05.000Z',
    'API http://127.0.0.1:9696, identity http://127.0.0.1:9696/identity/v3',
    'state /s, clouds /s/clouds.yaml',
    'published 127.0.0.1:8080 → 172.24.4.10:80',
    'host h1: agents waiting, restarted 3 times, last time: status 1',
    '  ovs-vswitchd running as 9, restarted 1 times, last time: killed by SIGKILL',
    '  alive DHCP agent, heard never',
    'missing: L3 agent on h1 has not reported (its process is waiting)',
  ]);
});

test('columns are as wide as their widest cell, and lines do not end in blanks', () => {
  assert.deepEqual(
    table([
      ['NAME', 'A', ''],
      ['x', 'long', ''],
    ]),
    ['NAME  A', 'x     long'],
  );
});
