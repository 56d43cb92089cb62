import assert from 'node:assert/strict';
import test from 'node:test';
import { Hosts } from './hosts.ts';
import { defaultAmqpOptions } from './options.ts';

const host = (name: string) => ({ host: name, port: 5672, username: 'u', password: 'p' });
/** Half way: neither shorter nor longer. */
const middle = (): number => 0.5;

test('one host: 1 s, 2 s longer each time, 30 s at most, and short again once it was there', () => {
  const hosts = new Hosts({ ...defaultAmqpOptions, hosts: [host('a')] }, middle);
  const waits = Array.from({ length: 17 }, () => hosts.failed());
  assert.deepEqual(waits.slice(0, 4), [1000, 3000, 5000, 7000]);
  assert.deepEqual(waits.slice(14), [29_000, 30_000, 30_000]);
  assert.equal(hosts.lost(), 1000);
  assert.equal(hosts.failed(), 1000);
});

test('several hosts: each is tried, shortly after each other, before the wait', () => {
  const hosts = new Hosts({ ...defaultAmqpOptions, hosts: ['a', 'b', 'c'].map(host) }, middle);
  const tried: string[] = [];
  const waits: number[] = [];
  for (let i = 0; i < 6; i++) {
    tried.push(hosts.current.host);
    waits.push(hosts.failed());
  }
  assert.deepEqual(waits, [100, 100, 1000, 100, 100, 3000]);
  assert.deepEqual([...tried.slice(0, 3)].sort(), ['a', 'b', 'c']);
  assert.deepEqual(tried.slice(3), tried.slice(0, 3));
});

test('waits are spread, and processes begin with different hosts', () => {
  const one = (random: number): Hosts => new Hosts({ ...defaultAmqpOptions, hosts: [host('a'), host('b')] }, () => random);
  assert.deepEqual([one(0).lost(), one(0.999).lost()], [500, 1499]);
  assert.notEqual(one(0).current.host, one(0.999).current.host);
});

test('shuffle: another host than the one that failed', () => {
  let n = 0;
  const random = (): number => {
    n = (n * 7 + 3) % 10;
    return n / 10;
  };
  const hosts = new Hosts({ ...defaultAmqpOptions, failover: 'shuffle', hosts: ['a', 'b', 'c', 'd'].map(host) }, random);
  for (let i = 0; i < 50; i++) {
    const was = hosts.current.host;
    hosts.failed();
    assert.notEqual(hosts.current.host, was);
  }
});
