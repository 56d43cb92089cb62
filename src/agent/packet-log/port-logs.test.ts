// Which ports are logged: what is asked and when, what a push changes, and that a server that does not answer is asked again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localBus } from '../../adapters/bus-local/local-bus.ts';
import { systemClock } from '../../adapters/clock/system-clock.ts';
import { textLog } from '../../adapters/log/text-log.ts';
import { until } from '../../contracts/host/under-test.ts';
import { FakeServer } from '../l2/fake-server.suite.ts';
import { serveObjects } from '../l2/resources.ts';
import { FakeLogs } from './fake-logs.suite.ts';
import { PortLogs } from './port-logs.ts';

async function world() {
  const lines: string[] = [];
  const log = textLog({ sink: { write: line => void lines.push(line) } });
  const stack = new AsyncDisposableStack();
  const bus = stack.use(localBus({ clock: systemClock, log }));
  const server = stack.use(await FakeServer.open(bus));
  const fake = await FakeLogs.open(server);
  let changes = 0;
  const logs = stack.use(new PortLogs({ bus, clock: systemClock, random: () => 0.5, log, onChange: () => void changes++ }));
  stack.use(await serveObjects(bus, 'h1', [logs], () => assert.fail('no pass is needed')));
  const network = server.network(1);
  const [a, b] = [server.port(1, network, { status: 'ACTIVE' }), server.port(2, network)];
  const ids = (port: { id: string }): string[] => logs.of(port.id).map(l => l.id);
  const asked = (port: { id: string }): number =>
    server.heard.filter(h => h.method === 'get_sg_log_info_for_port' && h.args['port_id'] === port.id).length;
  return { server, fake, logs, a, b, ids, asked, lines, changes: () => changes, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test('a port is asked about once, and again when the server has something new on it; one that is gone is forgotten', async () => {
  await using w = await world();
  const log = await w.fake.make(1, 'ALL', { [w.a.id]: [] });
  w.logs.present(new Map([[w.a.id, 1]]));
  await until(() => w.ids(w.a).length === 1, 'the log is known');
  w.logs.present(new Map([[w.a.id, 1]]));
  w.logs.present(new Map([[w.a.id, 2]]));
  await until(() => w.asked(w.a) === 2, 'asked again');
  assert.deepEqual([w.ids(w.a), w.changes()], [[log.id], 1]);
  w.logs.present(new Map());
  assert.deepEqual(w.ids(w.a), []);
});

test('logs that are pushed: made, changed, gone; also of a port that is not up yet', async () => {
  await using w = await world();
  w.logs.present(new Map([w.a, w.b].map(p => [p.id, 1])));
  await until(() => w.asked(w.a) + w.asked(w.b) === 2, 'both are asked about');
  const log = await w.fake.make(1, 'DROP', { [w.a.id]: [], [w.b.id]: [] });
  await until(() => w.ids(w.a).length + w.ids(w.b).length === 2, 'both are logged');
  assert.equal(w.logs.of(w.b.id)[0]?.accepted, false);
  log.event = 'ALL';
  log.ports.delete(w.a.id);
  await w.fake.changed(log);
  await until(() => w.ids(w.a).length === 0 && w.logs.of(w.b.id)[0]?.accepted === true, 'changed');
  await w.fake.delete(log);
  await until(() => w.ids(w.b).length === 0, 'gone');
});

test('a server that does not answer is asked again, and after a gap in the messages all is asked anew', async () => {
  await using w = await world();
  w.server.failing.add('get_sg_log_info_for_port');
  w.logs.present(new Map([[w.a.id, 1]]));
  await until(() => w.lines.some(l => l.includes('does not tell which ports are logged')), 'the trouble is told');
  await w.fake.make(1, 'ALL', { [w.a.id]: [] });
  w.server.failing.clear();
  await until(() => w.ids(w.a).length === 1, 'asked again');
  assert.equal(w.lines.filter(l => l.includes('does not tell')).length, 1);
  const before = w.asked(w.a);
  w.logs.touchAll();
  await until(() => w.asked(w.a) > before, 'asked anew');
});
