// Flows of a firewall into a real Open vSwitch, in one transaction: our door beside `ovs-ofctl --bundle add-flows`, from the flows as data (or
// as lines in a file) to the switch's word that they stand; and reading them all back, beside `ovs-ofctl dump-flows`.
// Run as root, in a network namespace: unshare --net node_modules/.bin/node --disable-warning=ExperimentalWarning test/perf/openflow.ts [rounds]
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OvsOpenflow } from '../../src/adapters/host/openflow/openflow.ts';
import type { Switch } from '../../src/contracts/host/openflow.ts';
import type { Flow } from '../../src/domain/openflow/flow.ts';
import { flowText } from '../../src/domain/openflow/identity.ts';
import { protocol } from '../../src/domain/openflow/match.ts';
import { Ovs } from '../system/ovs.ts';
import { markdown, ms, percentile } from './statistics.ts';

const rounds = Number(process.argv[2] ?? 15);

/** A rule of a group for one port each, as table 82 has them. */
const flows = (count: number): Flow[] =>
  Array.from({ length: count }, (_, i) => ({
    table: 82,
    priority: 77,
    cookie: 0x1234_5678_9abc_def0n,
    match: {
      ...protocol.tcp,
      ct_state: '+new-est',
      reg5: 1 + (i % 500),
      ip_src: `10.${(i >> 8) & 255}.${i & 255}.0/24`,
      tcp_dst: 1 + Math.floor(i / 500),
    },
    actions: [
      { do: 'ct', commit: true, zone: { field: 'reg6', bits: [0, 15] } },
      { do: 'output', port: 1 + (i % 500) },
      { do: 'resubmit', table: 92 },
    ],
  }));

async function timed(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

async function measure(ovs: Ovs, door: Switch, count: number): Promise<string[][]> {
  const all = flows(count);
  const file = join(ovs.folder, 'flows.txt');
  writeFileSync(file, `${all.map(flowText).join('\n')}\n`);
  const times = { tool: [] as number[], door: [] as number[], dump: [] as number[], read: [] as number[] };
  const empty = () => door.apply([{ do: 'delete-all', where: {} }]);
  for (let round = 0; round < rounds + 2; round++) {
    await empty();
    const tool = await timed(() => ovs.ofctl('--bundle', 'add-flows', 'br0', file));
    const dump = await timed(() => ovs.ofctl('dump-flows', 'br0'));
    await empty();
    const ours = await timed(() => door.apply(all.map(flow => ({ do: 'add', flow }))));
    let found = 0;
    const read = await timed(async () => (found = (await door.flows()).length));
    if (found !== count) throw new Error(`${found} of ${count} flows are there`);
    if (round < 2) continue;
    times.tool.push(tool);
    times.dump.push(dump);
    times.door.push(ours);
    times.read.push(read);
  }
  const row = (what: string, values: readonly number[], bare: readonly number[]): string[] => [
    what,
    ms(percentile(values, 0.5)),
    ms(percentile(values, 0.95)),
    (percentile(values, 0.5) / percentile(bare, 0.5)).toFixed(2),
  ];
  const n = count.toLocaleString('en');
  return [
    row(`bare: ovs-ofctl --bundle add-flows, ${n} flows`, times.tool, times.tool),
    row(`door: apply of ${n} flows`, times.door, times.tool),
    row(`bare: ovs-ofctl dump-flows, ${n} flows`, times.dump, times.dump),
    row(`door: ${n} flows read`, times.read, times.dump),
  ];
}

await using ovs = await Ovs.open();
ovs.addBridge('br0');
await using door = new OvsOpenflow({ rundir: ovs.folder }).open('br0', { onGap: () => {} });
await door.up();
const one = flows(1).map(flow => ({ do: 'add', flow }) as const);
const line = flows(1).map(flowText).join('');
const single = { tool: [] as number[], door: [] as number[] };
for (let i = 0; i < 40; i++) {
  single.tool.push(await timed(() => ovs.ofctl('add-flow', 'br0', line)));
  single.door.push(await timed(() => door.apply(one)));
}
const [tool, ours] = [percentile(single.tool, 0.5), percentile(single.door, 0.5)];
const rows = [
  ['bare: ovs-ofctl add-flow, one flow', ms(tool), ms(percentile(single.tool, 0.95)), '1.00'],
  ['door: apply of one flow', ms(ours), ms(percentile(single.door, 0.95)), (ours / tool).toFixed(2)],
];
for (const count of [1000, 10_000]) rows.push(...(await measure(ovs, door, count)));
console.log(markdown([['what', 'p50 ms', 'p95 ms', 'p50 ratio'], ...rows]));
