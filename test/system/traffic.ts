// Traffic that notices what is lost: numbered UDP packets, a hundred a second unless told, and a TCP transfer with a checksum. It goes on until it
// is told to end, and then says what was sent and what arrived.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from './job.ts';
import { until } from './job.ts';

/** Starts a program somewhere: in an instance, on the public side. */
export type Place = (argv: readonly string[]) => Job;

export interface Way {
  readonly name: string;
  readonly from: Place;
  readonly to: Place;
  /** What the sender dials. */
  readonly address: string;
  readonly port: number;
  /** Packets; a hundred unless told. */
  readonly perSecond?: number;
  /** What a transfer sends a hundred times a second, by default 16 KiB: less where the way is narrow. */
  readonly bytes?: number;
}

export interface Packets {
  readonly name: string;
  readonly sent: number;
  /** Numbers that never arrived. */
  readonly missing: readonly number[];
  readonly twice: number;
  /** The longest time between two arrivals, in milliseconds: what a loss would have looked like to a user. */
  readonly longestGapMs: number;
}

export interface Transfer {
  readonly name: string;
  readonly sent: number;
  readonly received: number;
  readonly intact: boolean;
  readonly longestGapMs: number;
}

export interface Flow<T> {
  /** Ends the sending, waits for what is on its way, and counts. */
  end(): Promise<T>;
}

/** The command line of a script with its arguments. */
export const program = (script: string, ...args: (string | number)[]): string[] => [process.execPath, '-e', script, ...args.map(String)];

/** What the programs print when they are told to end. */
interface Report {
  readonly count: number;
  readonly seen?: readonly number[];
  readonly twice?: number;
  readonly sum?: string;
  readonly gap?: number;
  readonly error?: string;
}

const tell = `
const tell = report => { process.stdout.write('report ' + JSON.stringify(report) + '\\n', () => process.exit(0)); };
let last = 0, gap = 0;
const arrival = () => { const now = performance.now(); if (last) gap = Math.max(gap, now - last); last = now; };
process.on('disconnect', () => process.exit(1));
`;

const udpReceiver = `${tell}
const [port] = process.argv.slice(1);
const socket = require('node:dgram').createSocket({ type: 'udp6', ipv6Only: false, recvBufferSize: 1 << 20 });
const seen = new Set();
let twice = 0;
socket.on('message', m => { const n = Number(m); if (seen.has(n)) twice++; seen.add(n); arrival(); });
process.on('SIGTERM', () => tell({ count: seen.size, seen: [...seen], twice, gap }));
socket.bind(Number(port), '::', () => console.log('ready'));
`;

// Every number gets its turn, also when a timer comes late.
const udpSender = `${tell}
const [host, port, rate] = process.argv.slice(1);
const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
let count = 0, error;
socket.on('error', e => { error = e.message; });
const began = performance.now();
const timer = setInterval(() => { while (performance.now() - began >= (count * 1000) / rate) socket.send(String(count++), Number(port), host); }, 2);
process.on('SIGTERM', () => { clearInterval(timer); setTimeout(() => tell({ count, error }), 50); });
console.log('ready');
`;

const tcpReceiver = `${tell}
const [port] = process.argv.slice(1);
const hash = require('node:crypto').createHash('sha256');
let count = 0, error;
const server = require('node:net').createServer(socket => {
  socket.on('data', data => { count += data.length; hash.update(data); arrival(); });
  socket.on('error', e => { error = e.message; });
  socket.on('close', () => tell({ count, sum: hash.digest('hex'), gap, error }));
});
process.on('SIGTERM', () => {});
server.listen(Number(port), '::', () => console.log('ready'));
`;

// 16 KiB of noise every 10 ms, as long as the other side takes it.
const tcpSender = `${tell}
const [host, port, bytes] = process.argv.slice(1);
const { createHash, randomBytes } = require('node:crypto');
const hash = createHash('sha256');
let count = 0, full = false, error;
const socket = require('node:net').connect(Number(port), host, () => console.log('ready'));
socket.on('error', e => { error = e.message; tell({ count, error }); });
socket.on('drain', () => { full = false; });
const timer = setInterval(() => {
  if (full) return;
  const data = randomBytes(Number(bytes));
  hash.update(data);
  count += data.length;
  full = !socket.write(data);
}, 10);
process.on('SIGTERM', () => { clearInterval(timer); socket.end(); socket.on('close', () => tell({ count, sum: hash.digest('hex'), error })); });
`;

/** It says so itself. */
export const onItsWay = (name: string, job: Job): Promise<void> =>
  until(`${name} is on its way`, () => /^ready$/m.test(job.output()), { withinMs: 10_000, everyMs: 10, story: job.output });

/** Tells it to end, and reads what it says then. */
export async function reportOf<T = Report>(name: string, job: Job): Promise<T> {
  job.kill('SIGTERM');
  await until(`${name} reports`, () => /^report .*\n/m.test(job.output()), { withinMs: 15_000, everyMs: 10, story: job.output });
  // Node.js has been seen to stand still in its own exit.
  await Promise.race([job.done, sleep(3000)]);
  job.kill();
  await job.done;
  return JSON.parse(/^report (.*)$/m.exec(job.output())?.[1] ?? '') as T;
}

export async function startPackets({ name, from, to, address, port, perSecond = 100 }: Way): Promise<Flow<Packets>> {
  const receiver = to(program(udpReceiver, port));
  await onItsWay(name, receiver);
  const sender = from(program(udpSender, address, port, perSecond));
  await onItsWay(name, sender);
  return {
    async end() {
      const sent = await reportOf(name, sender);
      if (sent.error !== undefined) throw new Error(`${name}: ${sent.error}`);
      await new Promise(resolve => setTimeout(resolve, 300));
      const got = await reportOf(name, receiver);
      const seen = new Set(got.seen);
      const missing = Array.from({ length: sent.count }, (_, n) => n).filter(n => !seen.has(n));
      return { name, sent: sent.count, missing, twice: got.twice ?? 0, longestGapMs: Math.round(got.gap ?? 0) };
    },
  };
}

export async function startTransfer({ name, from, to, address, port, bytes = 16_384 }: Way): Promise<Flow<Transfer>> {
  const receiver = to(program(tcpReceiver, port));
  await onItsWay(name, receiver);
  const sender = from(program(tcpSender, address, port, bytes));
  await onItsWay(name, sender);
  return {
    async end() {
      const sent = await reportOf(name, sender);
      if (sent.error !== undefined) throw new Error(`${name}: the sender says ${sent.error} after ${sent.count} bytes`);
      const got = await reportOf(name, receiver);
      const intact = got.error === undefined && got.count === sent.count && got.sum === sent.sum;
      return { name, sent: sent.count, received: got.count, intact, longestGapMs: Math.round(got.gap ?? 0) };
    },
  };
}

/** ` (17-20, 31)`: whether they went together. */
function rangesOf(missing: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const n of missing) {
    const last = ranges.at(-1);
    if (last && last[1] === n - 1) last[1] = n;
    else ranges.push([n, n]);
  }
  const texts = ranges.slice(0, 8).map(([a, b]) => (a === b ? `${a}` : `${a}-${b}`));
  return ranges.length === 0 ? '' : ` (${texts.join(', ')}${ranges.length > 8 ? ', …' : ''})`;
}

export const describePackets = (p: Packets): string =>
  `${p.name}: ${p.sent - p.missing.length} of ${p.sent} packets arrived, ${p.missing.length} missing${rangesOf(p.missing)}, ${p.twice} twice, longest gap ${p.longestGapMs} ms`;

export const describeTransfer = (t: Transfer): string =>
  `${t.name}: ${t.received} of ${t.sent} bytes, checksum ${t.intact ? 'right' : 'wrong'}, longest gap ${t.longestGapMs} ms`;

/** Ends all, says what arrived, and fails where a packet or a byte is missing, or less was sent than in a second. */
export async function endWithoutLoss(t: TestContext, flows: readonly (Flow<Packets> | Flow<Transfer>)[]): Promise<void> {
  // What was done may show a little later.
  await sleep(1000);
  for (const counted of await Promise.all(flows.map(flow => flow.end()))) {
    const words = 'missing' in counted ? describePackets(counted) : describeTransfer(counted);
    t.diagnostic(words);
    assert.ok('missing' in counted ? counted.missing.length === 0 : counted.intact, words);
    assert.ok(counted.sent > 100, words);
  }
}
