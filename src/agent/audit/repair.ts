// Does what a finding says on the host that it was found on. What cannot be done is said, and nothing else is left out for it.
import type { Host } from '../../contracts/host/host.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import type { Clock } from '../../engine/clock.ts';
import { removeSwitchPorts } from '../interface/switch-ports.ts';
import type { OnHost } from './finding.ts';

/** The reason why it could not be done, or undefined. */
export async function repair(host: Host, clock: Clock, fix: OnHost): Promise<string | undefined> {
  try {
    switch (fix.do) {
      case 'remove namespace':
        await removeNamespace(host, clock, fix.namespace);
        return undefined;
      case 'remove link':
        return await refusal(
          host,
          [...(fix.first ?? []), fix.name].map(name => ({ do: 'del-link', name })),
        );
      case 'unplug':
        return await refusal(host, [{ do: 'set-link', name: fix.name, master: null, up: false }]);
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function refusal(host: Host, batch: Parameters<Host['links']['apply']>[1]): Promise<string | undefined> {
  const [refused] = await host.links.apply(hostNetns, batch);
  return refused?.reason;
}

/** How long what runs in a namespace may take to end. */
const graceMs = 2000;
const lookMs = 50;

async function removeNamespace(host: Host, clock: Clock, namespace: string): Promise<void> {
  const { processes, links } = host;
  const inside = async (): Promise<string[]> => {
    const { stdout, code, stderr } = await processes.run(hostNetns, ['ip', 'netns', 'pids', namespace]);
    if (code !== 0) throw new Error(stderr.trim());
    return stdout.split('\n').filter(pid => /^\d+$/.test(pid));
  };
  await removeSwitchPorts(await links.list(namespace), argv => processes.run(hostNetns, argv).catch(() => undefined));
  let running = await inside();
  if (running.length > 0) await processes.run(hostNetns, ['kill', '-TERM', ...running]);
  for (let waited = 0; running.length > 0 && waited < graceMs; waited += lookMs) {
    await clock.sleep(lookMs);
    running = await inside();
  }
  if (running.length > 0) await processes.run(hostNetns, ['kill', '-KILL', ...running]);
  await links.delNamespace(namespace);
}
