// What instances say to each other over TCP: a web server on several ports that tells its name and who asked, and a client.
import type { Job } from '../../system/job.ts';
import type { Instance } from './instances.ts';
import type { World } from './world.ts';

const server = `
const [name, ...ports] = process.argv.slice(1);
let left = ports.length;
for (const port of ports)
  require('node:http').createServer((q, a) => a.end(name + ' ' + q.socket.remoteAddress.replace('::ffff:', '')))
    .listen(Number(port), '::', () => --left || console.log('ready'));
`;

const serving = (name: string, ports: readonly number[]): string[] => [process.execPath, '-e', server, name, ...ports.map(String)];

export async function serve(world: World, vm: Instance, ...ports: number[]): Promise<void> {
  await ready(world, world.spawnIn(vm)(serving(vm.ns, ports)));
}

/** On the public side of the wire. */
export async function servePublic(world: World, ...ports: number[]): Promise<void> {
  await ready(world, world.lab.spawn('wire', serving('public', ports)));
}

async function ready(world: World, job: Job): Promise<void> {
  await world.until('a web server listens', () => job.output().includes('ready'));
}

const asking = (address: string, port: number): string[] => ['curl', '-s', '-m', '2', `http://${address}:${port}/`];

/** `NAME ADDRESS-OF-WHO-ASKS`; undefined where there is no connection. */
export async function ask(world: World, vm: Instance, address: string, port = 80): Promise<string | undefined> {
  const done = await world.tryInside(vm, ...asking(address, port));
  return done.code === 0 ? done.stdout : undefined;
}

export async function askFromPublic(world: World, address: string, port = 80): Promise<string | undefined> {
  const done = await world.lab.attempt('wire', ...asking(address, port));
  return done.code === 0 ? done.stdout : undefined;
}
