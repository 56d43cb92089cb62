// Packets that flows hand over, on a real Open vSwitch: to the connections with the flow's id and to no others, as many as the meter lets through;
// started inside a network namespace by openflow.test.ts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { OvsOpenflow } from '../../../src/adapters/host/openflow/openflow.ts';
import type { HandedPacket, Switch } from '../../../src/contracts/host/openflow.ts';
import { until } from '../../../src/contracts/host/under-test.ts';
import type { Action } from '../../../src/domain/openflow/actions.ts';
import { Ovs } from '../ovs.ts';

let ovs: Ovs;
let ours: Switch;
const [heard, others, without]: [HandedPacket[], HandedPacket[], HandedPacket[]] = [[], [], []];
const opened: Switch[] = [];

/** Made of zeros but for its addresses and its length. */
const frame = (length: number): string => `020000000001020000000002${'88b5'}${'00'.repeat(length - 14)}`;
const send = (length: number): string => ovs.ofctl('packet-out', 'br0', `in_port=LOCAL packet=${frame(length)} actions=resubmit(,0)`);
const flow = (cookie: bigint, table: number, ...actions: Action[]) =>
  ({ do: 'add', flow: { table, priority: 1, cookie, match: {}, actions } }) as const;

before(async () => {
  ovs = await Ovs.open();
  ovs.addBridge('br0');
  const door = new OvsOpenflow({ rundir: ovs.folder });
  const open = (into: HandedPacket[], options = {}): Switch => {
    const made = door.open('br0', { onGap: () => {}, onPacket: packet => void into.push(packet) }, options);
    opened.push(made);
    return made;
  };
  ours = open(heard, { controllerId: 7 });
  open(others, { controllerId: 8 });
  open(without);
  await Promise.all(opened.map(o => o.up()));
});
after(async () => {
  for (const o of opened) await o[Symbol.asyncDispose]();
  await ovs?.[Symbol.asyncDispose]();
});

test('a packet comes with the cookie and table of its flow, whole, to the connection with its id alone', async () => {
  await ours.apply([
    flow(5n, 0, { do: 'resubmit', table: 9 }),
    flow(0x7765_6674_8000_0001n, 9, { do: 'controller', id: 7, max_len: 64 }, { do: 'controller', id: 8 }),
  ]);
  send(200);
  await until(() => heard.length > 0 && others.length > 0, 'both are told');
  const [packet] = heard;
  assert.deepEqual([packet?.cookie, packet?.table, packet?.length], [0x7765_6674_8000_0001n, 9, 200]);
  // OVS keeps nothing back to be asked for later, so it leaves nothing out, whatever `max_len` says.
  for (const { data } of [...heard, ...others]) assert.equal(Buffer.from(data).toString('hex'), frame(200));
  assert.deepEqual([heard.length, others.length, without.length], [1, 1, 0]);
});

test('a meter lets through as many as it says, and what the flow does besides is done', async () => {
  heard.length = others.length = 0;
  await ours.applyMeters([{ do: 'add', meter: { id: 40_000, unit: 'pktps', bands: [{ type: 'drop', rate: 1, burst: 3 }] } }]);
  await ours.apply([flow(1n, 9, { do: 'controller', id: 7, meter: 40_000 }, { do: 'controller', id: 8 })]);
  for (let n = 0; n < 40; n++) send(60);
  await until(() => others.length === 40, 'all were done');
  assert.ok(heard.length >= 1, 'some come');
  assert.ok(heard.length < 20, `${heard.length} of 40 came`);
});
