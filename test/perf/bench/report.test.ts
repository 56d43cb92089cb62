import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TokenPrice } from './keystone.ts';
import type { Result } from './measure.ts';
import { type Measured, type PlaceFigures, report } from './report.ts';

const result = (items: number, changes: Partial<Result> = {}): Result => ({
  ...{ operations: items, items, p50: 1, p95: 2, p99: 3, errors: 0, cpuMs: 2, besideCpuMs: 2, clientShare: 0.1 },
  ...changes,
});

const peer: PlaceFigures = {
  name: 'peer',
  isPeer: true,
  results: {
    'port create': [result(4, { cpuMs: 400 }), result(5, { cpuMs: 400 }), result(6, { cpuMs: 400 })],
    'list of all ports': [result(2000)],
  },
  bursts: [{ seconds: 50, made: 250 }],
  startMs: [3500],
  idleMib: 233,
  idleWholeMib: 743,
};
const embedded: PlaceFigures = {
  name: 'embedded',
  isPeer: false,
  results: {
    'port create': [result(2000), result(1500), result(3000)],
    'list of all ports, cold': [result(70_000)],
    'port create, open loop at half the rate': [result(1, { p99: 9 })],
  },
  bursts: [{ seconds: 0.2, made: 250 }],
  startMs: [390],
  idleMib: 140,
};

const measured = (places: readonly PlaceFigures[], tokens?: TokenPrice): Measured => ({
  command: 'npm run bench',
  date: '2025-01-02',
  machine: { processor: 'P', cores: 2, memoryGib: 24, load: 1, node: 'v24', commit: 'abc', packages: { keystone: '22' } },
  conditions: { seconds: 10, clients: 8, rounds: 3, ports: 1000, burst: 250 },
  places,
  ...(tokens ? { tokens } : {}),
});

test('a run in which all is reached', () => {
  const { text, missed, wrong } = report(measured([peer, embedded]));
  assert.deepEqual([missed, wrong], [[], []]);
  // Ratios are of rounds: 500, 300 and 500. A round of the real server costs 400 ms, of ours 2; with what is beside 402 and 4.
  assert.match(text, /\| port create \| 5\.00 \| 2000 \| 500 \| 350 \| {2}\| 200 \| 101 \|/);
  assert.match(text, /\| list of all ports, cold \| 2000 \| 70000 \| 35 \| 30 \|/, 'a cold list beside the lists of the real server');
  assert.match(text, /idle \(PSS\) \| 140 MiB \| 149 MiB \| {2}\| 743 MiB in all \|/);
  assert.match(text, /2025-01-02\. P, 2 processors, 24 GiB, load 1\.0 at the end; Weft abc, Node v24, keystone 22\./);
});

test('what is missed is said, in the table and behind it', () => {
  const slow = {
    ...embedded,
    results: { 'port create': [result(500)] },
    bursts: [{ seconds: 0.3, made: 250 }],
    startMs: [500],
    idleMib: 200,
  };
  const { text, missed, wrong } = report(measured([peer, slow]));
  assert.deepEqual(wrong, []);
  assert.deepEqual(missed, [
    'embedded: port create 125 times, wanted 350',
    'embedded: 250 ports at once 0.30 s, wanted 0.25 s',
    'embedded: exec to first answer, second start 0.50 s, wanted 0.40 s',
    "embedded: server and one host's agents, idle (PSS) 200 MiB, wanted 149 MiB",
  ]);
  assert.match(text, /\| 125 \| 350 \| short \|/);
  assert.match(text, /^Missed: /m);
});

test('engines have marks of their own', () => {
  const engine = { ...embedded, name: 'mariadb', results: { 'port create': [result(500)] }, idleMib: 116 };
  assert.deepEqual(report(measured([peer, engine])).missed, []);
});

test('errors, phases in which nothing was done and bursts that were cut are wrong', () => {
  const bad = { ...embedded, results: { a: [result(1, { errors: 2 })], b: [result(0)] }, bursts: [{ seconds: 0.1, made: 249 }] };
  const { text, wrong } = report(measured([bad]));
  assert.deepEqual(wrong, ['embedded: 2 errors in a', 'embedded: nothing was done in b', 'embedded: of 250 ports at once 249 were made']);
  assert.match(text, /^Went wrong: embedded: 2 errors in a; /m);
});

test('what goes wrong with the real server is told, and no fault of ours', () => {
  const tired = { ...peer, bursts: [{ seconds: 180, made: 199 }] };
  const { text, wrong } = report(measured([tired, embedded]));
  assert.deepEqual(wrong, []);
  assert.match(text, /^The real server: peer: of 250 ports at once 199 were made\.$/m);
});

test('where the client was busy is said', () => {
  const busy = { ...embedded, results: { a: [result(1, { clientShare: 0.4 })], b: [result(1, { clientShare: 0.3 })] } };
  assert.match(report(measured([busy])).text, /more than a third of one processor in: a \(embedded\) 40 %\./);
});

test('the price of tokens, and promises about them', () => {
  const good: TokenPrice = {
    ...{ tokens: 1000, cold: result(100), known: result(5000), peer: result(20), peerTokens: 250, together: 50, processes: 2 },
    ...{ asked: { cold: 1000, known: 0, together: 2 }, revokedMs: 2900, cacheMs: 3000 },
  };
  const { text, wrong } = report(measured([embedded], good));
  assert.deepEqual(wrong, []);
  assert.match(text, /\| 1000 for the first time \| 100 \| 1\.0 \| 3\.0 \| 1000 \|/);
  assert.match(text, /A revoked token was taken for 2\.90 s/);
  const bad = { ...good, cold: result(1, { errors: 1 }), asked: { cold: 1001, known: 2, together: 3 }, revokedMs: 9000 };
  assert.equal(report(measured([embedded], bad)).wrong.length, 5);
});
