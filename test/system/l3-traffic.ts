// Connections through a router: held open, and who is seen at their other end.
import type { Job } from './job.ts';
import type { L3World } from './l3-world.ts';

const node = (script: string, ...args: string[]): string[] => [process.execPath, '-e', script, ...args];

/** Whether a connection that is held open still carries data: answers lines sent through it. */
export function holdOpen(world: L3World, from: string, address: string, port: number): Job {
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
