// What a host has against what it ought to have: pure. What agents are at work on may look wrong for a moment; who asks looks twice.
import { gatewayDevice, internalDevice } from '../desired/l3/names.ts';
import { bridgeName, tapName } from '../desired/linuxbridge-names.ts';
import type { Expected, ExpectedDhcp, ExpectedPort, ExpectedRouter } from './expected.ts';
import { type Finding, fixWords, type HostFix } from './finding.ts';
import type { DhcpThere, Inventory, RouterThere } from './inventory.ts';

type Found = Omit<Finding, 'where' | 'repair'>;

export function compareHost(expected: Expected, inventory: Inventory): Finding[] {
  const found = [
    ...agentsOf(expected),
    ...(expected.agents['Linux bridge agent'] === undefined ? [] : [...tapsOf(expected, inventory), ...wiresOf(expected, inventory)]),
    ...dhcpOf(expected, inventory),
    ...routersOf(expected, inventory),
  ];
  return found.map(each => ({ ...each, where: expected.host, ...(each.fix ? { repair: fixWords(each.fix) } : {}) }));
}

const orphan = (what: string, ids: readonly string[], fix?: HostFix): Found => ({ kind: 'orphan', what, ids, ...(fix ? { fix } : {}) });
const gap = (what: string, ids: readonly string[], fix?: HostFix): Found => ({ kind: 'gap', what, ids, ...(fix ? { fix } : {}) });
const drift = (what: string, ids: readonly string[], fix?: HostFix): Found => ({ kind: 'drift', what, ids, ...(fix ? { fix } : {}) });

const agentsOf = ({ agents }: Expected): Found[] =>
  Object.entries(agents).flatMap(([kind, alive]) => (alive ? [] : [gap(`the ${kind} does not report`, [])]));

/** What this agent wires: ports of other kinds are not for a tap. */
const isWired = ({ vif_type }: ExpectedPort): boolean => vif_type === 'bridge';

function tapsOf({ ports, spread, others }: Expected, { taps }: Inventory): Found[] {
  // Also those that could not be bound, and replicas of highly available routers' that are bound to another host.
  const known = new Set([...ports, ...spread.ports, ...others].map(port => tapName(port.id)));
  const bound = new Map(ports.filter(isWired).map(port => [tapName(port.id), port]));
  const there = new Map(taps.map(tap => [tap.name, tap]));
  const stray = taps.flatMap(({ name, bridge, ours }) => {
    if (known.has(name) || (!ours && bridge === undefined)) return [];
    const fix: HostFix = ours ? { do: 'remove link', name } : { do: 'unplug', name };
    return [orphan(`${name} is of no port that is bound here`, [], fix)];
  });
  const wrong = [...bound].flatMap(([name, port]) => {
    const tap = there.get(name);
    // An instance that is shut off has no tap, and its port is down.
    if (!tap) return port.status === 'ACTIVE' ? [gap(`${name} is not there, and its port is ACTIVE`, [port.id])] : [];
    if (!port.admin_state_up) return tap.bridge === undefined ? [] : [drift(`${name} is wired, and its port is switched off`, [port.id])];
    if (tap.bridge === undefined) return [gap(`${name} is in no bridge`, [port.id])];
    if (tap.bridge.startsWith('brq') && tap.bridge !== bridgeName(port.network_id))
      return [drift(`${name} is in ${tap.bridge}, which is another network's`, [port.id])];
    return port.status === 'ACTIVE' ? [] : [drift(`${name} is wired, and its port is ${port.status}`, [port.id])];
  });
  return [...stray, ...wrong];
}

function wiresOf({ ports, vnis, spread, others }: Expected, { bridges, tunnels }: Inventory): Found[] {
  const wanted = new Set([...ports, ...spread.ports, ...others].map(port => bridgeName(port.network_id)));
  const known = new Set(vnis);
  // Something else is plugged in: it is somebody's.
  const free = new Map(bridges.filter(({ name, plugged }) => !wanted.has(name) && !plugged).map(each => [each.name, each]));
  const removingLink = (name: string, first: readonly string[] = []): HostFix => ({
    do: 'remove link',
    name,
    ...(first.length > 0 ? { first } : {}),
  });
  return [
    // Without the bridge, an address that it keeps for the machine's own device would be gone: its agent, and a cleanup, give it back.
    ...[...free.values()].map(({ name, addressed, vlans }) =>
      orphan(`${name} ${nobodys}`, [], addressed ? undefined : removingLink(name, vlans)),
    ),
    // One that is in no bridge may be another program's.
    ...tunnels
      .filter(({ vni, bridge }) => !known.has(vni) && (bridge === undefined || free.has(bridge)))
      .map(({ name, bridge }) => orphan(`${name} ${nobodys}`, [], bridge === undefined ? undefined : removingLink(name))),
  ];
}

const nobodys = 'is of no network that has a port here';

const resyncDhcp: HostFix = { do: 'resync', agent: 'DHCP agent' };
const resyncL3: HostFix = { do: 'resync', agent: 'L3 agent' };

function dhcpOf({ dhcp, agents, others }: Expected, { dhcp: there }: Inventory): Found[] {
  // Of an agent that goes by another host's name.
  if (agents['DHCP agent'] === undefined) return [];
  const served = new Map(dhcp.map(each => [each.network, each]));
  const found = new Map(there.map(each => [each.network, each]));
  const left = new Set(others.filter(port => port.device_owner === 'network:dhcp').map(port => port.network_id));
  const stray = there
    .filter(({ network, hasNamespace }) => hasNamespace && !served.has(network) && !left.has(network))
    .map(({ network }) => orphan(`qdhcp-${network} serves a network that is not this host's`, [network], removing(`qdhcp-${network}`)));
  return [...stray, ...dhcp.flatMap(each => dhcpOn(each, found.get(each.network)))];
}

const removing = (namespace: string): HostFix => ({ do: 'remove namespace', namespace });

function dhcpOn({ network, addresses, besides }: ExpectedDhcp, there: DhcpThere | undefined): Found[] {
  if (!there?.hasNamespace) return [gap(`qdhcp-${network} is not there`, [network], resyncDhcp)];
  if (!there.serves) return [gap(`no dnsmasq serves the network ${network}`, [network], resyncDhcp)];
  const [wanted, known] = [new Set([...addresses, ...besides]), new Set(there.addresses)];
  const missing = addresses.filter(address => !known.has(address));
  const left = there.addresses.filter(address => !address.includes(':') && !wanted.has(address));
  return [
    ...(missing.length > 0 ? [gap(`dnsmasq of the network ${network} does not know ${named(missing)}`, [network], resyncDhcp)] : []),
    ...(left.length > 0 ? [drift(`dnsmasq of the network ${network} still knows ${named(left)}`, [network], resyncDhcp)] : []),
  ];
}

/** The first of many. */
const named = (all: readonly string[]): string =>
  all.length > 5 ? `${all.slice(0, 5).join(', ')} and ${all.length - 5} more` : all.join(', ');

function routersOf({ routers, agents, spread, others }: Expected, { routers: there }: Inventory): Found[] {
  if (agents['L3 agent'] === undefined) return [];
  const wanted = new Map(routers.map(router => [router.id, router]));
  const left = new Set([...spread.ids, ...others.map(port => port.device_id)]);
  const found = new Map(there.map(router => [router.router, router]));
  return [
    ...there
      .filter(({ router }) => !wanted.has(router) && !left.has(router))
      .map(({ router }) => orphan(`qrouter-${router} is of no router of this host`, [router], removing(`qrouter-${router}`))),
    ...routers.flatMap(router => routerOn(router, found.get(router.id))),
  ];
}

const deviceOf = ({ id, device_owner }: ExpectedPort): string | undefined => {
  if (device_owner === 'network:router_gateway') return gatewayDevice(id);
  return device_owner === 'network:router_interface' ? internalDevice(id) : undefined;
};

function routerOn({ id, ports, floating }: ExpectedRouter, there: RouterThere | undefined): Found[] {
  if (!there) return ports.length > 0 ? [gap(`qrouter-${id} is not there`, [id], resyncL3)] : [];
  const wanted = new Map(ports.flatMap(port => (deviceOf(port) === undefined ? [] : [[deviceOf(port) as string, port] as const])));
  const extra = Object.keys(there.devices).filter(device => !wanted.has(device));
  const places = [...wanted].flatMap(([device, port]): Found[] => {
    const has = there.devices[device];
    if (!has) return [gap(`${device} of the router ${id} is not there`, [id, port.id], resyncL3)];
    const all = device.startsWith('qg-') ? [...port.addresses, ...floating] : port.addresses;
    const missing = all.filter(address => !has.includes(address));
    const left = has.filter(address => !address.includes(':') && !all.includes(address));
    return [
      ...(missing.length > 0 ? [gap(`${device} of the router ${id} has not ${named(missing)}`, [id, port.id], resyncL3)] : []),
      ...(left.length > 0 ? [drift(`${device} of the router ${id} still has ${named(left)}`, [id, port.id], resyncL3)] : []),
    ];
  });
  return [...extra.map(device => drift(`${device} of the router ${id} is of no port of it`, [id], resyncL3)), ...places];
}
