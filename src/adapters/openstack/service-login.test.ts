import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CloudUnavailable } from '../../contracts/cloud.ts';
import { noAccount } from '../../contracts/service-account.ts';
import { SimClock } from '../../engine/clock.ts';
import type { HttpReply } from './http.ts';
import { ServiceLogin } from './service-login.ts';

const start = Date.UTC(2026, 0, 1);
const account = { ...noAccount, auth_url: 'http://127.0.0.1:5000', username: 'neutron', password: 'hush' };

/** `answer`: what Keystone says next. */
function world(answer: (clock: SimClock) => HttpReply | Error) {
  const clock = new SimClock(start);
  const asked: number[] = [];
  const http = async (): Promise<HttpReply> => {
    asked.push((clock.now() - start) / 1000);
    const reply = answer(clock);
    if (reply instanceof Error) throw reply;
    return reply;
  };
  const login = new ServiceLogin({ account, clock, http, catalog: true });
  return { clock, asked, login };
}

const refused: HttpReply = { status: 401, headers: {}, json: undefined };
const given = (clock: SimClock, seconds = 3600): HttpReply => ({
  ...{ status: 201, headers: { 'x-subject-token': `t${clock.now()}` } },
  json: { token: { expires_at: new Date(clock.now() + seconds * 1000).toISOString() } },
});

/** Somebody asks ten times a second. */
async function insist(login: ServiceLogin, clock: SimClock, seconds: number): Promise<void> {
  for (let i = 0; i < seconds * 10; i++) {
    await login.get().catch((error: unknown) => assert.ok(error instanceof CloudUnavailable));
    await clock.advance(100);
  }
}

test('a log-in that Keystone refuses is tried again after a second, and ever more seldom, up to half a minute', async () => {
  let reply = refused;
  const { login, clock, asked } = world(() => reply);
  await insist(login, clock, 100);
  assert.deepEqual(asked, [0, 1, 3, 7, 15, 31, 61, 91]);
  reply = given(clock);
  await clock.advance(30_000);
  assert.ok((await login.get()).token);
  // Another refusal begins anew.
  reply = refused;
  login.forget(await login.get());
  asked.length = 0;
  await insist(login, clock, 2);
  assert.equal(asked.length, 2);
});

test('a Keystone that does not answer, or fails, is asked every second', async () => {
  let times = 0;
  const { login, clock, asked } = world(() => (times++ % 2 === 0 ? new CloudUnavailable('away') : { ...refused, status: 503 }));
  await insist(login, clock, 10);
  assert.deepEqual(asked, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('a token serves until half a minute before its end, all who ask at once have one, and one that was forgotten is replaced', async () => {
  const { login, clock, asked } = world(now => given(now, 90));
  const [one, two] = await Promise.all([login.get(), login.get()]);
  assert.equal(one, two);
  await clock.advance(59_000);
  assert.equal(await login.get(), one);
  await clock.advance(2000);
  const next = await login.get();
  assert.notEqual(next, one);
  login.forget(one);
  assert.equal(await login.get(), next);
  login.forget(next);
  await login.get();
  assert.equal(asked.length, 3);
});
