// The numbers that an agent tells of itself and of the ports of its host. Names are for dashboards: they stay.
import type { Metric } from '../contracts/metrics.ts';

const ofPorts = (what: string, help: string): Metric => ({
  name: `weft_port_${what}_total`,
  type: 'counter',
  help: `${help}, by direction: egress is what the port sends.`,
});

export const agentMetrics: readonly Metric[] = [
  ofPorts('bytes', 'Bytes of a port'),
  ofPorts('packets', 'Packets of a port'),
  ofPorts('dropped', 'Packets of a port that its device dropped'),
  ofPorts('errors', 'Packets of a port with errors'),
  {
    name: 'weft_port_firewall_dropped_total',
    type: 'counter',
    help: 'Packets of a port that its security groups or anti-spoofing dropped.',
  },
  { name: 'weft_ports', type: 'gauge', help: 'Ports of this host, by whether they are wired.' },
  { name: 'weft_agent_reporting', type: 'gauge', help: 'Whether the agent reports its state: 0 while it cannot do its work.' },
  { name: 'weft_packets_logged_total', type: 'counter', help: 'Lines of packets that were logged.' },
  { name: 'weft_packets_not_logged_total', type: 'counter', help: 'Packets that came to the agent and were more than the limit.' },
  { name: 'process_resident_memory_bytes', type: 'gauge', help: 'Memory of the process.' },
  { name: 'process_cpu_seconds_total', type: 'counter', help: 'Time of the process on processors.' },
];
