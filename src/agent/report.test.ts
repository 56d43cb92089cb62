// The reporter against a server that is there, away, forgetful, or behind in time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Bus, Json, Target } from '../contracts/bus.ts';
import type { Log } from '../contracts/log.ts';
import { SimClock } from '../engine/clock.ts';
import type { AgentContext } from './context.ts';
import { type ReportSpec, startReporter, wireTime } from './report.ts';

interface Sent {
  readonly how: 'call' | 'cast';
  readonly target: Target;
  readonly state: Readonly<Record<string, Json>>;
  readonly time: string;
}

const quiet: Log = { debug() {}, info() {}, warning() {}, error() {}, child: () => quiet };

function world(answer: () => Json): { ctx: AgentContext; sent: Sent[]; clock: SimClock; up: (isUp: boolean) => void } {
  const sent: Sent[] = [];
  const clock = new SimClock(Date.UTC(2026, 10, 21, 1, 0, 36, 385));
  const listeners = new Set<(up: boolean) => void>();
  const take = (how: 'call' | 'cast', target: Target, args: Readonly<Record<string, unknown>>): void => {
    const wire = JSON.parse(JSON.stringify(args)) as { agent_state: { agent_state: Record<string, Json> }; time: string };
    sent.push({ how, target, state: wire.agent_state.agent_state, time: wire.time });
  };
  const bus: Bus = {
    async call(target, _method, args) {
      take('call', target, args);
      return answer();
    },
    async cast(target, _method, args) {
      take('cast', target, args);
    },
    async serve() {
      return { async [Symbol.asyncDispose]() {} };
    },
    onUp(l) {
      listeners.add(l);
      return { [Symbol.dispose]: () => void listeners.delete(l) };
    },
    async [Symbol.asyncDispose]() {},
  };
  const config = { host: 'h1', statePath: '/nowhere', reportIntervalMs: 30_000 };
  const ctx = { bus, clock, log: quiet, random: () => 0.5, config, host: undefined as never } as AgentContext;
  return { ctx, sent, clock, up: isUp => listeners.forEach(l => void l(isUp)) };
}

const spec = (over: Partial<ReportSpec> = {}): ReportSpec => ({
  agentType: 'Linux bridge agent',
  binary: 'neutron-linuxbridge-agent',
  topic: 'N/A',
  configurations: () => ({ devices: 0 }),
  first: { resource_versions: { Port: '1.7' } },
  onRevived() {},
  ...over,
});

const settle = async (): Promise<void> => {
  for (let i = 0; i < 30; i++) await Promise.resolve();
};

test('the first report is nested, flagged and stamped; later ones are bare', async () => {
  const { ctx, sent, clock } = world(() => 'alive');
  await using reporter = startReporter(ctx, spec({ fields: { availability_zone: 'nova' } }));
  await reporter.reported;
  assert.deepEqual(sent[0]?.target, { topic: 'q-reports-plugin', version: '1.2' });
  assert.equal(sent[0]?.time, '2026-11-21T01:00:36.385000');
  const { uuid, ...state } = sent[0]!.state;
  assert.match(String(uuid), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(state, {
    binary: 'neutron-linuxbridge-agent',
    host: 'h1',
    topic: 'N/A',
    configurations: { devices: 0 },
    agent_type: 'Linux bridge agent',
    availability_zone: 'nova',
    resource_versions: { Port: '1.7' },
    start_flag: true,
  });
  await settle();
  await clock.advance(30_000);
  assert.equal(sent.length, 2);
  assert.equal(sent[1]!.state['start_flag'], undefined);
  assert.equal(sent[1]!.state['resource_versions'], undefined);
  assert.equal(sent[1]!.state['availability_zone'], 'nova');
});

test('a server that is away is tried again, soon at first; start_flag stays until a report is taken', async () => {
  let away = true;
  const { ctx, sent, clock } = world(() => {
    if (away) throw new Error('no reply');
    return 'new';
  });
  await using reporter = startReporter(ctx, spec());
  await settle();
  await clock.advance(2_000);
  assert.ok(sent.length >= 3, `${sent.length} reports in 2 s`);
  await clock.advance(600_000);
  assert.ok(sent.length < 35, `${sent.length} reports in 10 minutes`);
  away = false;
  await clock.advance(40_000);
  await reporter.reported;
  assert.equal(sent.at(-1)!.state['start_flag'], true);
});

test('revived, or forgotten by the server, asks for a full resynchronisation; the first "new" does not', async () => {
  const answers: Json[] = ['new', 'alive', 'revived', 'new'];
  let revived = 0;
  const { ctx, clock } = world(() => answers.shift() ?? 'alive');
  await using _ = startReporter(ctx, spec({ onRevived: () => void revived++ }));
  await settle();
  await clock.advance(30_000);
  assert.equal(revived, 0);
  await clock.advance(30_000);
  assert.equal(revived, 1);
  await clock.advance(30_000);
  assert.equal(revived, 2);
});

test('a null answer is not a report taken', async () => {
  const answers: Json[] = [null, 'new'];
  const { ctx, sent, clock } = world(() => (answers.length > 0 ? answers.shift()! : 'alive'));
  await using _ = startReporter(ctx, spec());
  await settle();
  await clock.advance(1_000);
  assert.equal(sent[1]?.state['start_flag'], true);
});

test('casts after the first call where the agent does so', async () => {
  const { ctx, sent, clock } = world(() => 'new');
  await using _ = startReporter(ctx, spec({ castAfterFirst: true }));
  await settle();
  await clock.advance(30_000);
  assert.deepEqual(
    sent.map(s => s.how),
    ['call', 'cast'],
  );
});

test('reportNow and a bus that comes back shorten the wait', async () => {
  let away = false;
  const { ctx, sent, clock, up } = world(() => {
    if (away) throw new Error('no reply');
    return 'alive';
  });
  await using reporter = startReporter(ctx, spec());
  await reporter.reported;
  await settle();
  reporter.reportNow();
  await settle();
  assert.equal(sent.length, 2);
  away = true;
  await clock.advance(300_000);
  const before = sent.length;
  away = false;
  up(true);
  await clock.advance(1_000);
  assert.equal(sent.length, before + 1);
});

test('one who falls silent says why once; then nothing until there is something to report again', async () => {
  let why: string | undefined;
  const { ctx, sent, clock } = world(() => 'alive');
  const reason = `the switch is away: ${'x'.repeat(5000)}`;
  await using reporter = startReporter(ctx, spec({ silent: () => why }));
  await reporter.reported;
  await settle();
  why = reason;
  reporter.reportNow();
  await settle();
  assert.deepEqual(sent.at(-1)!.state['configurations'], { devices: 0, problem: reason.slice(0, 300) });
  await clock.advance(300_000);
  assert.equal(sent.length, 2);
  why = undefined;
  await clock.advance(1_000);
  assert.deepEqual([sent.length, sent.at(-1)!.state['configurations']], [3, { devices: 0 }]);
});

test('one who was never heard has no last word', async () => {
  const { ctx, sent, clock } = world(() => 'alive');
  await using _ = startReporter(ctx, spec({ silent: () => 'the switch is away' }));
  await settle();
  await clock.advance(300_000);
  assert.equal(sent.length, 0);
});

test('after disposal nothing is sent', async () => {
  const { ctx, sent, clock } = world(() => 'alive');
  const reporter = startReporter(ctx, spec());
  await reporter.reported;
  await reporter[Symbol.asyncDispose]();
  await clock.advance(300_000);
  assert.equal(sent.length, 1);
});

test('wireTime has microseconds and no zone', () => assert.equal(wireTime(0), '1970-01-01T00:00:00.000000'));
