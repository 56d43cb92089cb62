// Full synchronisation with the server: at the start, when the server had given us up, and when messages may have been lost.
import type { Files } from '../../contracts/host/files.ts';
import type { Log } from '../../contracts/log.ts';
import { Backoff } from '../../engine/backoff.ts';
import type { Clock } from '../../engine/clock.ts';
import type { NetworkEvent } from '../desired/dhcp/inbox.ts';
import { isUuid } from '../desired/dhcp/wire.ts';
import type { Networks } from './networks.ts';
import type { DhcpServer } from './server.ts';

interface SyncParts {
  readonly server: Pick<DhcpServer, 'activeNetworks'>;
  readonly networks: Networks;
  readonly files: Files;
  readonly dhcpFolder: string;
  readonly log: Log;
}

/**
 * One round. What the server names is brought up; what is ours on this host and not named goes, unless a message about it arrived
 * while we asked. Answers a promise that resolves when each of these has been tried.
 */
export async function synchronise(parts: SyncParts): Promise<{ readonly tried: Promise<void> }> {
  const { networks, log } = parts;
  const since = networks.now;
  const named = await parts.server.activeNetworks();
  const left = new Set([...networks.ids(), ...(await leftovers(parts.files, parts.dhcpFolder))]);
  const events = new Map<string, NetworkEvent>();
  for (const { value: network, warnings } of named) {
    for (const warning of warnings) log.warning(warning, { network_id: network.id });
    left.delete(network.id);
    // Something newer than the answer is known: ask for this one again.
    events.set(network.id, networks.heardSince(network.id, since) ? { kind: 'changed' } : { kind: 'view', network });
  }
  for (const id of left) if (!networks.heardSince(id, since)) events.set(id, { kind: 'removed' });
  const tried = networks.triedOnce([...events.keys()]);
  for (const [id, event] of events) networks.push(id, event, -1);
  log.info('synchronised with the server', { networks: named.length, removed: events.size - named.length });
  return { tried };
}

/** Networks that an agent before us left behind. */
async function leftovers(files: Files, folder: string): Promise<readonly string[]> {
  return (await files.list(folder)).filter(isUuid);
}

export interface Syncer extends Disposable {
  /** Resolves when the first round is through: each network has been tried. */
  readonly first: Promise<void>;
  request(): void;
}

const FOREVER_MS = 86_400_000;

/** The first round starts when `begin` has come. */
export function startSyncer(parts: SyncParts, clock: Clock, random: () => number, begin: Promise<unknown>): Syncer {
  const stop = new AbortController();
  const retry = new Backoff({ firstMs: 500, maxMs: 30_000 }, random);
  let wanted = true;
  let nap = new AbortController();
  let markFirst = (): void => {};
  const first = new Promise<void>(resolve => {
    markFirst = resolve;
  });
  const round = async (): Promise<void> => {
    wanted = false;
    try {
      const { tried } = await synchronise(parts);
      retry.reset();
      void tried.then(markFirst);
    } catch (error) {
      wanted = true;
      const afterMs = retry.next();
      parts.log.warning('synchronisation with the server failed; trying again', { after_ms: afterMs, error: String(error) });
      await clock.sleep(afterMs, stop.signal);
    }
  };
  const run = async (): Promise<void> => {
    await begin;
    while (!stop.signal.aborted) {
      nap = new AbortController();
      if (wanted) await round();
      else await clock.sleep(FOREVER_MS, AbortSignal.any([stop.signal, nap.signal]));
    }
  };
  void run();
  return {
    first,
    request() {
      wanted = true;
      nap.abort();
    },
    [Symbol.dispose]: () => stop.abort(),
  };
}
