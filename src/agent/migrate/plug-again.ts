// Neutron's Linux bridge agent leaves it to Nova to put an instance's tap into its bridge, and Nova does so when the instance starts. On the way
// back nobody starts it.
import type { Host } from '../../contracts/host/host.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import { unlessMissing } from '../bridge-firewall/missing-tool.ts';
import { bridgeName } from '../desired/linuxbridge-names.ts';
import type { Move } from '../desired/migrate/move.ts';
import { parseSave } from '../render/iptables.ts';
import { linuxbridgeNames } from '../render/iptables-names.ts';

/** Taps that are nowhere go into the bridges that the agent has made, as soon as their filters stand. */
export async function plugAgain(host: Pick<Host, 'links' | 'iptables' | 'files'>, { taps }: Move): Promise<void> {
  const { links } = host;
  const there = new Map((await links.list(hostNetns)).map(l => [l.name, l]));
  const waiting = taps.filter(t => there.has(t.name) && there.get(t.name)?.master === undefined && there.has(bridgeName(t.network)));
  if (waiting.length === 0) return;
  const filtered = await portsWithFilters(host);
  const ready = waiting.filter(t => !t.guarded || filtered(t.port));
  // Who is refused is waited for, and told of.
  await links.apply(
    hostNetns,
    ready.map(t => ({ do: 'set-link', name: t.name, master: bridgeName(t.network), up: true })),
  );
}

/** Of both families, which come one after the other; of one where Neutron's agent makes none for IPv6. */
async function portsWithFilters({ iptables, files }: Pick<Host, 'iptables' | 'files'>): Promise<(port: string) => boolean> {
  const disabled = await files.readSysctl(hostNetns, 'net/ipv6/conf/default/disable_ipv6');
  const families = disabled === '0' ? ([4, 6] as const) : ([4] as const);
  // Without iptables the agent is one of ours, which plugs them itself.
  const saved = await Promise.all(families.map(family => iptables.save(hostNetns, family, 'filter').catch(unlessMissing(''))));
  const chains = saved.map(text => parseSave(text).get('filter'));
  return port => chains.every(of => of?.has(linuxbridgeNames.port('ingress', port)));
}
