// Traffic between instances that notices what is lost: connections that tell when they stall, numbered packets, and a counted transfer.
import assert from 'node:assert/strict';
import type { BridgeWorld, Instance, Job } from './linuxbridge-world.ts';

const node = (script: string, ...args: (string | number)[]): string[] => [process.execPath, '-e', script, ...args.map(String)];

/** Whether an echo comes back. */
export async function pings(world: BridgeWorld, from: Instance, address: string, size = 56): Promise<boolean> {
  const done = await world.tryInside(from, 'ping', '-n', '-c', '1', '-W', '1', '-s', String(size), address);
  return done.code === 0;
}

/** A server that writes all the time to whoever connects, and counts what it is sent. */
const talker = `
require('node:net').createServer(s => {
  const t = setInterval(() => s.write('x'.repeat(1000)), 20);
  s.on('data', () => {}).on('error', () => clearInterval(t)).on('close', () => clearInterval(t));
}).listen(Number(process.argv[1]), '::', () => console.log('listening'));
`;

/** A client that writes and reads, and prints how much it has read whenever that grew. */
const listener = `
const s = require('node:net').connect({ host: process.argv[1], port: Number(process.argv[2]), localPort: Number(process.argv[3]) });
let n = 0, told = 0;
s.on('connect', () => { console.log('connected'); setInterval(() => s.write('y'), 50); });
s.on('data', d => { n += d.length; }).on('error', e => console.log('error ' + e.message)).on('close', () => console.log('closed'));
setInterval(() => { if (n > told) console.log(n); told = n; }, 50);
`;

export async function serve(world: BridgeWorld, vm: Instance, port: number): Promise<Job> {
  const job = world.spawn(vm, node(talker, port));
  await world.until(`a server on ${vm.ns}:${port}`, async () => job.output().includes('listening'));
  return job;
}

export interface Connection {
  readonly job: Job;
  /** Whether bytes still arrive, looked at for so long. */
  flows(forMs?: number): Promise<boolean>;
}

export async function connect(world: BridgeWorld, from: Instance, address: string, port: number, localPort = 0): Promise<Connection> {
  const job = world.spawn(from, node(listener, address, port, localPort));
  await world.until(`${from.ns} reads from ${address}:${port}`, async () => /^\d+$/m.test(job.output()));
  return {
    job,
    async flows(forMs = 1500) {
      const before = job.output().length;
      const deadline = performance.now() + forMs;
      while (performance.now() < deadline) {
        if (/^\d+$/m.test(job.output().slice(before))) return true;
        await new Promise(resolve => setTimeout(resolve, 20));
      }
      return false;
    },
  };
}

const dialler = `
const s = require('node:net').connect({ host: process.argv[1], port: Number(process.argv[2]), localPort: Number(process.argv[3]) });
s.on('connect', () => process.exit(0)).on('error', () => process.exit(1));
setTimeout(() => process.exit(1), 1000);
`;

/** Whether a TCP connection is made within a second. */
export async function connects(world: BridgeWorld, from: Instance, address: string, port: number, localPort = 0): Promise<boolean> {
  return (await world.tryInside(from, ...node(dialler, address, port, localPort))).code === 0;
}

const udpReceiver = `
const socket = require('node:dgram').createSocket({ type: 'udp6', ipv6Only: false });
const seen = new Set();
socket.on('message', m => { const n = Number(m); if (n < 0) { console.log('got ' + seen.size); process.exit(0); } seen.add(n); });
socket.bind(Number(process.argv[1]), '::', () => console.log('listening'));
`;

// A hundred a second; the last ones say that it is over, several times, since UDP may lose one.
const udpSender = `
const [host, port, count] = process.argv.slice(1);
const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
const began = performance.now();
let n = 0;
const tick = () => {
  while (n < Number(count) && performance.now() - began >= n * 10) socket.send(String(n++), Number(port), host);
  if (n < Number(count)) return setTimeout(tick, 2);
  let left = 20;
  setTimeout(() => setInterval(() => { socket.send('-1', Number(port), host); if (--left === 0) process.exit(0); }, 20), 300);
};
tick();
`;

export interface Running {
  /** Waits for the end, and fails when anything was lost. Answers what arrived, in words. */
  result(): Promise<string>;
}

export async function numberedPackets(
  world: BridgeWorld,
  from: Instance,
  to: Instance,
  address: string,
  seconds: number,
): Promise<Running> {
  const receiver = world.spawn(to, node(udpReceiver, 5000));
  await world.until('the receiver listens', async () => receiver.output().includes('listening'));
  const count = seconds * 100;
  world.spawn(from, node(udpSender, address, 5000, count));
  return {
    async result() {
      await receiver.done;
      const got = /got (\d+)/.exec(receiver.output())?.[1];
      assert.equal(got, String(count), `UDP to ${address}: ${got} of ${count}`);
      return `UDP to ${address}: ${got} of ${count} packets`;
    },
  };
}

const sink = `
require('node:net').createServer(s => {
  let total = 0;
  s.on('data', d => { total += d.length; }).on('end', () => { console.log('total ' + total); process.exit(0); }).on('error', e => { console.log('error ' + e.message); process.exit(1); });
}).listen(Number(process.argv[1]), '::', () => console.log('listening'));
`;

const source = `
const [host, port, seconds] = process.argv.slice(1);
const socket = require('node:net').connect(Number(port), host);
let total = 0;
const chunk = Buffer.alloc(16384);
const until = performance.now() + Number(seconds) * 1000;
socket.on('connect', () => setInterval(() => {
  if (performance.now() > until) { socket.end(); console.log('sent ' + total); setTimeout(() => process.exit(0), 1000); return; }
  total += chunk.length; socket.write(chunk);
}, 10).unref());
socket.on('error', e => { console.log('error ' + e.message); process.exit(1); });
setTimeout(() => {}, Number(seconds) * 1000 + 5000);
`;

export async function transfer(world: BridgeWorld, from: Instance, to: Instance, address: string, seconds: number): Promise<Running> {
  const receiver = world.spawn(to, node(sink, 5001));
  await world.until('the receiver listens', async () => receiver.output().includes('listening'));
  const sender = world.spawn(from, node(source, address, 5001, seconds));
  return {
    async result() {
      await sender.done;
      await receiver.done;
      const sent = /sent (\d+)/.exec(sender.output())?.[1];
      assert.ok(sent !== undefined && Number(sent) > 0, sender.output());
      assert.match(receiver.output(), new RegExp(`total ${sent}\\b`), sender.output());
      return `TCP to ${address}: ${sent} bytes`;
    },
  };
}
