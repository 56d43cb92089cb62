// Router → the state of its namespace. Pure: the same router and options always give the same state.
import type { FirewallGateway, RouterFirewall } from '../../render/l3-firewall.ts';
import { advertisements } from './advertise.ts';
import { gatewayDevice, internalDevice, namespaceOf } from './names.ts';
import { hasIpv6Gateway, routesOf } from './routes.ts';
import { scopeMarks } from './scopes.ts';
import type { RouterState, WantedDevice } from './state.ts';
import type { FloatingIp, RouterPort, RouterView } from './view.ts';

export interface RouterOptions {
  /** Absent: no metadata proxy. */
  readonly metadataPort?: number;
  /** Address scope → the mark that it has in the namespace. */
  readonly marks?: ReadonlyMap<string, string>;
}

/**
 * IPv6 duplicate address detection is off: the server hands out each address once, and an address that is
 * still being checked, or that a looped frame made the kernel give up, is an outage of the router.
 */
const SYSCTLS = [
  // The second address of a subnet stays when the first one goes.
  ['net.ipv4.conf.all.promote_secondaries', '1'],
  ['net.ipv4.conf.all.arp_ignore', '1'],
  ['net.ipv4.conf.all.arp_announce', '2'],
  ['net.ipv6.conf.default.accept_dad', '0'],
  ['net.ipv6.conf.default.accept_ra', '0'],
  ['net.ipv4.ip_forward', '1'],
  ['net.ipv6.conf.all.forwarding', '1'],
] as const;

export function routerState(router: RouterView, options: RouterOptions): RouterState {
  const { gateway } = router;
  const routes = routesOf(router);
  const metadataProxy = options.metadataPort !== undefined && router.interfaces.length > 0;
  return {
    id: router.id,
    netns: namespaceOf(router.id),
    devices: [...router.interfaces.map(internal), ...(gateway ? [external(gateway, router.floatingIps)] : [])],
    routes: routes.routes,
    sysctls: SYSCTLS,
    firewall: firewall(router, options),
    advertise: advertisements(router),
    metadataProxy,
    floatingIpStatuses: statuses(router),
    complaints: routes.complaints,
  };
}

function internal(port: RouterPort): WantedDevice {
  return { ...device(port, internalDevice(port.id)), role: 'internal', addresses: port.fixedIps.map(f => f.cidr), acceptRa: 0 };
}

function external(port: RouterPort, floatingIps: readonly FloatingIp[]): WantedDevice {
  const own = port.fixedIps.map(f => f.cidr);
  const taken = new Set(port.fixedIps.map(f => f.ip));
  const floating = floatingIps.filter(f => !taken.has(f.floating)).map(f => `${f.floating}/32`);
  return {
    ...device(port, gatewayDevice(port.id)),
    role: 'gateway',
    addresses: [...own, ...floating],
    acceptRa: hasIpv6Gateway(port) ? 0 : 2,
  };
}

function device(port: RouterPort, name: string): Pick<WantedDevice, 'name' | 'portId' | 'networkId' | 'mac' | 'mtu'> {
  return { name, portId: port.id, networkId: port.networkId, mac: port.mac, mtu: port.mtu };
}

function firewall(router: RouterView, options: RouterOptions): RouterFirewall {
  const marks = scopeMarks(scopesOf(router), options.marks);
  const markOf = (scope: string | null): string => marks.get(scope) ?? marks.get(null) ?? '';
  const externalScope = router.gateway?.scopes[4] ?? null;
  const devices = [
    ...router.interfaces.map(port => ({ port, device: internalDevice(port.id) })),
    ...(router.gateway ? [{ port: router.gateway, device: gatewayDevice(router.gateway.id) }] : []),
  ];
  // Without a gateway there is nothing that a floating IP could be on.
  const floatingIps = router.gateway ? router.floatingIps : [];
  return {
    ...(router.gateway ? { gateway: firewallGateway(router.gateway, router.enableSnat, markOf) } : {}),
    scopes: {
      4: devices.map(d => ({ device: d.device, mark: markOf(d.port.scopes[4]) })),
      6: devices.map(d => ({ device: d.device, mark: markOf(d.port.scopes[6]) })),
    },
    floatingIps: floatingIps.flatMap(f =>
      f.fixed === undefined
        ? []
        : [{ floating: f.floating, fixed: f.fixed, ...(f.fixedScope === externalScope ? {} : { scopeMark: markOf(f.fixedScope) }) }],
    ),
    forwardings: floatingIps.flatMap(f =>
      f.forwardings.map(p => ({
        floating: f.floating,
        id: p.id,
        protocol: p.protocol,
        externalPorts: p.externalPorts,
        to: `${p.internalIp}:${p.internalPorts}`,
      })),
    ),
    helpers: router.conntrackHelpers,
    ...(options.metadataPort === undefined ? {} : { metadataPort: options.metadataPort }),
  };
}

function firewallGateway(port: RouterPort, snat: boolean, markOf: (scope: string | null) => string): FirewallGateway {
  const address = port.fixedIps.find(f => f.family === 4)?.ip;
  return {
    device: gatewayDevice(port.id),
    ...(address === undefined ? {} : { address }),
    snat,
    scopeMark: markOf(port.scopes[4]),
    ...(port.scopes[4] === null ? {} : { sameScopeMark: markOf(port.scopes[4]) }),
  };
}

function scopesOf(router: RouterView): (string | null)[] {
  const ports = [...router.interfaces, ...(router.gateway ? [router.gateway] : [])];
  return [...ports.flatMap(p => [p.scopes[4], p.scopes[6]]), ...router.floatingIps.map(f => f.fixedScope)];
}

function statuses(router: RouterView): Map<string, 'ACTIVE' | 'DOWN' | 'ERROR'> {
  const out = new Map<string, 'ACTIVE' | 'DOWN' | 'ERROR'>();
  for (const id of router.refusedFloatingIps) out.set(id, 'ERROR');
  for (const fip of router.floatingIps) out.set(fip.id, router.gateway ? 'ACTIVE' : 'DOWN');
  return out;
}
