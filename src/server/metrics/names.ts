// The numbers that a server tells of itself. Names are for dashboards: they stay.
import type { Metric } from '../../contracts/metrics.ts';

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export const ownMetrics: readonly Metric[] = [
  { name: 'weft_http_requests_total', type: 'counter', help: 'Requests, by method, route and status.' },
  { name: 'weft_http_request_duration_seconds', type: 'histogram', help: 'Time to an answer, by method and route.', buckets: seconds },
  { name: 'weft_decisions_total', type: 'counter', help: 'Changes that were committed.' },
  { name: 'weft_decision_retries_total', type: 'counter', help: 'Decisions made again since others came before, by what moved.' },
  { name: 'weft_store_statements_total', type: 'counter', help: 'Statements sent to the database.' },
  { name: 'weft_store_pool_open', type: 'gauge', help: 'Connections to the database.' },
  { name: 'weft_store_pool_idle', type: 'gauge', help: 'Connections to the database that nobody works with.' },
  { name: 'weft_store_pool_waiting', type: 'gauge', help: 'Work that waits for a connection to the database.' },
  { name: 'weft_bus_casts_total', type: 'counter', help: 'Messages handed over to agents, by method.' },
  { name: 'weft_bus_connected', type: 'gauge', help: 'Processes that are connected to the broker.' },
  { name: 'weft_outbox_delivered_total', type: 'counter', help: 'Facts that were told, by reader.' },
  { name: 'weft_outbox_lag_seconds', type: 'gauge', help: 'Age of the oldest fact that is not told yet, by reader.', together: 'most' },
  { name: 'weft_outbox_backlog', type: 'gauge', help: 'Facts that are not told yet, by reader.', together: 'most' },
  { name: 'weft_outbox_dropped_total', type: 'counter', help: 'Facts that were dropped since too many waited, by reader.' },
  { name: 'weft_agents', type: 'gauge', help: 'Agents, by type and whether they are alive.' },
  { name: 'weft_workers', type: 'gauge', help: 'Processes of the server, by role.' },
  { name: 'weft_worker_restarts_total', type: 'counter', help: 'Times that a process of the server was started again, by role.' },
  { name: 'process_resident_memory_bytes', type: 'gauge', help: 'Memory of all processes of the server.' },
  { name: 'nodejs_heap_size_used_bytes', type: 'gauge', help: 'Memory of objects of all processes of the server.' },
  {
    name: 'nodejs_eventloop_lag_p99_seconds',
    type: 'gauge',
    help: 'What work waited for other work since the last scrape.',
    together: 'most',
  },
  { name: 'nodejs_eventloop_lag_max_seconds', type: 'gauge', help: 'The same at its longest.', together: 'most' },
  { name: 'process_cpu_seconds_total', type: 'counter', help: 'Time on processors of all processes of the server.' },
];

const gauge = (name: string, help: string): Metric => ({ name: `openstack_neutron_${name}`, type: 'gauge', help });

/** As openstack-exporter calls them, labels and all. */
export const exporterMetrics: readonly Metric[] = [
  gauge('up', 'Whether the numbers of networks and the like could be read.'),
  { ...gauge('agent_state', 'Whether an agent is alive.'), type: 'counter' },
  gauge('floating_ips', 'Floating IPs.'),
  gauge('floating_ips_associated_not_active', 'Floating IPs that have a port and are not active.'),
  gauge('networks', 'Networks.'),
  gauge('ports', 'Ports.'),
  gauge('ports_no_ips', 'Active ports without an address.'),
  gauge('routers', 'Routers.'),
  gauge('routers_not_active', 'Routers that are not active.'),
  gauge('router', 'One for each router.'),
  gauge('l3_agent_of_router', 'Whether an agent that has the router is alive.'),
  gauge('security_groups', 'Security groups.'),
  gauge('subnets', 'Subnets.'),
  gauge('network_ip_availabilities_total', 'Addresses of a subnet.'),
  gauge('network_ip_availabilities_used', 'Addresses of a subnet that are in use.'),
];
