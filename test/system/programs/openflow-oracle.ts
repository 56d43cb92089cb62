// ovs-ofctl as the judge: what it prints of our flows, and what we read of its own; started inside a network namespace by openflow.test.ts.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { OvsOpenflow } from '../../../src/adapters/host/openflow/openflow.ts';
import { sampleGroup, sampleMeter } from '../../../src/contracts/host/openflow.suite.ts';
import type { Switch } from '../../../src/contracts/host/openflow.ts';
import { sampleFlows } from '../../../src/contracts/host/openflow-flows.suite.ts';
import { until } from '../../../src/contracts/host/under-test.ts';
import { flowKey, flowText, sameFlow } from '../../../src/domain/openflow/identity.ts';
import { Ovs } from '../ovs.ts';

let ovs: Ovs;
let door: Switch;

before(async () => {
  ovs = await Ovs.open();
  ovs.addBridge('br0');
  door = new OvsOpenflow({ rundir: ovs.folder }).open('br0', { onGap: () => {} });
  await door.up();
});
after(async () => {
  await door?.[Symbol.asyncDispose]();
  await ovs?.[Symbol.asyncDispose]();
});

/** Every flow, group and meter goes; the group and the meter of the samples come. */
async function anew(): Promise<void> {
  await door.apply([
    { do: 'delete-all', where: {} },
    { do: 'delete-group', id: 1 },
  ]);
  await door.applyMeters([
    { do: 'delete', id: 1 },
    { do: 'add', meter: sampleMeter },
  ]);
  await door.apply([{ do: 'add-group', group: sampleGroup }]);
}

/** With what ovs-ofctl leaves out: a cookie of zero, table 0, and the priority that is the default. */
function whole(line: string): string {
  const at = line.indexOf(' actions=');
  const parts = line.slice(0, at).trim().split(', ');
  const cookie = parts[0]?.startsWith('cookie=') ? parts.shift() : 'cookie=0x0';
  const table = parts[0]?.startsWith('table=') ? parts.shift() : 'table=0';
  const last = parts.pop() ?? '';
  const match = /\bpriority=/.test(last) ? last : ['priority=32768', last].filter(t => t !== '').join(',');
  return `${[cookie, table, ...parts, match].join(', ')}${line.slice(at)}`;
}

const dumped = (): string[] =>
  ovs
    .ofctl('dump-flows', '--no-stats', '--no-names', 'br0')
    .split('\n')
    .filter(line => line.includes('actions='))
    .map(whole)
    .sort();

/** Of the same table and priority. */
const near = (a: string, b: string): boolean => ['table', 'priority'].every(w => word(a, w) === word(b, w));
const word = (line: string, name: string): string | undefined => new RegExp(`\\b${name}=(\\d+)`).exec(line)?.[1];

function addTexts(lines: readonly string[]): void {
  const file = join(ovs.folder, 'flows.txt');
  writeFileSync(file, `${lines.join('\n')}\n`);
  ovs.ofctl('--bundle', 'add-flows', 'br0', file);
}

test('what we add, ovs-ofctl prints in our words', async () => {
  await anew();
  await door.apply(sampleFlows.map(flow => ({ do: 'add', flow })));
  const printed = dumped();
  const ours = sampleFlows.map(flowText);
  assert.equal(printed.length, ours.length);
  for (const text of ours) assert.ok(printed.includes(text), `${text}\nis not among\n${printed.filter(p => near(p, text)).join('\n')}`);
});

test('what ovs-ofctl adds from our words, we read as the flow that we meant', async () => {
  await anew();
  // ovs-ofctl makes loads of a set_field with a mask
  const said = sampleFlows.filter(f => !/set_field:[^,>]+\/[^,>]+->/.test(flowText(f)));
  assert.ok(said.length > sampleFlows.length - 6);
  addTexts(said.map(flowText));
  const found = new Map((await door.flows()).map(f => [flowKey(f), f]));
  assert.equal(found.size, said.length);
  for (const wanted of said) {
    const got = found.get(flowKey(wanted));
    assert.ok(got && sameFlow(got, wanted), `${got && flowText(got)}\nis not\n${flowText(wanted)}`);
  }
});

/** By bridge, without what ovs-ofctl needs names for. */
const programmed = readFileSync(join(import.meta.dirname, '../fixtures/neutron-flows.txt'), 'utf8')
  .split(/^# (?=.*\n[^#])/m)
  .slice(1)
  .map(section => section.trim().split('\n'));

test("what Neutron's agent programs is read, and written again as it was", async () => {
  assert.ok(programmed.length >= 5);
  for (const [bridge, ...lines] of programmed) {
    await anew();
    addTexts(lines);
    const before = dumped();
    assert.equal(before.length, lines.length, bridge);
    const flows = await door.flows();
    assert.ok(!JSON.stringify(flows, (_, v) => (typeof v === 'bigint' ? String(v) : v)).includes('"opaque"'), bridge);
    assert.deepEqual(flows.map(flowText).sort(), before, bridge);
    await anew();
    await door.apply(flows.map(flow => ({ do: 'add', flow })));
    assert.deepEqual(dumped(), before, bridge);
  }
});

test('the first and the last controller, and another fail_mode, flush the tables; another controller does not', async () => {
  const program = (): Promise<void> => door.apply([{ do: 'add', flow: { table: 5, priority: 1, cookie: 1n, match: {}, actions: [] } }]);
  const left = async (...words: readonly string[]): Promise<number> => {
    await program();
    ovs.vsctl(...words);
    return (await door.flows({ table: 5 })).length;
  };
  assert.equal(await left('set-controller', 'br0', 'tcp:127.0.0.1:6633'), 0);
  assert.equal(await left('set', 'controller', 'br0', 'inactivity_probe=10000'), 1);
  assert.equal(await left('set-controller', 'br0', 'tcp:127.0.0.1:6634'), 1);
  assert.equal(await left('del-controller', 'br0'), 0);
  assert.equal(await left('set', 'bridge', 'br0', 'fail_mode=standalone'), 0);
  assert.equal(await left('set', 'bridge', 'br0', 'fail_mode=secure'), 0);
});

test('a bridge that stops speaking OpenFlow 1.4 is said to be so, and one that begins again has its flows', async () => {
  await door.apply([{ do: 'add', flow: { table: 5, priority: 1, cookie: 1n, match: {}, actions: [] } }]);
  await using other = new OvsOpenflow({ rundir: ovs.folder }).open('br0', { onGap: () => {} });
  ovs.vsctl('set', 'bridge', 'br0', 'protocols=OpenFlow10,OpenFlow13');
  const words = async (): Promise<string> => {
    try {
      await other.up(1000);
      return 'up';
    } catch (error) {
      return String(error);
    }
  };
  await until(async () => /must have OpenFlow14/.test(await words()), 'it is told', 15_000);
  ovs.vsctl('set', 'bridge', 'br0', 'protocols=OpenFlow10,OpenFlow14');
  await until(async () => (await words()) === 'up', 'it stands', 15_000);
  assert.equal((await other.flows({ table: 5 })).length, 1);
});

test('a bridge that listens on TCP is spoken to by its target', async () => {
  ovs.run('ip', 'link', 'set', 'lo', 'up');
  ovs.vsctl('set-controller', 'br0', 'ptcp:6653:127.0.0.1');
  await using other = new OvsOpenflow().open('tcp:127.0.0.1:6653', { onGap: () => {} });
  await other.apply([{ do: 'add', flow: { table: 5, priority: 1, cookie: 1n, match: {}, actions: [] } }]);
  assert.equal((await door.flows({ table: 5 })).length, 1);
});
