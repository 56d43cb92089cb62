// Traffic that notices what is lost: numbered UDP packets at a steady rate, and a TCP transfer of a known size.
import assert from 'node:assert/strict';
import type { L3World } from './l3-world.ts';

const node = (script: string, ...args: string[]): string[] => [process.execPath, '-e', script, ...args];

const udpReceiver = `
const [port] = process.argv.slice(1);
const socket = require('node:dgram').createSocket({ type: 'udp6', ipv6Only: false });
const seen = new Set();
socket.on('message', m => { const n = Number(m); if (n < 0) { console.log(JSON.stringify([...seen].length)); process.exit(0); } seen.add(n); });
socket.bind(Number(port), '::', () => console.log('listening'));
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

const tcpReceiver = `
const [port] = process.argv.slice(1);
require('node:net').createServer(s => {
  let total = 0;
  s.on('data', d => { total += d.length; });
  s.on('end', () => { console.log('total ' + total); process.exit(0); });
  s.on('error', e => { console.log('error ' + e.message); process.exit(1); });
}).listen(Number(port), '::', () => console.log('listening'));
`;

const tcpSender = `
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

export interface Running {
  /** Waits for the end, and fails when anything was lost. Answers what arrived, in words. */
  result(): Promise<string>;
}

interface Way {
  readonly from: string;
  readonly to: string;
  /** What the sender dials. */
  readonly address: string;
  readonly port: number;
}

async function listening(world: L3World, way: Way, script: string) {
  const receiver = world.spawn(way.to, node(script, String(way.port)));
  await world.until('the receiver listens', async () => receiver.output().includes('listening'));
  return receiver;
}

export async function numberedPackets(world: L3World, way: Way, seconds: number): Promise<Running> {
  const receiver = await listening(world, way, udpReceiver);
  const count = seconds * 100;
  world.spawn(way.from, node(udpSender, way.address, String(way.port), String(count)));
  return {
    async result() {
      await receiver.done;
      const got = receiver.output().trim().split('\n').at(-1);
      assert.equal(got, String(count), `UDP to ${way.address}: ${got} of ${count}`);
      return `UDP to ${way.address}: ${got} of ${count} packets`;
    },
  };
}

export async function transfer(world: L3World, way: Way, seconds: number): Promise<Running> {
  const receiver = await listening(world, way, tcpReceiver);
  const sender = world.spawn(way.from, node(tcpSender, way.address, String(way.port), String(seconds)));
  return {
    async result() {
      await sender.done;
      await receiver.done;
      const sent = /sent (\d+)/.exec(sender.output())?.[1];
      assert.ok(sent !== undefined && Number(sent) > 0, sender.output());
      assert.match(receiver.output(), new RegExp(`total ${sent}`), sender.output());
      return `TCP to ${way.address}: ${sent} bytes`;
    },
  };
}

/** Whether a connection that is held open still carries data: answers lines sent through it. */
export function holdOpen(world: L3World, from: string, address: string, port: number) {
  const script = `
const socket = require('node:net').connect(${port}, '${address}');
socket.on('connect', () => console.log('connected')).on('data', d => console.log('echo')).on('error', () => console.log('broken'));
setInterval(() => socket.write('x'), 100);
`;
  return world.spawn(from, node(script));
}

/** Echoes, and tells whoever connects the address that he comes from. */
export async function whoami(world: L3World, ns: string, port: number): Promise<void> {
  const script = `
require('node:net').createServer(s => { s.on('error', () => {}); s.write(s.remoteAddress.replace('::ffff:', '') + '\\n'); s.pipe(s); }).listen(${port}, '::', () => console.log('listening'));
`;
  const server = world.spawn(ns, node(script));
  await world.until('the server listens', async () => server.output().includes('listening'));
}

/** The address that the server in `to` sees; undefined when there is no connection. */
export async function seenAs(world: L3World, from: string, address: string, port: number): Promise<string | undefined> {
  const script = `
const socket = require('node:net').connect(${port}, '${address}');
socket.on('data', d => { console.log(String(d).trim()); process.exit(0); }).on('error', e => { process.exit(1); });
setTimeout(() => process.exit(2), 2500);
`;
  const done = await world.attempt(from, ...node(script));
  return done.code === 0 ? done.stdout.trim() : undefined;
}
