// Reads a router of the `sync_routers` reply. What is malformed is left out and named; the rest of the router goes on without it.

import { isProvisional } from '../../../domain/ipam/delegation.ts';
import {
  asAddress,
  asDict,
  asInterfaceAddress,
  asIp,
  asList,
  asMac,
  asMtu,
  asPortRange,
  asPrefix,
  asText,
  asUuid,
  type Dict,
} from './values.ts';
import type { ConntrackHelper, ExtraRoute, FixedIp, Parsed, RaMode, RouterPort, SubnetView } from './view.ts';
import { readFloatingIps } from './wire-floating.ts';

export type Complain = (what: string) => void;

const RA_MODES: readonly string[] = ['slaac', 'dhcpv6-stateless', 'dhcpv6-stateful'];

export function parseRouter(value: unknown): Parsed {
  const dict = asDict(value);
  const id = asUuid(dict?.['id']);
  if (!dict || id === undefined) return { kind: 'invalid', id: undefined, why: 'a router without a valid id' };
  const unsupported = unsupportedReason(dict);
  if (unsupported !== undefined) return { kind: 'unsupported', id, why: unsupported };
  if (dict['admin_state_up'] === false) return { kind: 'down', id };

  const complaints: string[] = [];
  const complain: Complain = what => void complaints.push(what);
  const gateway = readGateway(dict, complain);
  if (gateway === 'refused') return { kind: 'invalid', id, why: complaints.join('; ') };
  const floating = readFloatingIps(dict, complain);
  const router = {
    id,
    ...(gateway ? { gateway } : {}),
    enableSnat: dict['enable_snat'] === true,
    interfaces: readInterfaces(dict, gateway, complain),
    floatingIps: floating.taken,
    refusedFloatingIps: floating.refused,
    routes: readRoutes(dict['routes'], complain),
    conntrackHelpers: readHelpers(dict['conntrack_helpers'], complain),
  };
  return { kind: 'router', router, complaints };
}

function unsupportedReason(dict: Dict): string | undefined {
  if (dict['ha'] === true) return 'HA routers are not supported by this agent: left untouched';
  if (dict['distributed'] === true) return 'distributed routers are not supported by this agent: left untouched';
  return undefined;
}

/** A gateway that cannot be read makes the whole router invalid: without it, traffic would leave untranslated or nowhere. */
function readGateway(dict: Dict, complain: Complain): RouterPort | 'refused' | undefined {
  const value = dict['gw_port'];
  if (value === undefined || value === null) return undefined;
  return readPort(value, complain) ?? 'refused';
}

function readInterfaces(dict: Dict, gateway: RouterPort | undefined, complain: Complain): RouterPort[] {
  const out: RouterPort[] = [];
  // Devices are named by the first 11 characters: two ports that share them cannot both be realised.
  const names = new Set(gateway ? [gateway.id.slice(0, 11)] : []);
  for (const value of asList(dict['_interfaces'])) {
    if (asDict(value)?.['admin_state_up'] === false) continue;
    const port = readPort(value, complain);
    if (!port) continue;
    const name = port.id.slice(0, 11);
    if (names.has(name)) complain(`port ${port.id} shares its device name with another port`);
    else out.push(port);
    names.add(name);
  }
  return out;
}

function readPort(value: unknown, complain: Complain): RouterPort | undefined {
  const dict = asDict(value) ?? {};
  const id = asUuid(dict['id']);
  const networkId = asUuid(dict['network_id']);
  const mac = asMac(dict['mac_address']);
  const mtu = asMtu(dict['mtu']);
  if (id === undefined || networkId === undefined || mac === undefined || mtu === undefined) {
    const missing = Object.entries({ id, network_id: networkId, mac_address: mac, mtu }).filter(([, v]) => v === undefined);
    complain(`port ${id ?? '?'}: bad ${missing.map(([k]) => k).join(', ')}`);
    return undefined;
  }
  const scopes = asDict(dict['address_scopes']) ?? {};
  return {
    id,
    networkId,
    mac,
    mtu,
    fixedIps: readFixedIps(placed(dict['fixed_ips'], dict['subnets']), id, complain),
    subnets: readSubnets(dict['subnets'], id, complain),
    extraSubnets: readSubnets(dict['extra_subnets'], id, complain),
    scopes: { 4: asUuid(scopes['4']) ?? null, 6: asUuid(scopes['6']) ?? null },
  };
}

/** A subnet whose prefix is to come from outside: there is nothing of it to be configured yet. */
const waits = (subnet: unknown): boolean => isProvisional(asDict(subnet)?.['cidr']);

function placed(fixedIps: unknown, subnets: unknown): unknown[] {
  const waiting = asList(subnets)
    .filter(waits)
    .map(s => asDict(s)?.['id']);
  return asList(fixedIps).filter(f => !waiting.includes(asDict(f)?.['subnet_id']));
}

function readFixedIps(value: unknown, portId: string, complain: Complain): FixedIp[] {
  return asList(value).flatMap(item => {
    const dict = asDict(item) ?? {};
    const address = asInterfaceAddress(dict['ip_address'], dict['prefixlen']);
    if (!address) complain(`port ${portId}: bad fixed IP`);
    return address ?? [];
  });
}

function readSubnets(value: unknown, portId: string, complain: Complain): SubnetView[] {
  return asList(value)
    .filter(item => !waits(item))
    .flatMap(item => {
      const subnet = readSubnet(asDict(item) ?? {});
      if (!subnet) complain(`port ${portId}: bad subnet`);
      return subnet ?? [];
    });
}

function readSubnet(dict: Dict): SubnetView | undefined {
  const prefix = asPrefix(dict['cidr']);
  if (!prefix) return undefined;
  const { family, cidr } = prefix;
  const given = dict['gateway_ip'];
  const gatewayIp = asAddress(given, family);
  if (given !== null && given !== undefined && gatewayIp === undefined) return undefined;
  const raMode = asText(dict['ipv6_ra_mode']);
  return {
    family,
    cidr,
    ...(gatewayIp === undefined ? {} : { gatewayIp }),
    dnsServers: asList(dict['dns_nameservers']).flatMap(v => asAddress(v, 6) ?? []),
    ...(family === 6 && raMode !== undefined && RA_MODES.includes(raMode) ? { raMode: raMode as RaMode } : {}),
  };
}

/** In one order: the rules are compared as texts. */
function readHelpers(value: unknown, complain: Complain): ConntrackHelper[] {
  const out = new Map<string, ConntrackHelper>();
  for (const item of asList(value)) {
    const { protocol, port, helper } = asDict(item) ?? {};
    const range = asPortRange(port);
    const name = asText(helper) ?? '';
    if ((protocol !== 'tcp' && protocol !== 'udp') || range?.first !== range?.last || !range || !/^[a-z0-9-]{1,15}$/.test(name))
      complain('bad conntrack helper');
    else out.set(`${name} ${protocol} ${range.first}`, { protocol, port: range.first, helper: name });
  }
  return [...out].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, h]) => h);
}

function readRoutes(value: unknown, complain: Complain): ExtraRoute[] {
  const out = new Map<string, ExtraRoute>();
  for (const item of asList(value)) {
    const dict = asDict(item) ?? {};
    const prefix = asPrefix(dict['destination']);
    const hop = asIp(dict['nexthop']);
    const nexthop = prefix && asAddress(dict['nexthop'], prefix.family);
    if (!prefix || !hop || nexthop === undefined) complain('bad extra route');
    else out.set(`${prefix.cidr} ${nexthop}`, { family: prefix.family, destination: prefix.cidr, nexthop });
  }
  return [...out.values()];
}
