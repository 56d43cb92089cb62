// A bridge's flows over a simulated switch: the difference that is made is right, whether it was found by looking at all or at what is new.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimOpenflow } from '../../adapters/host/openflow/sim.ts';
import type { Flow } from '../../domain/openflow/flow.ts';
import { flowKey, flowText } from '../../domain/openflow/identity.ts';
import { wiringCookie } from '../desired/openvswitch/tables.ts';
import { FlowTable } from './flow-table.ts';

const flow = (in_port: number, port = 1, priority = 5): Flow => ({
  table: 0,
  priority,
  cookie: wiringCookie,
  match: { in_port },
  actions: [{ do: 'output', port }],
});

/** A bridge that has these flows already. */
async function bridge(...found: Flow[]) {
  const openflow = new SimOpenflow();
  openflow.addBridge('br-int');
  const table = new FlowTable({ openflow, bridge: 'br-int', sweeps: () => true, onAway() {}, onGap() {} });
  await using door = openflow.open('br-int', { onGap() {} });
  if (found.length > 0) await door.apply(found.map(flow => ({ do: 'add', flow })));
  openflow.applied.length = 0;
  const now = (): string[] => [...openflow.standing('br-int')!.tables.flows.values()].map(({ flow }) => flowText(flow)).sort();
  return { table, asked: openflow.applied, now };
}

const texts = (wanted: readonly Flow[]): string[] => [...new Map(wanted.map(f => [flowKey(f), f])).values()].map(f => flowText(f)).sort();

test('only what changed is asked for, and nothing when nothing did', async () => {
  const { table, asked } = await bridge();
  const [a, b] = [flow(1), flow(2)];
  assert.equal(await table.apply([a, b]), 2);
  assert.equal(await table.apply([a, b]), 0);
  assert.equal(await table.apply([a, flow(2), flow(3)]), 1);
  assert.equal(await table.apply([a, flow(2, 9)]), 2);
  assert.equal(asked.length, 3);
  assert.deepEqual(
    asked[2]!.changes.map(change => change.do),
    ['delete', 'add'],
  );
});

test('flows that may have gone while they were read are read again', async () => {
  const { table, now } = await bridge(flow(1));
  const door = table.door;
  const read = door.flows.bind(door);
  let reads = 0;
  door.flows = async () => {
    const found = await read();
    if (reads++ === 0) table.forget();
    return found;
  };
  await table.apply([flow(2)]);
  assert.equal(reads, 2);
  assert.deepEqual(now(), texts([flow(2)]));
});

test('of two flows of one identity the last counts, and the other comes when that goes', async () => {
  const { table, now } = await bridge();
  const [other, one, two] = [flow(7), flow(1, 1), flow(1, 2)];
  for (const wanted of [[other, one], [other, one, two], [one, two], [two, one], [one], [other, two, one], [other, two], []]) {
    await table.apply(wanted);
    assert.deepEqual(now(), texts(wanted));
  }
});

test('any sequence of tables ends as the last one, with values that are kept, remade, doubled and gone', async () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  const kept = Array.from({ length: 12 }, (_, i) => flow(i % 6, i));
  const { table, now } = await bridge(flow(90), flow(3, 3));
  for (let round = 0; round < 400; round++) {
    const wanted = kept.filter(() => random(3) > 0).map(f => (random(5) === 0 ? { ...f } : f));
    if (random(10) === 0) table.forget();
    await table.apply(wanted);
    assert.deepEqual(now(), texts(wanted), `round ${round}`);
  }
});
