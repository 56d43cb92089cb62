// Where QoS policies are used: on networks, ports, floating IPs and the gateways of routers.
import type { Extension, Fields } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

const own = { qos_policy_id: { type: t.opt(t.uuid), post: true, put: true, default: null, policed: true } } as const satisfies Fields;
const ofNetwork = { qos_network_policy_id: { type: t.any<string | null>(), column: false } } as const satisfies Fields;

/** What a port asks of the host that it will be on, as Placement's request groups. */
export interface ResourceRequest {
  readonly request_groups: readonly RequestGroup[];
  readonly same_subtree: readonly string[];
}

export interface RequestGroup {
  readonly id: string;
  readonly required: readonly string[];
  readonly resources: Readonly<Record<string, number>>;
}

export const qos = {
  alias: 'qos',
  name: 'Quality of Service',
  description: 'Policies of quality of service, their rules, and where they are used',
  updated: '2015-06-08T10:00:00-00:00',
  adds: { network: own, port: own },
} as const satisfies Extension;

export const qosFip = {
  alias: 'qos-fip',
  name: 'Floating IP QoS',
  description: 'QoS policies of floating IPs',
  updated: '2017-07-20T00:00:00-00:00',
  adds: { floatingip: own },
} as const satisfies Extension;

export const qosFipNetworkPolicy = {
  alias: 'qos-fip-network-policy',
  name: 'QoS floating IP network policy ID',
  description: "The QoS policy of a floating IP's network",
  updated: '2021-11-15T10:00:00-00:00',
  adds: { floatingip: ofNetwork },
} as const satisfies Extension;

export const qosPortNetworkPolicy = {
  alias: 'qos-port-network-policy',
  name: 'QoS port network policy ID',
  description: "The QoS policy of a port's network",
  updated: '2019-11-01T10:00:00-00:00',
  adds: { port: ofNetwork },
} as const satisfies Extension;

export const portResourceRequest = {
  alias: 'port-resource-request',
  name: 'Port Resource Request',
  description: 'What a port asks of Placement',
  updated: '2018-05-08T10:00:00-00:00',
  adds: { port: { resource_request: { type: t.any<ResourceRequest | null>(), column: false } } },
} as const satisfies Extension;

export const portResourceRequestGroups = {
  alias: 'port-resource-request-groups',
  name: 'Port Resource Request Groups',
  description: 'What a port asks of Placement is in groups',
  updated: '2021-08-02T10:00:00-00:00',
} as const satisfies Extension;

export const qosGatewayIp = {
  alias: 'qos-gateway-ip',
  name: 'Router gateway IP QoS',
  description: 'QoS policies of router gateways',
  updated: '2018-02-24T00:00:00-00:00',
} as const satisfies Extension;
