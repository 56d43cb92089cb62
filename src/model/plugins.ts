// The names that `service_plugins` may have: of what an operator switches on, and of what is a plug-in in Neutron and always there here.
import { extensions } from './registry.ts';

const always: readonly string[] = [
  'router',
  'metering',
  'qos',
  'tag',
  'flavors',
  'auto_allocate',
  'segments',
  'network_ip_availability',
  'network_segment_range',
  'revisions',
  'timestamp',
  'trunk',
  'log',
  'port_forwarding',
  'conntrack_helper',
  'local_ip',
  'ndp_proxy',
  'placement',
];

export function isPlugin(name: string): boolean {
  return always.includes(name) || extensions.some(e => e.plugin === name);
}
