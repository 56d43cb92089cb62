// The published ports of a run, and the relay in the underlay that they need: started with the first of them.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../adapters/clock/system-clock.ts';
import type { StateFolder } from '../../cli/state.ts';
import type { Log } from '../../contracts/log.ts';
import { nodeArgv } from '../supervise/node.ts';
import { startProcess } from '../supervise/process.ts';
import { type Supervised, supervise } from '../supervise/supervisor.ts';
import { type Publication, type Published, publish } from './publish.ts';
import type { Sandbox } from './sandbox.ts';

const relayProgram = join(import.meta.dirname, 'relay.ts');
const relayStartMs = 5000;

export const describePublication = ({ address, port, toAddress, toPort }: Publication): string =>
  `${address}:${port} → ${toAddress.includes(':') ? `[${toAddress}]` : toAddress}:${toPort}`;

export class RelayedPorts implements AsyncDisposable {
  private readonly folder: StateFolder;
  private readonly underlay: Sandbox;
  private readonly log: Log;
  private readonly open: Published[] = [];
  private relay: Supervised | undefined;

  constructor(folder: StateFolder, underlay: Sandbox, log: Log) {
    this.folder = folder;
    this.underlay = underlay;
    this.log = log;
  }

  /** Rejects when the port is taken on this machine. */
  async publish(publication: Publication): Promise<string> {
    await this.startRelay();
    this.open.push(await publish(publication, this.folder.relaySocket));
    return describePublication(publication);
  }

  list(): string[] {
    return this.open.map(({ publication }) => describePublication(publication));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.open.map(port => port[Symbol.asyncDispose]()), this.relay?.[Symbol.asyncDispose]()]);
  }

  private async startRelay(): Promise<void> {
    this.relay ??= supervise({
      name: 'relay to the public network',
      clock: systemClock,
      log: this.log,
      random: Math.random,
      start: () =>
        startProcess({
          place: this.underlay,
          argv: nodeArgv([relayProgram, this.folder.relaySocket]),
          outputFile: join(this.folder.logs, 'relay.out'),
        }),
    });
    for (const deadline = performance.now() + relayStartMs; !existsSync(this.folder.relaySocket); await sleep(10))
      if (performance.now() > deadline)
        throw new Error(`the relay to the public network does not start; see ${this.folder.logs}/relay.out`);
  }
}
