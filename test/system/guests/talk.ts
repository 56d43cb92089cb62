// What instances in a guest say to each other: a ping, and a web page with the name of who has it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BridgeWorld, Instance } from '../linuxbridge-world.ts';

/** Ports 80 and 81 of the instance. Two instances on different hosts may have the same addresses, and never the same name. */
export function serve(world: BridgeWorld, vm: Instance): void {
  const root = join(world.folder, vm.ns);
  mkdirSync(root);
  writeFileSync(join(root, 'page'), `${vm.ns} ${randomBytes(20_000).toString('hex')}`);
  for (const port of [80, 81]) world.spawn(vm, ['busybox', 'httpd', '-f', '-p', `[::]:${port}`, '-h', root]);
}

/** The name of who answers; undefined where there is no connection. */
export async function whoAnswers(world: BridgeWorld, from: Instance, address: string, port = 80): Promise<string | undefined> {
  const place = address.includes(':') ? `[${address}]` : address;
  const { stdout } = await world.tryInside(from, 'curl', '-s', '-m', '4', `http://${place}:${port}/page`);
  return stdout.length > 40_000 ? stdout.split(' ')[0] : undefined;
}

export const pings = async (world: BridgeWorld, from: Instance, address: string): Promise<boolean> =>
  (await world.tryInside(from, 'ping', '-n', '-c1', '-W2', address)).code === 0;

/** In both families. */
export async function talk(world: BridgeWorld, from: Instance, to: Instance): Promise<void> {
  for (const address of to.port.ips) {
    await world.until(`${from.ns} of ${from.host} pings ${address}`, () => pings(world, from, address));
    assert.equal(await whoAnswers(world, from, address), to.ns, address);
  }
}
