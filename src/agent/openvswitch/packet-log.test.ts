// Logging beside the passes of the agent: flows and meters come and go with logs, and nothing that goes wrong with them keeps a port waiting.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../contracts/host/under-test.ts';
import { flowText } from '../../domain/openflow/identity.ts';
import { type FakeLog, FakeLogs } from '../packet-log/fake-logs.suite.ts';
import { LOG_CONTROLLER, logCookieOf } from '../render/openflow/log-flows.ts';
import { packets } from '../render/packet/samples.suite.ts';
import { LogMarks } from './log-marks.ts';
import { OvsWorld, tunnels } from './ovs-world.suite.ts';

const limit = { rate: 100, burst: 25, file: '/var/log/packets' };
const rules = [{ direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 443, port_range_max: 443 }];

async function world() {
  const stack = new AsyncDisposableStack();
  const w = stack.use(await OvsWorld.open());
  const logs = await FakeLogs.open(w.server);
  const written: string[] = [];
  const packetLog = { write: (line: string) => void written.push(line), async [Symbol.asyncDispose]() {} };
  const group = w.server.group(1, rules);
  const port = w.server.port(1, w.server.network(1), { groups: [group] });
  const logFlows = () => w.flows('br-int').filter(f => logCookieOf(f.cookie) !== undefined);
  const meters = () => [...(w.host.openflow.bridges.get('br-int')?.meters.keys() ?? [])];
  const start = async (): Promise<void> => {
    await w.start({ tunnels, firewall: 'openvswitch' }, true, 30_000, { packetLog, config: { packetLog: limit, extensions: ['log'] } });
  };
  const make = (event: FakeLog['event']): Promise<FakeLog> => logs.make(1, event, { [port.id]: [group] });
  return { w, logs, port, written, logFlows, meters, start, make, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test('flows and meters of a log come and go with it, and are found equal by a new life', async () => {
  await using s = await world();
  await s.w.plug(s.port);
  await s.start();
  await s.w.active(s.port);
  assert.deepEqual([s.logFlows(), s.meters()], [[], []]);
  const log = await s.make('ALL');
  await until(() => s.logFlows().length === 3, 'flows');
  assert.equal(s.meters().length, 2);
  for (const meter of s.w.host.openflow.bridges.get('br-int')?.meters.values() ?? [])
    assert.deepEqual(meter, { id: meter.id, unit: 'pktps', bands: [{ type: 'drop', rate: 100, burst: 25 }] });
  assert.deepEqual(
    s
      .logFlows()
      .map(f => [f.table, f.priority])
      .sort(),
    [
      [73, 105],
      [92, 5],
      [93, 53],
    ],
  );
  const before = s.logFlows().map(flowText).sort();
  await s.w.stop();
  const { applied } = s.w.host.openflow;
  applied.length = 0;
  await s.start();
  await s.w.settled();
  assert.deepEqual(s.logFlows().map(flowText).sort(), before);
  const touched = applied.flatMap(a => a.changes).filter(c => 'flow' in c && [73, 92, 93].includes(c.flow.table));
  assert.deepEqual(touched, []);
  log.event = 'DROP';
  await s.logs.changed(log);
  await until(() => s.logFlows().length === 1 && s.meters().length === 1, 'what is dropped alone');
  await s.logs.delete(log);
  await until(() => s.logFlows().length === 0 && s.meters().length === 0, 'nothing is left');
});

test('flows stay while the server does not tell of logs; those of a log that went meanwhile go when it does', async () => {
  await using s = await world();
  await s.w.plug(s.port);
  await s.start();
  await s.w.active(s.port);
  const log = await s.make('ALL');
  await until(() => s.logFlows().length === 3, 'flows');
  await s.w.stop();
  await s.logs.delete(log);
  s.w.server.failing.add('get_sg_log_info_for_port');
  await s.start();
  await until(() => s.w.lines.some(l => l.includes('does not tell which ports are logged')), 'told');
  await s.w.settled();
  assert.equal(s.logFlows().length, 3);
  s.w.server.failing.delete('get_sg_log_info_for_port');
  await until(() => s.logFlows().length === 0 && s.meters().length === 0, 'nothing is left');
});

test('a packet that is handed over is written for its port, and one that nobody asked for is not', async () => {
  await using s = await world();
  await s.w.plug(s.port);
  await s.start();
  await s.w.active(s.port);
  await s.make('ALL');
  await until(() => s.logFlows().length === 3, 'flows');
  const data = Buffer.from(packets[0]![0], 'hex');
  const [dropped] = s.logFlows().filter(f => f.table === 93);
  const hand = (cookie: bigint, table: number): void =>
    s.w.host.openflow.hand('br-int', LOG_CONTROLLER, { cookie, table, data, length: data.length });
  hand((dropped?.cookie ?? 0n) ^ 1n, 93);
  hand(1n, 92);
  hand(dropped?.cookie ?? 0n, 93);
  await until(() => s.written.length > 0, 'written');
  assert.match(
    s.written.join('\n'),
    new RegExp(`^action=DROP project_id=project-1 log_resource_ids=\\['\\S+'\\] vm_port=${s.port.id} pkt=ethernet\\([^\n]*$`),
  );
});

test('a switch without meters: flows without them; one that refuses the flows: the port is wired all the same', async () => {
  await using s = await world();
  await s.w.plug(s.port);
  await s.start();
  await s.w.active(s.port);
  s.w.host.openflow.failNext('applyMeters', { reason: 'OFPMMFC_OUT_OF_METERS' });
  const log = await s.make('ALL');
  await until(() => s.logFlows().length === 3, 'flows');
  assert.ok(s.logFlows().every(f => f.actions.every(a => a.do !== 'controller' || a.meter === undefined)));
  assert.ok(s.w.lines.some(l => l.includes('has no meters')));
  await s.logs.delete(log);
  await until(() => s.logFlows().length === 0, 'gone');
  // Another program has taken the meters away between two looks.
  s.w.host.openflow.stop();
  s.w.host.openflow.start();
  await s.make('DROP');
  await until(() => s.logFlows().length === 1 && s.meters().length === 1, 'with a meter');
  s.w.host.openflow.bridges.get('br-int')?.meters.clear();
  const second = s.w.server.port(2, [...s.w.server.networks.values()][0]!, { groups: s.port.groups });
  await s.logs.make(2, 'DROP', { [second.id]: [], [s.port.id]: [] });
  s.w.host.openflow.bridges.get('br-int')?.meters.clear();
  await s.w.plug(second);
  await s.w.active(second);
});

test('numbers: the same in each life, none twice, and free when nobody has them any more', () => {
  const [one, two] = [new LogMarks(), new LogMarks()];
  const all = Array.from({ length: 5000 }, (_, n) => ({ port: `p${n}`, action: 'DROP' as const }));
  const cookies = all.map(l => one.cookie(l));
  assert.deepEqual(new Set(cookies).size, all.length);
  assert.equal(new Set(all.map(l => one.meter(l))).size, all.length);
  assert.ok(cookies.every(c => c >= 0x8000_0000 && c <= 0xffff_ffff));
  assert.equal(two.cookie(all[7]!), cookies[7]);
  assert.deepEqual(one.loggedBy(cookies[7]!), all[7]);
  one.keep([]);
  assert.equal(one.loggedBy(cookies[7]!), undefined);
});
