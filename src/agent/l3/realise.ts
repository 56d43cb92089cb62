// Brings one router's namespace to its wanted state, touching only what differs; and takes a namespace away.
// Order: what goes, then the packet filter, then what comes. So nothing is ever forwarded that the new filter would not let pass.

import type { Host } from '../../contracts/host/host.ts';
import { isRouterDevice } from '../desired/l3/names.ts';
import type { RouterState, WantedDevice } from '../desired/l3/state.ts';
import { applyAll, applyRemovals } from '../interface/batches.ts';
import type { Coalesced } from '../interface/coalesced.ts';
import type { InterfaceDriver, Problem } from '../interface/driver.ts';
import { firewallRules, helpersTable } from '../render/l3-firewall.ts';
import { endedFlows, firewallDelta, settleWitness, withWitness } from '../render/l3-firewall-delta.ts';
import { type DeviceDelta, deviceDelta, type FoundDevices } from './device-delta.ts';

export interface Doors {
  readonly host: Host;
  readonly driver: InterfaceDriver;
  readonly namespaces: Coalesced<readonly string[]>;
  /** 4 alone where the kernel has no IPv6. */
  readonly families: readonly (4 | 6)[];
  readonly randomFully: boolean;
}

interface Found extends FoundDevices {
  /** `iptables-save` by family. */
  readonly saved: Readonly<Record<4 | 6, string>>;
  readonly namespace: boolean;
}

export interface Realised {
  /** Nothing had to be changed. */
  readonly untouched: boolean;
  /** Devices made anew. */
  readonly created: readonly WantedDevice[];
  /** What the kernel refused; another attempt is due. */
  readonly problems: readonly Problem[];
}

export interface RealiseOptions {
  /** Settings of the namespace are written although it is there. */
  readonly first: boolean;
  /** Called when there is no namespace yet: daemons of an earlier one of that name are to end. */
  readonly onNew: () => Promise<void>;
}

/** Throws when the packet filter cannot be made: then nothing was added. */
export async function realise(doors: Doors, wanted: RouterState, options: RealiseOptions): Promise<Realised> {
  const { links } = doors.host;
  const state = doors.families.includes(6) ? wanted : withoutIpv6(wanted);
  const { netns } = state;
  const found = await read(doors, netns);
  if (!found.namespace) {
    await options.onNew();
    await links.addNamespace(netns);
  }
  const first = options.first || !found.namespace;
  if (first) await Promise.all(state.sysctls.map(([key, value]) => setting(doors, netns, key, value)));

  const delta = deviceDelta(netns, state, found);
  await applyRemovals(links, netns, delta.remove);
  await doors.driver.unplug(netns, delta.unplug);
  const filtered = await applyFirewall(doors, state, found);
  const problems = [...delta.problems, ...filtered.problems, ...(await applyDevices(doors, state, delta, first))];
  for (const { dev, ip } of delta.announce) await links.announce(netns, dev, ip);
  const changes = delta.remove.length + delta.unplug.length + delta.plug.length + delta.add.length;
  return { untouched: changes === 0 && !filtered.changed, created: delta.created, problems };
}

async function read(doors: Doors, netns: string): Promise<Found> {
  const { links, iptables } = doors.host;
  const [outside, namespaces] = await Promise.all([doors.driver.look(), doors.namespaces.get()]);
  if (!namespaces.includes(netns)) return { inside: [], outside, routes: [], saved: { 4: '', 6: '' }, namespace: false };
  const each = <T>(ask: (family: 4 | 6) => Promise<T>): Promise<T[]> => Promise.all(doors.families.map(ask));
  const [inside, routes, saved] = await Promise.all([
    links.list(netns),
    each(family => links.routes(netns, family)),
    each(family => iptables.save(netns, family)),
  ]);
  return { inside, outside, routes: routes.flat(), saved: { 4: saved[0] ?? '', 6: saved[1] ?? '' }, namespace: true };
}

interface Filtered {
  readonly changed: boolean;
  readonly problems: readonly Problem[];
}

async function applyFirewall(doors: Doors, state: RouterState, found: Found): Promise<Filtered> {
  const { iptables } = doors.host;
  const problems: Problem[] = [];
  let changed = false;
  for (const family of doors.families) {
    const wanted = firewallRules(state.firewall, family, { randomFully: doors.randomFully });
    const ended = family === 4 ? endedFlows(found.saved[4], wanted) : [];
    const rules = ended.length > 0 ? withWitness(found.saved[4], wanted) : wanted;
    const text = firewallDelta(found.saved[family], rules, table => table !== helpersTable);
    if (text !== '') await iptables.restore(state.netns, family, text);
    if (ended.length > 0) {
      // Not before the filter makes no new ones.
      await doors.host.conntrack.flush(state.netns, ended);
      await iptables.restore(state.netns, 4, settleWitness(wanted));
    }
    const helpers = firewallDelta(found.saved[family], wanted, table => table === helpersTable);
    if (helpers !== '') await iptables.restore(state.netns, family, helpers).catch(e => problems.push({ what: `conntrack helpers: ${e}` }));
    changed ||= text !== '' || helpers !== '' || ended.length > 0;
  }
  return { changed, problems };
}

async function applyDevices(doors: Doors, state: RouterState, delta: DeviceDelta, first: boolean): Promise<Problem[]> {
  const { links } = doors.host;
  const { netns } = state;
  const problems = delta.plug.length === 0 ? [] : await doors.driver.plug(delta.plug);
  const fresh = new Set(delta.created.map(d => d.name));
  await Promise.all(
    state.devices
      .filter(d => first || fresh.has(d.name))
      .map(d => setting(doors, netns, `net.ipv6.conf.${d.name}.accept_ra`, String(d.acceptRa))),
  );
  return [...problems, ...(await applyAll(links, netns, delta.add))];
}

/** Where the kernel has no IPv6, what needs it is left out. */
function withoutIpv6(state: RouterState): RouterState {
  const devices = state.devices.map(d => ({ ...d, addresses: d.addresses.filter(a => !a.includes(':')) }));
  return { ...state, devices, routes: state.routes.filter(r => r.family === 4) };
}

/** A key that the kernel does not have is one for a protocol that it does not speak. */
async function setting(doors: Doors, netns: string, key: string, value: string): Promise<void> {
  await doors.host.files.sysctl(netns, key, value);
}

/** Removes the namespace and all devices in it. Idempotent. Daemons inside are to be stopped before. */
export async function removeNamespace({ host: { links }, driver }: Pick<Doors, 'host' | 'driver'>, netns: string): Promise<void> {
  if (!(await links.namespaces()).includes(netns)) return;
  // Should a process still hold the namespace, its devices at least do not stay on the host's bridges.
  const inside = (await links.list(netns)).map(l => l.name).filter(isRouterDevice);
  await driver.unplug(netns, inside);
  await links.delNamespace(netns);
}
