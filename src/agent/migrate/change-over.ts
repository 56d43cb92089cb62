// Taps and devices from Linux bridges to Open vSwitch, and back. Each looks at what is there and does what is missing, so that it may be
// begun again in its middle.
import type { Link, LinkChange, Route } from '../../contracts/host/links.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import type { OvsWanted, WantedPort } from '../../contracts/host/ovsdb.ts';
import { bridgeName } from '../desired/linuxbridge-names.ts';
import type { Move, MovedDevice, MovedTap } from '../desired/migrate/move.ts';
import { DEAD_VLAN } from '../desired/openvswitch/tables.ts';
import { type Doors, MoveStopped } from './doors.ts';
import { clearShaping } from './shaping.ts';

type Given = Pick<Doors, 'host' | 'session'>;
type Links = ReadonlyMap<string, Link>;

const linksOf = async ({ host }: Given): Promise<Links> => new Map((await host.links.list(hostNetns)).map(l => [l.name, l]));

/** Bridges for physical networks, without a port yet. */
export const switchBridges = ({ devices, datapathType }: Move): OvsWanted => ({
  bridges: Object.fromEntries(devices.map(({ bridge, mac }) => [bridge, { datapath_type: datapathType, other_config: { hwaddr: mac } }])),
});

/** As Nova plugs it, and dead until the agent has made its flows. */
export const deadPort = ({ port, mac, instance }: MovedTap): WantedPort => ({
  tag: DEAD_VLAN,
  vlan_mode: 'trunk',
  trunks: [DEAD_VLAN],
  interface: {
    external_ids: {
      'iface-id': port,
      'attached-mac': mac,
      'iface-status': 'active',
      ...(instance === undefined ? {} : { 'vm-uuid': instance }),
    },
  },
});

/**
 * Out of the Linux bridges in one batch, into Open vSwitch in one transaction, and the host's addresses after their device. Answers what was not
 * done, and hinders nothing.
 */
export async function changeOver(given: Given, move: Move): Promise<string[]> {
  const links = await linksOf(given);
  const notes = await clearShaping(given.host, move.taps);
  const picture = await given.session.picture();
  await tell(given, leaving(move, links));
  const there = picture.bridges.get(move.integrationBridge)?.ports;
  const taps = move.taps.filter(tap => links.has(tap.name) && !there?.has(tap.name));
  const bridges: Record<string, { make: false; ports: Record<string, WantedPort> }> = {
    [move.integrationBridge]: { make: false, ports: Object.fromEntries(taps.map(tap => [tap.name, deadPort(tap)])) },
  };
  for (const { bridge, device } of move.devices) if (links.has(device)) bridges[bridge] = { make: false, ports: { [device]: {} } };
  const { absent, problems } = await given.session.apply({ bridges }, { comment: 'weft migrate l2: taps come' });
  const now = await linksOf(given);
  await tell(given, arriving(move, now));
  await tell(
    given,
    move.devices.filter(d => now.has(d.bridge)).flatMap(d => taken(d, now.get(d.from) && d.from)),
  );
  const missing = absent.filter(name => !name.includes('/'));
  if (missing.length > 0) throw new MoveStopped(`Open vSwitch has no bridge ${missing.join(', ')}: does its agent run?`);
  const refused = Object.entries(problems).map(([port, why]) => `${port}: ${why}`);
  if (refused.length > 0) throw new MoveStopped(`Open vSwitch does not take ${refused.join('; ')}`);
  return notes;
}

function leaving({ taps, devices, uplinks }: Move, links: Links): LinkChange[] {
  const inBridge = (name: string): boolean => links.get(links.get(name)?.master ?? '')?.kind === 'bridge';
  return [
    ...taps.filter(t => inBridge(t.name)).map(t => ({ do: 'set-link', name: t.name, master: null, up: true }) as const),
    ...uplinks.filter(name => links.has(name)).map(name => ({ do: 'del-link', name }) as const),
    ...devices.filter(d => inBridge(d.device)).map(d => ({ do: 'set-link', name: d.device, master: null }) as const),
  ];
}

/** A bridge of Open vSwitch has a device of its own name for the host itself. */
function arriving({ devices }: Move, links: Links): LinkChange[] {
  return devices
    .filter(d => links.has(d.bridge))
    .flatMap(d => [
      { do: 'set-link', name: d.device, up: true } as const,
      { do: 'set-link', name: d.bridge, up: true } as const,
      ...copied(d, d.bridge),
    ]);
}

function copied({ addresses, routes }: MovedDevice, to: string): LinkChange[] {
  const ordered = [...routes].sort((a: Route, b: Route) => Number(a.via !== undefined) - Number(b.via !== undefined));
  return [
    ...addresses.map(cidr => ({ do: 'add-address', dev: to, cidr, nodad: true }) as const),
    ...ordered.map(route => ({ do: 'replace-route', route: { ...route, dev: to } }) as const),
  ];
}

/** Of another batch: a refusal of the new ones stops the move while the old ones are there. */
const taken = ({ addresses }: MovedDevice, from: string | undefined): LinkChange[] =>
  from === undefined ? [] : addresses.map(cidr => ({ do: 'del-address', dev: from, cidr }) as const);

/** Refusals are told, but for those of what is so already. */
async function tell({ host }: Given, batch: readonly LinkChange[]): Promise<void> {
  if (batch.length === 0) return;
  const refused = await host.links.apply(hostNetns, batch);
  const grave = refused.filter(({ index }) => batch[index]?.do !== 'del-address');
  // Taps are nowhere just now: no look that is not needed.
  if (grave.length === 0) return;
  // An instance that ended meanwhile took its tap along.
  const there = await linksOf({ host } as Given);
  const left = grave.flatMap(({ index, reason }) => {
    const change = batch[index];
    if (change?.do === 'del-link') return there.has(change.name) ? [`${change.name}: ${reason}`] : [];
    if (change?.do === 'set-link') return there.has(change.name) ? [`${change.name}: ${reason}`] : [];
    return [`${JSON.stringify(change)}: ${reason}`];
  });
  if (left.length > 0) throw new MoveStopped(`the kernel refused ${left.join('; ')}`);
}

/**
 * Out of Open vSwitch, with its tunnels, which hold the port that those of Linux bridges need. `plugs`: the filters of the Linux bridge agent
 * stand, so taps that it knew go into their bridges; else the agent plugs them when it has made them.
 */
export async function changeBack(given: Given, move: Move, plugs: boolean): Promise<void> {
  const { integrationBridge, tunnelBridge } = move;
  const picture = await given.session.picture();
  const ports = (bridge: string, goes: (name: string) => boolean): Record<string, null> =>
    Object.fromEntries([...(picture.bridges.get(bridge)?.ports.keys() ?? [])].filter(goes).map(name => [name, null]));
  const taps = new Set(move.taps.map(t => t.name));
  const tunnel = (name: string): boolean =>
    picture.bridges.get(tunnelBridge)?.ports.get(name)?.interfaces[0]?.options['remote_ip'] !== undefined;
  await given.session.apply(
    {
      bridges: {
        [integrationBridge]: { make: false, ports: ports(integrationBridge, name => taps.has(name)) },
        [tunnelBridge]: { make: false, ports: ports(tunnelBridge, tunnel) },
        ...Object.fromEntries(move.devices.map(d => [d.bridge, { make: false, ports: ports(d.bridge, name => name === d.device) }])),
      },
    },
    { comment: 'weft migrate l2: taps go' },
  );
  const links = await linksOf(given);
  const wanted = plugs ? move.taps.filter(t => links.has(t.name) && !t.late) : [];
  const networks = [...new Set(wanted.map(t => t.network))];
  const make = networks.map(bridgeName).filter(name => !links.has(name));
  const back = move.devices.filter(d => links.has(d.device));
  await tell(given, [
    ...make.map(name => ({ do: 'add-link', link: { kind: 'bridge', name, ageing: 300 } }) as const),
    ...make.map(name => ({ do: 'set-link', name, up: true }) as const),
    ...wanted.map(t => ({ do: 'set-link', name: t.name, master: bridgeName(t.network), up: true }) as const),
    ...back.flatMap(d => deviceBack(d, links)),
  ]);
  await tell(
    given,
    back.flatMap(d => taken(d, links.has(d.bridge) ? d.bridge : undefined)),
  );
}

function deviceBack(d: MovedDevice, links: Links): LinkChange[] {
  const inBridge = d.from !== d.device && links.has(d.from);
  return [
    { do: 'set-link', name: d.device, up: true, ...(inBridge ? { master: d.from } : {}) },
    ...copied(d, inBridge ? d.from : d.device),
  ];
}
