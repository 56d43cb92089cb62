// What servers know of tokens together, in a real memcached: who else can read or write there learns nothing and gets nothing in.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Answer } from '../../src/adapters/identity-keystone/answers.ts';
import { openSharedAnswers, type SharedAnswers } from '../../src/adapters/identity-keystone/shared-answers.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { until } from '../api/harness.ts';
import { personOf } from '../api/people.ts';
import { Memcached, noMemcached } from './memcached.ts';

describe('answers about tokens in memcached', { skip: noMemcached, timeout: 60_000 }, () => {
  let memcached: Memcached;
  const open: SharedAnswers[] = [];
  const lines: string[] = [];
  const log = textLog({ sink: { write: line => void lines.push(line) } });
  const sharing = (secret = 'of these servers'): SharedAnswers => {
    const made = openSharedAnswers({ servers: [`127.0.0.1:${memcached.port}`], secret, log });
    open.push(made);
    return made;
  };
  const now = Date.now();
  const answer = (token: string): Answer => {
    const caller = personOf(token);
    assert.ok(caller);
    return { said: { caller, rules: [{ method: 'GET', path: '/v2.0/networks', service: 'network' }] }, until: now + 60_000 };
  };

  before(async () => {
    memcached = await Memcached.start();
  });
  after(async () => {
    for (const one of open) one[Symbol.dispose]();
    await memcached?.[Symbol.asyncDispose]();
  });

  test('what one server was told, the other knows; whoever has another secret does not', async () => {
    const [one, other] = [sharing(), sharing()];
    assert.equal(await other.get('member'), undefined);
    await one.set('member', answer('member'), now);
    assert.deepEqual(await other.get('member'), answer('member'));
    assert.equal(await other.get('admin'), undefined);
    assert.equal(await sharing('of others').get('member'), undefined);
    const kept = await memcached.dump();
    assert.equal(kept.length, 1);
    for (const { key, value } of kept) for (const word of ['member', 'network']) assert.ok(!`${key} ${value}`.includes(word));
  });

  test('an answer about one token is none about another, nor one that was changed', async () => {
    const shared = sharing();
    await shared.set('admin', answer('admin'), now);
    await shared.set('reader', answer('reader'), now);
    const entries = await memcached.dump();
    const bytes = (value: string): string => /^VALUE \S+ \d+ (\d+)\r\n/.exec(value)?.[1] ?? '';
    const body = (value: string): string => value.slice(value.indexOf('\r\n') + 2, value.indexOf('\r\n') + 2 + Number(bytes(value)));
    const before = (await shared.get('reader'))?.said?.caller.user_name;
    assert.equal(before, 'reader');
    // Each of the values in the place of each of the others.
    for (const to of entries)
      for (const from of entries) {
        if (from.key === to.key) continue;
        await memcached.put(to.key, body(from.value));
        for (const token of ['reader', 'admin', 'member']) {
          const said = (await shared.get(token))?.said;
          assert.ok(said === undefined || said.caller.user_name === token, `${token} became ${said?.caller.user_name}`);
        }
        await memcached.put(to.key, body(to.value));
      }
    const mine = entries.find(({ value }) => value !== '') as { key: string; value: string };
    const changed = Buffer.from(body(mine.value), 'latin1');
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    const readers = async (): Promise<number> => {
      const all = await Promise.all(['reader', 'admin', 'member'].map(token => shared.get(token)));
      return all.filter(one => one !== undefined).length;
    };
    assert.equal(await readers(), 3);
    await memcached.put(mine.key, changed.toString('latin1'));
    assert.equal(await readers(), 2);
    await memcached.put(mine.key, 'short');
    assert.equal(await readers(), 2);
  });

  test('without memcached nobody knows anything and nobody waits for long; afterwards all is well again', async () => {
    const shared = sharing();
    const told = (): number => lines.filter(line => line.includes('memcached does not answer')).length;
    memcached.freeze();
    const began = performance.now();
    for (let i = 0; i < 200; i++) assert.equal(await shared.get('member'), undefined);
    await shared.set('member', answer('member'), now);
    // To wait each time would be 100 s.
    assert.ok(performance.now() - began < 50_000);
    assert.equal(told(), 1);
    await memcached.kill();
    await until('it is asked again, in vain', async () => (await shared.get('member')) === undefined);
    assert.equal(told(), 1);
    await memcached.up();
    const known = async (): Promise<boolean> => {
      await shared.set('member', answer('member'), now);
      return (await shared.get('member')) !== undefined;
    };
    await until('it is used again', known, 30_000);
    assert.ok(lines.some(line => line.includes('memcached answers again')));
  });
});
