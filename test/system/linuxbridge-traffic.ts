// Traffic between instances: pings, and connections that tell when they stall.
import type { Job } from './job.ts';
import type { BridgeWorld, Instance } from './linuxbridge-world.ts';

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
