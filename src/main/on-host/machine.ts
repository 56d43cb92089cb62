// The machine itself as the one host: agents on its own network, a bridge that is the public network, and a reaper that
// takes everything away again when we end, however we end.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StateFolder } from '../../cli/state.ts';
import type { Ground } from '../ground.ts';
import { publicNetwork } from '../sandbox/plan.ts';
import { run } from '../sandbox/run.ts';
import type { Ownership, Place } from '../sandbox/sandbox.ts';
import { Locked, takeLock } from '../state/lock.ts';
import { nodeArgv } from '../supervise/node.ts';
import { cleanMachine } from './clean.ts';
import { refuseForeign } from './foreign.ts';
import { agentSysctls, lookAtMachine } from './look.ts';
import { notedPlugged, notePlugged, type Owner } from './made.ts';
import { daemonState, machineLock, publicBridge, reaperListen } from './names.ts';
import { ensureBridgeFilter, tunnelAddress } from './prepare.ts';
import { markOf, readRecord, removeRecord, whereWeAre, writeRecord } from './record.ts';

/** How long the reaper of a run that was killed may still be at work. */
const reaperMs = 8000;

export interface MachineOptions {
  readonly folder: StateFolder;
  /** ADDR:PORT of the API. */
  readonly listen: string;
  /** The address of tunnels, when it is not to be found out. */
  readonly localIp: string | undefined;
  readonly progress: (line: string) => void;
}

export async function openMachine({ folder, listen, localIp: wanted, progress }: MachineOptions): Promise<Ground> {
  await using stack = new AsyncDisposableStack();
  const lock = await takeMachine(listen);
  stack.defer(() => lock[Symbol.dispose]());
  const record = join(folder.path, 'on-host.json');
  await cleanLeftovers(record);
  const owner: Owner = { mark: markOf(folder.path), namespaces: join(folder.path, 'on-host.namespaces') };
  const plugged = join(folder.path, 'on-host.plugged');
  const before = await lookAtMachine();
  await refuseForeign(before, new Set(notedPlugged(plugged).map(({ tap }) => tap)));
  const localIp = await tunnelAddress(wanted);
  await ensureBridgeFilter();
  for (const line of touched(localIp, owner.mark)) progress(line);
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
    localIp,
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
  const [node = '', ...argv] = nodeArgv([join(import.meta.dirname, 'reaper.ts'), record, log]);
  const reaper = spawn(node, argv, { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' });
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

/** What a person may want to know before it is done. */
function touched(localIp: string, mark: string): string[] {
  const { v4, v6 } = publicNetwork;
  return [
    `on this machine's own network, until Weft ends: ${agentSysctls.join(' and ')} set to 1`,
    `on this machine's own network: a bridge ${publicBridge} with ${v4.gateway}/${v4.prefix} and ${v6.gateway}/${v6.prefix}`,
    `on this machine's own network: links brq…, tap… and vxlan-… with the alias ${mark}, tunnels from ${localIp}`,
    "on this machine's own network: namespaces qdhcp-… and qrouter-…, chains and tables neutron-…, ipsets NIPv4… and NIPv6…",
  ];
}

function hasIpv6(device: string): boolean {
  try {
    return readFileSync(`/proc/sys/net/ipv6/conf/${device}/disable_ipv6`, 'utf8').trim() === '0';
  } catch {
    return false;
  }
}

async function makePublicBridge(mark: string): Promise<void> {
  const { v4, v6 } = publicNetwork;
  const batch = [
    `link add ${publicBridge} type bridge mcast_snooping 0`,
    `link set ${publicBridge} alias ${mark}`,
    `address add ${v4.gateway}/${v4.prefix} dev ${publicBridge}`,
    `link set ${publicBridge} up`,
    '',
  ];
  await run(['ip', '-batch', '-'], { input: batch.join('\n') });
  // A machine that has turned IPv6 off has it off on new devices, too.
  if (hasIpv6(publicBridge)) await run(['ip', 'address', 'add', `${v6.gateway}/${v6.prefix}`, 'dev', publicBridge, 'nodad']);
}
