// Namespaces that DHCP and L3 agents leave, Weft's and Neutron's: empty ones, and by force all of them with the processes in them.
import { setTimeout as sleep } from 'node:timers/promises';
import { removeSwitchPorts } from '../../agent/interface/switch-ports.ts';
import type { Links } from '../../contracts/host/links.ts';
import { run, tryRun } from '../sandbox/run.ts';

export const agentTypes = ['dhcp', 'l3'] as const;
export type AgentType = (typeof agentTypes)[number];

const prefixes: Readonly<Record<AgentType, readonly string[]>> = { dhcp: ['qdhcp-'], l3: ['qrouter-', 'snat-', 'fip-'] };
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Devices that the kernel puts into every namespace. */
const ofKernel = new Set(['lo', 'sit0', 'tunl0', 'gre0', 'gretap0', 'erspan0', 'ip6tnl0', 'ip6gre0', 'ip_vti0', 'ip6_vti0']);
/** A namespace that was just made is not filled yet. */
const settleMs = 2000;
const endMs = 5000;

export interface NamespaceCleaning {
  readonly links: Links;
  readonly types: readonly AgentType[];
  /** Also those with devices and processes in them. */
  readonly force: boolean;
  readonly settleMs?: number;
}

export interface CleanedNamespaces {
  readonly removed: readonly string[];
  readonly kept: readonly string[];
  readonly problems: readonly string[];
}

export async function cleanNamespaces(cleaning: NamespaceCleaning): Promise<CleanedNamespaces> {
  const { links, types, force } = cleaning;
  const candidates = (await links.namespaces()).filter(name => isOurs(name, types));
  const empty = async (name: string): Promise<boolean> => (await devicesOf(links, name)).length === 0 && (await pidsOf(name)).length === 0;
  const problems = new Map<string, string>();
  /** Those for which the work went well, with its answer: what one of them is up to concerns no other. */
  const each = async (names: readonly string[], work: (name: string) => Promise<boolean>): Promise<string[]> => {
    const done: string[] = [];
    for (const name of names)
      try {
        if (await work(name)) done.push(name);
      } catch (error) {
        problems.set(name, `${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    return done;
  };
  const chosen = force ? candidates : await each(candidates, empty);
  if (!force && chosen.length > 0) await sleep(cleaning.settleMs ?? settleMs);
  const go = force ? chosen : await each(chosen, empty);
  const removed = await each(go, async name => {
    if (force) await emptied(links, name);
    await links.delNamespace(name);
    return true;
  });
  return { removed, kept: candidates.filter(name => !removed.includes(name) && !problems.has(name)), problems: [...problems.values()] };
}

/** The id behind the prefix. */
export const idOf = (namespace: string): string => namespace.slice(namespace.indexOf('-') + 1);

function isOurs(name: string, types: readonly AgentType[]): boolean {
  return types.some(type => prefixes[type].some(prefix => name.startsWith(prefix) && uuid.test(name.slice(prefix.length))));
}

async function devicesOf(links: Links, name: string): Promise<string[]> {
  return (await links.list(name)).map(link => link.name).filter(device => !ofKernel.has(device));
}

async function pidsOf(name: string): Promise<number[]> {
  // Not to be told is not to know of any: whoever asks must not take it for empty.
  return (await run(['ip', 'netns', 'pids', name])).split('\n').filter(Boolean).map(Number);
}

async function emptied(links: Links, name: string): Promise<void> {
  await endAll(name, 'SIGTERM');
  for (const deadline = performance.now() + endMs; (await pidsOf(name)).length > 0 && performance.now() < deadline; ) await sleep(100);
  await endAll(name, 'SIGKILL');
  await removeSwitchPorts(await links.list(name), argv => tryRun(argv).catch(() => undefined));
  const devices = await devicesOf(links, name);
  await links.apply(
    name,
    devices.map(device => ({ do: 'del-link', name: device })),
  );
}

async function endAll(name: string, signal: NodeJS.Signals): Promise<void> {
  for (const pid of await pidsOf(name))
    try {
      process.kill(pid, signal);
    } catch {
      // It ended by itself.
    }
}
