// What clients change, ask for and take away, beside removing objects.
import type { Body } from '../client.ts';
import type { Chance } from './chance.ts';
import type { Objects } from './objects.ts';
import { newcomers, type Scene } from './scene.ts';

export type Change = readonly [method: string, path: string, body?: Body];

export function changes(o: Objects, scene: Scene, by: Chance): readonly (() => Change)[] {
  return [...ofRouters(o, scene, by), ...ofOthers(o, by), ...ofNewcomers(by)];
}

function ofRouters(o: Objects, { external, beyond }: Scene, by: Chance): readonly (() => Change)[] {
  const path = (): string => `routers/${o.id('router', by)}`;
  const interfaces = (): string => `${path()}/${by.pick(['add', 'add', 'remove'])}_router_interface`;
  const change = (router: Body): Change => ['PUT', path(), { router }];
  const flag = (): boolean => by.often(0.5);
  return [
    () => ['PUT', interfaces(), { subnet_id: o.id('subnet', by) }],
    () => ['PUT', interfaces(), { subnet_id: o.id('subnet', by) }],
    () => ['PUT', interfaces(), { port_id: o.id('port', by) }],
    () => change({ external_gateway_info: by.pick([{}, { network_id: external }]) }),
    () => {
      const several = by.pick([[], [external], [beyond], [beyond, external], [external, beyond, beyond]]);
      const external_gateways = several.map(network_id => ({ network_id }));
      return ['PUT', `${path()}/${by.pick(['add', 'update', 'remove'])}_external_gateways`, { router: { external_gateways } }];
    },
    () => change({ ha: flag() }),
    () => change({ distributed: flag() }),
    () => change({ ha: flag(), distributed: flag() }),
    () => change({ enable_ndp_proxy: flag() }),
    () => change({ admin_state_up: flag() }),
    () => ['PUT', `floatingips/${o.id('floatingip', by)}`, { floatingip: { port_id: by.pick([null, o.id('port', by)]) } }],
  ];
}

function ofOthers(o: Objects, by: Chance): readonly (() => Change)[] {
  const sub = { segmentation_type: 'vlan', segmentation_id: 5 };
  const pool = (): string => `subnetpools/${o.id('subnetpool', by)}`;
  const flavor = (): string => `flavors/${o.id('flavor', by)}`;
  const profiles = (): Body => ({ service_profiles: [o.id('service_profile', by)] });
  const tagged = (): string => by.pick([`networks/${o.id('network', by)}`, `trunks/${o.id('trunk', by)}`]);
  const scope = (): Body => ({ address_scope_id: by.pick([null, o.id('address_scope', by)]) });
  return [
    () => {
      const port = { 'binding:host_id': by.pick(['', 'h']), ...by.maybe(0.3, { qos_policy_id: o.id('policy', by) }) };
      return ['PUT', `ports/${o.id('port', by)}`, { port }];
    },
    () => {
      const path = `trunks/${o.id('trunk', by)}/${by.pick(['add', 'remove'])}_subports`;
      return ['PUT', path, { sub_ports: [{ port_id: o.id('port', by), ...sub }] }];
    },
    () => ['PUT', `${tagged()}/tags/t`],
    () => ['PUT', `${pool()}/onboard_network_subnets`, { network_id: o.id('network', by) }],
    () => ['PUT', pool(), { subnetpool: scope() }],
    () => ['PUT', `subnets/${o.id('subnet', by)}`, { subnet: { segment_id: o.id('segment', by) } }],
    () => ['PUT', `rbac-policies/${o.id('rbac_policy', by)}`, { rbac_policy: { target_tenant: by.pick(['*', ...newcomers]) } }],
    () => ['PUT', flavor(), { flavor: { enabled: by.often(0.8), ...by.maybe(0.5, profiles()) } }],
    () => ['DELETE', `${flavor()}/service_profiles/${o.id('service_profile', by)}`],
    () => ['PUT', `networks/${o.id('network', by)}`, { network: { shared: by.often(0.5) } }],
  ];
}

/** Automatic topologies, asked for and removed by several at once. */
function ofNewcomers(by: Chance): readonly (() => Change)[] {
  const topology = (): string => `auto-allocated-topology/${by.pick(newcomers)}`;
  return [() => ['GET', topology()], () => ['GET', topology()], () => ['DELETE', topology()]];
}
