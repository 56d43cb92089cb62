// The machine itself as the one host: agents on its own network, a bridge that is the public network, and a reaper that
// takes everything away again when we end, however we end.
import { spawn } from 'node:child_process';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StateFolder } from '../../cli/state.ts';
import type { Ground } from '../ground.ts';
import { publicNetwork } from '../sandbox/plan.ts';
import { run } from '../sandbox/run.ts';
import type { Ownership, Place } from '../sandbox/sandbox.ts';
import { Locked, takeLock } from '../state/lock.ts';
import { cleanMachine } from './clean.ts';
import { refuseForeign } from './foreign.ts';
import { lookAtMachine } from './look.ts';
import { notedPlugged, notePlugged, type Owner } from './made.ts';
import { daemonState, machineLock, publicBridge, reaperListen } from './names.ts';
import { markOf, readRecord, removeRecord, whereWeAre, writeRecord } from './record.ts';

/** How long the reaper of a run that was killed may still be at work. */
const reaperMs = 8000;

export async function openMachine(folder: StateFolder, listen: string): Promise<Ground> {
  await using stack = new AsyncDisposableStack();
  const lock = await takeMachine(listen);
  stack.defer(() => lock[Symbol.dispose]());
  const record = join(folder.path, 'on-host.json');
  await cleanLeftovers(record);
  const owner: Owner = { mark: markOf(folder.path), namespaces: join(folder.path, 'on-host.namespaces') };
  const plugged = join(folder.path, 'on-host.plugged');
  const before = await lookAtMachine();
  await refuseForeign(before, new Set(notedPlugged(plugged).map(({ tap }) => tap)));
  writeRecord(record, { before, where: whereWeAre(), runFolder: folder.run, owner, plugged });
  const reaper = startReaper(record, join(folder.logs, 'reaper.log'));
  // It works under the lock, which is given to it.
  stack.defer(async () => {
    lock[Symbol.dispose]();
    await reaper[Symbol.asyncDispose]();
  });
  await makePublicBridge(owner.mark);
  const name = hostname();
  const owned: Ownership = { mark: owner.mark, notePlugged: (tap, was) => notePlugged(plugged, { tap, was }) };
  const place: Place = { name, owned, enter: argv => [...argv], enterNetwork: argv => [...argv] };
  const agent = {
    host: name,
    localIp: await ownAddress(),
    statePath: daemonState,
    interfaceMappings: {},
    bridgeMappings: { [publicNetwork.physicalNetwork]: publicBridge },
    dropUser: true,
    owner,
  };
  const opened = stack.move();
  return { mode: 'on-host', hosts: [{ place, agent }], [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** An earlier run and its reaper were both cut off. */
async function cleanLeftovers(record: string): Promise<void> {
  const old = readRecord(record);
  const problems = old ? await cleanMachine(old) : [];
  if (problems.length > 0) throw new Error(`what an earlier run left on this machine cannot be removed: ${problems.join('; ')}`);
  removeRecord(record, old);
}

async function takeMachine(listen: string): Promise<Disposable> {
  for (const deadline = performance.now() + reaperMs; ; await sleep(50)) {
    try {
      return takeLock(machineLock, listen, new Date());
    } catch (error) {
      if (!(error instanceof Locked) || performance.now() > deadline || error.holder.listen !== reaperListen) throw error;
    }
  }
}

/** Disposing it lets it do its work, and waits for the end of that. */
function startReaper(record: string, log: string): AsyncDisposable {
  const argv = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'reaper.ts'), record, log];
  const reaper = spawn(process.execPath, argv, { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' });
  const ended = new Promise<void>(resolve => reaper.once('close', () => resolve()));
  reaper.on('error', () => {});
  reaper.stdin.on('error', () => {});
  return {
    async [Symbol.asyncDispose]() {
      reaper.stdin.end();
      await ended;
    },
  };
}

async function makePublicBridge(mark: string): Promise<void> {
  const { v4, v6 } = publicNetwork;
  const batch = [
    `link add ${publicBridge} type bridge mcast_snooping 0`,
    `link set ${publicBridge} alias ${mark}`,
    `address add ${v4.gateway}/${v4.prefix} dev ${publicBridge}`,
    `address add ${v6.gateway}/${v6.prefix} dev ${publicBridge} nodad`,
    `link set ${publicBridge} up`,
    '',
  ];
  await run(['ip', '-batch', '-'], { input: batch.join('\n') });
}

/** The address by which the machine reaches others, for the ends of tunnels; its side of the public bridge when it has none. */
async function ownAddress(): Promise<string> {
  const routes = JSON.parse(await run(['ip', '-j', '-4', 'route', 'show', 'default'])) as { prefsrc?: string; dev?: string }[];
  const [route] = routes;
  if (route?.prefsrc) return route.prefsrc;
  if (!route?.dev) return publicNetwork.v4.gateway;
  const links = JSON.parse(await run(['ip', '-j', '-4', 'address', 'show', 'dev', route.dev])) as { addr_info?: { local: string }[] }[];
  return links[0]?.addr_info?.[0]?.local ?? publicNetwork.v4.gateway;
}
