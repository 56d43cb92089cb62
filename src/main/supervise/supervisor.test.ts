import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log } from '../../contracts/log.ts';
import { SimClock } from '../../engine/clock.ts';
import { type Child, supervise } from './supervisor.ts';

const silent: Log = { debug() {}, info() {}, warning() {}, error() {}, child: () => silent };

/** A process that a test ends by hand. */
class SimProcess implements Child {
  readonly pid: number;
  readonly ended: Promise<string>;
  end: (how: string) => void = () => {};
  stopped = false;
  constructor(pid: number) {
    this.pid = pid;
    this.ended = new Promise(resolve => {
      this.end = resolve;
    });
  }
  async stop(): Promise<void> {
    this.stopped = true;
    this.end('killed by SIGTERM');
  }
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

function world(start?: (n: number) => Promise<Child>, onChange: () => void = () => {}) {
  const clock = new SimClock();
  const made: SimProcess[] = [];
  const make = async (): Promise<Child> => {
    if (start) return start(made.length);
    const child = new SimProcess(100 + made.length);
    made.push(child);
    return child;
  };
  const supervised = supervise({ name: 'h1', start: make, clock, log: silent, random: () => 0.5, onChange });
  return { clock, made, supervised };
}

test('a process that ends is started again, with a pid of its own', async () => {
  const { clock, made, supervised } = world();
  await settle();
  assert.deepEqual([supervised.state.state, supervised.state.pid], ['running', 100]);
  made[0]?.end('killed by SIGKILL');
  await settle();
  assert.deepEqual([supervised.state.state, supervised.state.pid, supervised.state.lastEnd], ['waiting', undefined, 'killed by SIGKILL']);
  await clock.advance(100);
  await settle();
  assert.deepEqual([supervised.state.state, supervised.state.pid, supervised.state.restarts], ['running', 101, 1]);
});

test('one that keeps ending is started ever more rarely, up to a ceiling', async () => {
  const { clock, made } = world();
  const starts: number[] = [];
  for (let i = 0; i < 12; i++) {
    await settle();
    starts.push(clock.now());
    made[i]?.end('status 1');
    await settle();
    while (made.length === i + 1 && clock.now() < 1e6) await clock.advance(50);
  }
  const waits = starts.slice(1).map((at, i) => at - (starts[i] ?? 0));
  assert.deepEqual(waits.slice(0, 4), [100, 200, 400, 800]);
  assert.equal(Math.max(...waits), 15_000);
});

test('one that ran for long starts again at once', async () => {
  const { clock, made } = world();
  for (let i = 0; i < 5; i++) {
    await settle();
    made[i]?.end('status 1');
    await settle();
    await clock.advance(20_000);
  }
  await settle();
  const count = made.length;
  await clock.advance(30_000);
  made[count - 1]?.end('status 1');
  await settle();
  await clock.advance(100);
  await settle();
  assert.equal(made.length, count + 1);
});

test('one that cannot be started is tried again, and says why', async () => {
  const { clock, supervised } = world(() => Promise.reject(new Error('no such program')));
  await settle();
  assert.match(supervised.state.lastEnd ?? '', /could not start: no such program/);
  await clock.advance(100);
  await settle();
  assert.equal(supervised.state.restarts, 1);
});

test('disposing stops the process and starts it no more', async () => {
  const { clock, made, supervised } = world();
  await settle();
  await supervised[Symbol.asyncDispose]();
  assert.equal(made[0]?.stopped, true);
  assert.equal(supervised.state.state, 'stopped');
  await clock.advance(60_000);
  assert.equal(made.length, 1);
});

test('disposing while it waits ends the wait', async () => {
  const { made, supervised } = world();
  await settle();
  made[0]?.end('status 1');
  await settle();
  await supervised[Symbol.asyncDispose]();
  assert.equal(supervised.state.state, 'stopped');
  assert.equal(made.length, 1);
});

test('a change that cannot be written down changes nothing: the process is not left alone, and no second one is started', async () => {
  const { clock, made, supervised } = world(undefined, () => {
    throw new Error('ENOSPC');
  });
  await settle();
  await clock.advance(60_000);
  await settle();
  assert.deepEqual([made.length, supervised.state.state, supervised.state.pid], [1, 'running', 100]);
  await supervised[Symbol.asyncDispose]();
  assert.deepEqual([made[0]?.stopped, supervised.state.state], [true, 'stopped']);
});
