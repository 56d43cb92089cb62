// Where the instances behind a distributed router are translated: one port beside each of its interfaces, on the host of its gateway.
import type { Row } from '../../contracts/store.ts';
import { isRouterInterface, owners } from '../../domain/ipam/owners.ts';
import type { FixedIp } from '../../model/port.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { byIds } from './load.ts';
import { createPort } from './port-create.ts';
import { removePortRows } from './port-rows.ts';
import { hostOf, type RouterPort } from './router-rows.ts';

/** For each interface that has none. */
export async function makeSnatPorts(services: Services, draft: Draft, router: Row, ports: readonly RouterPort[]): Promise<void> {
  const standing = new Set(ports.filter(p => p.type === owners.routerSnat).flatMap(p => p.fixed_ips.map(f => f.subnet_id)));
  for (const { port, fixed_ips } of ports.filter(p => isRouterInterface(p.type))) {
    const missing = fixed_ips.filter(f => !standing.has(f.subnet_id));
    if (missing.length > 0) await makeSnatPort(services, draft, router, String(port.network_id), missing);
  }
}

export async function makeSnatPort(
  services: Services,
  draft: Draft,
  router: Row,
  networkId: string,
  beside: readonly Pick<FixedIp, 'subnet_id'>[],
): Promise<void> {
  const net = (await byIds(services, 'networks', [networkId])).get(networkId);
  if (!net) return;
  const made = await createPort(services, draft, net, {
    project_id: '',
    device_id: router.id,
    device_owner: owners.routerSnat,
    security_groups: [],
    port_security_enabled: false,
    fixed_ips: beside.map(({ subnet_id }) => ({ subnet_id })),
    'binding:host_id': await hostOf(services, String(router.id)),
  });
  const port_id = String(made.row.id);
  draft.insert('router_ports', { router_id: router.id ?? '', port_id, port_type: owners.routerSnat, network_id: networkId });
}

/** All of them, or those on these subnets. */
export async function dropSnatPorts(
  services: Services,
  draft: Draft,
  ports: readonly RouterPort[],
  subnets?: readonly string[],
): Promise<void> {
  const going = ports.filter(
    p => p.type === owners.routerSnat && (subnets === undefined || p.fixed_ips.some(f => subnets.includes(f.subnet_id))),
  );
  await removePortRows(
    services,
    draft,
    going.map(p => p.port),
  );
}
