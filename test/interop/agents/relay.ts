// Hosts of a lab share no network with this machine: they reach a broker on its loopback by a socket in the file system.
import { join } from 'node:path';
import { startJob, until } from '../../system/job.ts';
import type { Lab } from './lab.ts';

const program = join(import.meta.dirname, 'programs/relay.mjs');
const relay = (...argv: readonly string[]): string[] => ['setpriv', '--pdeathsig', 'KILL', '--', process.execPath, program, ...argv];

/** Hosts reach the broker, or what else listens here, where this machine has it: on their own loopback. */
export async function relayTo(lab: Lab, folder: string, port: number, stack: AsyncDisposableStack, name = 'amqp'): Promise<void> {
  const socket = join(folder, `${name}.sock`);
  const near = startJob(relay('listen-unix', socket, String(port)));
  stack.defer(() => near.kill());
  const jobs = [near, ...lab.hosts.map(host => lab.spawn(host.name, [process.execPath, program, 'listen-tcp', String(port), socket]))];
  for (const job of jobs) await until('a relay listens', () => job.output().includes('ready'), { story: job.output });
}
