// Packets through a bridge whose tables are replaced again and again: one transaction loses none, two do. Started inside namespaces by openflow.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { OvsOpenflow } from '../../../src/adapters/host/openflow/openflow.ts';
import type { Switch, TableChange } from '../../../src/contracts/host/openflow.ts';
import type { Flow } from '../../../src/domain/openflow/flow.ts';
import { startJob } from '../job.ts';
import { Ovs } from '../ovs.ts';
import { describePackets, describeTransfer, type Packets, type Place, startPackets, startTransfer, type Transfer } from '../traffic.ts';

const cidr = (n: number): string => `10.0.0.${n}/24`;
const place =
  (ns: string): Place =>
  argv =>
    startJob(['ip', 'netns', 'exec', ns, ...argv]);

/** Two hosts on a bridge; every packet passes two tables. */
async function pair(ovs: Ovs): Promise<Switch> {
  ovs.addBridge('br0');
  for (const [i, ns] of ['a', 'b'].entries()) {
    ovs.run('ip', 'netns', 'add', ns);
    ovs.run('ip', 'link', 'add', `to-${ns}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns);
    ovs.run('ip', 'link', 'set', `to-${ns}`, 'up');
    ovs.run('ip', '-n', ns, 'address', 'add', cidr(i + 1), 'dev', 'eth0');
    ovs.run('ip', '-n', ns, 'link', 'set', 'eth0', 'up');
    // the userspace datapath finishes no checksums
    ovs.run('ip', 'netns', 'exec', ns, 'ethtool', '-K', 'eth0', 'tx', 'off');
    ovs.vsctl('add-port', 'br0', `to-${ns}`, '--', 'set', 'interface', `to-${ns}`, `ofport_request=${i + 1}`);
  }
  const door = new OvsOpenflow({ rundir: ovs.folder }).open('br0', { onGap: () => {} });
  await door.up();
  return door;
}

function tables(cookie: bigint): TableChange[] {
  const ways: Flow[] = [1, 2].flatMap(port => [
    { table: 0, priority: 10, cookie, match: { in_port: port }, actions: [{ do: 'resubmit', table: 60 }] },
    { table: 60, priority: 10, cookie, match: { in_port: port }, actions: [{ do: 'output', port: 3 - port }] },
  ]);
  const others = Array.from({ length: 300 }, (_, i): Flow => ({ table: 60, priority: 20, cookie, match: { reg0: 1 + i }, actions: [] }));
  return [...ways, ...others].map(flow => ({ do: 'add', flow }));
}

const clear: TableChange = { do: 'delete-all', where: {} };

async function during(work: () => Promise<void>): Promise<{ packets: Packets; transfer: Transfer }> {
  const way = (name: string, port: number) => ({ name, from: place('a'), to: place('b'), address: '10.0.0.2', port });
  const packets = await startPackets(way('UDP a → b', 5001));
  const transfer = await startTransfer(way('TCP a → b', 5002));
  await work();
  return { packets: await packets.end(), transfer: await transfer.end() };
}

test('tables that are replaced in one transaction lose no packet, in two they do', async () => {
  await using ovs = await Ovs.open();
  await using door = await pair(ovs);
  await door.apply(tables(0n));
  let times = 0n;
  const replaced = await during(async () => {
    for (const began = performance.now(); performance.now() - began < 4000 || times < 50n; ) await door.apply([clear, ...tables(++times)]);
  });
  assert.deepEqual(replaced.packets.missing, [], describePackets(replaced.packets));
  assert.ok(replaced.packets.sent > 200, describePackets(replaced.packets));
  assert.ok(replaced.transfer.intact && replaced.transfer.received > 0, describeTransfer(replaced.transfer));
  assert.equal((await door.flows({ cookie: { cookie: times } })).length, 304);

  const emptied = await during(async () => {
    await door.apply([clear]);
    await sleep(300);
    await door.apply(tables(0n));
  });
  assert.ok(emptied.packets.missing.length > 5, describePackets(emptied.packets));
});
