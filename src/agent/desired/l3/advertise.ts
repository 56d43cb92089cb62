// Which internal devices send router advertisements, and what they say.
import type { RaInterface } from '../../render/radvd.ts';
import { internalDevice } from './names.ts';
import type { RouterPort, RouterView } from './view.ts';

/** One entry per internal port with a subnet whose `ipv6_ra_mode` asks for it; the others are silent. */
export function advertisements(router: RouterView): RaInterface[] {
  return router.interfaces.flatMap(port => advertisement(port) ?? []);
}

function advertisement(port: RouterPort): RaInterface | undefined {
  const subnets = port.subnets.filter(s => s.raMode !== undefined).sort((a, b) => (a.cidr < b.cidr ? -1 : 1));
  if (subnets.length === 0) return undefined;
  return {
    device: internalDevice(port.id),
    mtu: port.mtu,
    managed: subnets.some(s => s.raMode === 'dhcpv6-stateful'),
    other: subnets.some(s => s.raMode === 'dhcpv6-stateless'),
    prefixes: subnets.map(s => ({ cidr: s.cidr, autonomous: s.raMode !== 'dhcpv6-stateful' })),
    dnsServers: [...new Set(subnets.flatMap(s => s.dnsServers))],
  };
}
