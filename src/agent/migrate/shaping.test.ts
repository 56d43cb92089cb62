import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simHost } from '../../adapters/host/sim-host.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import type { Qdisc, QdiscChange, Qdiscs } from '../../contracts/host/qdiscs.ts';
import type { MovedTap } from '../desired/migrate/move.ts';
import { clearShaping } from './shaping.ts';

const tap = (name: string, limited: boolean): MovedTap => ({
  ...{ name, limited, port: name, network: 'n', mac: 'fa:16:3e:00:00:01', owner: 'compute:nova', active: true, guarded: true },
});
const shaper = { rate: 125_000, burst: 12_500, latencyMs: 50 };

test('token buckets of taps that move go, and those of others stay', async () => {
  const host = simHost();
  for (const name of ['tap1', 'tap2', 'eth1']) host.links.plug(hostNetns, { name, up: true });
  await host.qdiscs.apply(hostNetns, [
    { do: 'shape', dev: 'tap1', shaper },
    { do: 'shape', dev: 'eth1', shaper },
  ]);
  assert.deepEqual(await clearShaping(host, [tap('tap1', false), tap('tap2', true)]), []);
  const left = (await host.qdiscs.list(hostNetns)).filter(q => q.kind === 'tbf').map(q => q.dev);
  assert.deepEqual(left, ['eth1']);
});

test('a policer goes where the port has a policy, libvirt’s own limits stay; what is refused is told', async () => {
  const there: readonly Qdisc[] = [
    { dev: 'tap1', kind: 'ingress', handle: 'ffff:', at: 'ingress' },
    { dev: 'tap2', kind: 'ingress', handle: 'ffff:', at: 'ingress' },
    { dev: 'tap2', kind: 'htb', handle: '1:', at: 'root' },
  ];
  const asked: QdiscChange[] = [];
  const apply: Qdiscs['apply'] = async (_, changes) => {
    asked.push(...changes);
    return [{ index: 0, reason: 'no' }];
  };
  const said = await clearShaping({ qdiscs: { list: async () => there, apply } }, [tap('tap1', true), tap('tap2', false)]);
  assert.deepEqual([said, asked], [['a limit of tap1 stays: no'], [{ do: 'delete', dev: 'tap1', at: 'ingress' }]]);
});
