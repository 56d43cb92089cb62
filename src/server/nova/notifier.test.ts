import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CloudUnavailable, type NovaEvent, NovaRefused } from '../../contracts/cloud.ts';
import type { OutboxRow } from '../../contracts/store.ts';
import type { Services } from '../context.ts';
import { NovaNotifier } from './notifier.ts';

const instance = '11111111-1111-4111-8111-111111111111';

/** A port of an instance was changed by a client. */
const fact = (seq: number): OutboxRow => ({
  ...{ seq, at: '', kind: 'port', id: `port-${seq}`, event: 'updated', revision: 1 },
  facts: { asked: true, after: { device_id: instance, device_owner: 'compute:nova' } },
});

/** `fails`: what Nova does with a request, by the ports in it. */
function world(fails: (ports: readonly string[]) => number | undefined) {
  const [told, errors]: [string[], string[]] = [[], []];
  const tell = async (events: readonly NovaEvent[]) => {
    const ports = events.map(event => event.tag);
    const status = fails(ports);
    if (status !== undefined) throw new NovaRefused(status, 'no');
    told.push(...ports);
    return events.map(event => ({ ...event, code: 200 }));
  };
  const log = { info() {}, warning() {}, error: (text: string) => void errors.push(text) };
  const store = { select: async ({ where }: { where: { in: [string, string[]] } }) => where.in[1].map(id => ({ id })) };
  const notifier = new NovaNotifier({ log, store } as unknown as Services, { tell }, { status: true, data: true });
  return { told, errors, deliver: (...seqs: number[]) => notifier.deliver(seqs.map(fact)) };
}

const away = CloudUnavailable;

test('an event at which Nova fails while it takes others is tried for a while, and then given up; the others are told once', async () => {
  const { told, errors, deliver } = world(ports => (ports.includes('port-2') ? 500 : undefined));
  for (let times = 1; times < 12; times++) await assert.rejects(deliver(1, 2, 3), away, String(times));
  assert.deepEqual(errors, []);
  assert.equal(await deliver(1, 2, 3), true);
  assert.deepEqual([told, errors], [['port-1', 'port-3'], ['Nova does not take an event']]);
});

test('where Nova fails at all, or there is nothing else to tell, nothing is ever given up', async () => {
  let fails = true;
  const { told, errors, deliver } = world(() => (fails ? 500 : undefined));
  for (let times = 0; times < 30; times++) {
    await assert.rejects(deliver(1), away);
    await assert.rejects(deliver(1, 2), away);
  }
  fails = false;
  await deliver(1, 2);
  assert.deepEqual([told, errors], [['port-1', 'port-2'], []]);
});

test('a failure that passes loses nothing', async () => {
  let failures = 0;
  const { told, errors, deliver } = world(ports => (ports.includes('port-2') && failures++ < 6 ? 500 : undefined));
  for (let times = 0; times < 5; times++) await assert.rejects(deliver(1, 2, 3), away);
  assert.equal(await deliver(1, 2, 3), true);
  assert.deepEqual([told, errors], [['port-1', 'port-3', 'port-2'], []]);
});

test('what Nova finds wrong is given up at once, and no other', async () => {
  const { told, errors, deliver } = world(ports => (ports.includes('port-2') ? 400 : undefined));
  assert.equal(await deliver(1, 2, 3), true);
  assert.deepEqual([told, errors.length], [['port-1', 'port-3'], 1]);
  assert.equal(await deliver(2), true);
  assert.equal(errors.length, 2);
});
