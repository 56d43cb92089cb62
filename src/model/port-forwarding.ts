// Port forwardings of floating IPs: single ports, or ranges of them, that lead to ports of an instance.
import { floatingip } from './floatingip.ts';
import type { Extension } from './kit/resource.ts';
import { absent, defineResource } from './kit/resource.ts';
import { t } from './kit/types.ts';

const port = t.opt(t.int(1, 65_535));
const range = t.opt(t.special<string>('port_range', 'text'));

export const portForwarding = defineResource({
  name: 'port_forwarding',
  owner: 'project_id',
  path: 'port_forwardings',
  parent: { of: floatingip, column: 'floatingip_id' },
  notFound: { type: 'PortForwardingNotFound', id: 'id' },
  standard: false,
  fields: {
    id: { type: t.uuid, filter: true, sort: true },
    project_id: { type: t.str(255), post: true, show: false, column: false },
    /** Null for a range. */
    external_port: { type: port, post: true, put: true, default: absent, filter: true, sort: true },
    internal_port: { type: port, post: true, put: true, default: absent },
    internal_ip_address: { type: t.ip, post: true, put: true },
    protocol: {
      type: t.protocolOf('dccp', 'icmp', 'ipv6-icmp', 'sctp', 'tcp', 'udp'),
      post: true,
      put: true,
      filter: true,
      sort: true,
    },
    internal_port_id: { type: t.uuid, post: true, put: true, filter: true, sort: true },
    external_port_range: { type: range, post: true, put: true, default: absent, filter: true, sort: true },
    internal_port_range: { type: range, post: true, put: true, default: absent },
    description: { type: t.str(1024), post: true, put: true, default: '', filter: true },
  },
  unique: [
    ['floatingip_id', 'protocol', 'external_port_range'],
    ['internal_port_id', 'internal_ip_address', 'protocol', 'internal_port_range'],
  ],
});

export const portForwardingExtensions = [
  {
    alias: 'floating-ip-port-forwarding',
    name: 'Floating IP Port Forwarding',
    description: 'Single ports of a floating IP lead to ports of instances',
    updated: '2018-01-19T10:00:00-00:00',
  },
  {
    alias: 'floating-ip-port-forwarding-detail',
    name: 'Floating IP port forwarding detail',
    description: 'A floating IP shows the id and the internal port of its port forwardings',
    updated: '2022-05-06T10:00:00-00:00',
  },
  {
    alias: 'floating-ip-port-forwarding-description',
    name: 'Floating IP Port Forwarding new attribute description',
    description: 'Port forwardings have descriptions',
    updated: '2019-11-01T10:00:00-00:00',
  },
  {
    alias: 'floating-ip-port-forwarding-port-ranges',
    name: 'Floating IP Port Forwarding support port ranges',
    description: 'Ranges of ports lead to ranges of the same size, or to one port',
    updated: '2020-07-01T10:00:00-00:00',
  },
  {
    alias: 'expose-port-forwarding-in-fip',
    name: 'Expose Floating IP port forwardings',
    description: 'A floating IP shows its port forwardings',
    updated: '2018-06-28T16:00:00-00:00',
  },
] as const satisfies readonly Extension[];
