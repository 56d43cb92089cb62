// Options of Neutron's server that are known by name and have no effect here, by the reason.
import { idleOption, missed, noEffect, type Option, type Row, section, type Type, type Without } from './option.ts';
import type { ServerProcess } from './server-process.ts';
import { bool, string } from './values.ts';

type Rows = readonly Row<ServerProcess>[];

/** Names with their defaults in Neutron; null: none. */
function idle(effect: Without, type: Type<unknown>, names: Readonly<Record<string, string | null>>): Rows {
  return Object.entries(names).map(
    ([name, otherwise]): Row<ServerProcess> => idleOption(name, type, '', effect, otherwise === null ? {} : { default: otherwise }),
  );
}

const text = string as Type<unknown>;
const truth = bool as Type<unknown>;

const noPool = noEffect('the server does not keep pools of threads and connections');
const ownLog = noEffect('the log has the form and the places that log_file, log_dir, use_json and use_stderr give it');
const ownPlace = missed('the log has the form and the places that log_file, log_dir, use_json and use_stderr give it');
const ownWsgi = noEffect('the server speaks HTTP itself');
const ownRetry = noEffect('what is tried again, and for how long, is the store’s own business');
const ownDialect = noEffect('the store speaks to the database itself');
const always = noEffect('it is always there');
const atAgents = noEffect('agents look at it, and not the server');
const noLocks = noEffect('processes agree by the database');

const ofProcess: Rows = [
  ...idle(noPool, text, {
    ...{ executor_thread_pool_size: '64', rpc_conn_pool_size: '30', conn_pool_min_size: '2', conn_pool_ttl: '1200' },
    ...{ wsgi_default_pool_size: '100' },
  }),
  ...idle(ownLog, truth, {
    ...{ watch_log_file: 'false', use_eventlog: 'false', publish_errors: 'false' },
    ...{ fatal_deprecations: 'false', log_options: 'true' },
  }),
  ...idle(ownPlace, truth, { use_syslog: 'false', use_journal: 'false' }),
  ...idle(ownPlace, text, {
    ...{ log_config_append: null, log_date_format: '%Y-%m-%d %H:%M:%S' },
    ...{ logging_context_format_string: null, logging_default_format_string: null },
  }),
  ...idle(ownLog, text, {
    ...{ syslog_log_facility: 'LOG_USER' },
    ...{ log_rotate_interval: '1', log_rotate_interval_type: 'days', max_logfile_count: '30', max_logfile_size_mb: '200' },
    ...{ log_rotation_type: 'none' },
    ...{ logging_debug_format_suffix: null, logging_exception_prefix: null, logging_user_identity_format: null, default_log_levels: null },
    ...{ instance_format: null, instance_uuid_format: null, rate_limit_interval: '0', rate_limit_burst: '0' },
    ...{ rate_limit_except_level: 'CRITICAL' },
  }),
  ...idle(ownWsgi, text, {
    api_paste_config: 'api-paste.ini',
    wsgi_log_format: null,
    tcp_keepidle: '600',
    max_header_line: '16384',
    backlog: '4096',
  }),
  ...idle(ownWsgi, truth, { wsgi_keep_alive: 'true', wsgi_server_debug: 'false' }),
  ...idle(noEffect('there is no door to the inside of the server'), text, { backdoor_port: null, backdoor_socket: null }),
  ...idle(noEffect('processes are called as they are'), text, { setproctitle: 'on' }),
  ...idle(noEffect('jobs have times of their own'), truth, { run_external_periodic_tasks: 'true' }),
  ...idle(noEffect('jobs have times of their own'), text, { periodic_interval: '40', periodic_fuzzy_delay: '5' }),
];

const ofNetworks: Rows = [
  ...idle(noEffect('those that Neutron allows by default are allowed'), text, { allowed_conntrack_helpers: null }),
  ...idle(noEffect('extensions come with the server'), text, { api_extensions_path: '' }),
  ...idle(always, truth, {
    allow_bulk: 'true',
    filter_validation: 'true',
    enable_traditional_dhcp: 'true',
    enable_dvr: 'true',
    host_dvr_for_dhcp: 'true',
  }),
  ...idle(noEffect('a request for it is answered by what the drivers can do'), truth, { vlan_transparent: 'false' }),
  ...idle(noEffect('a subnet gets a delegated prefix where it asks for one'), truth, { ipv6_pd_enabled: 'false' }),
  ...idle(noEffect('the server manages addresses itself'), text, { ipam_driver: 'internal' }),
  ...idle(noEffect('a decision that others came before is made again until it holds'), text, { retry_until_window: '30' }),
  ...idle(noEffect('the server asks agents nothing'), text, { rpc_response_timeout: '60', rpc_response_max_timeout: '600' }),
  ...idle(noEffect('objects go out one message for each kind'), text, { rpc_resources_processing_step: '20' }),
  ...idle(noEffect('agents are chosen by how many networks or routers they have, spread over zones'), text, {
    ...{ dhcp_load_type: 'networks', network_scheduler_driver: 'neutron.scheduler.dhcp_agent_scheduler.WeightScheduler' },
    router_scheduler_driver: 'neutron.scheduler.l3_agent_scheduler.LeastRoutersScheduler',
  }),
  ...idle(noEffect('routers stay with their agents, and a highly available one has several'), truth, {
    allow_automatic_l3agent_failover: 'false',
  }),
  ...idle(noEffect('an agent that is switched off gets nothing new'), truth, { enable_services_on_agents_with_admin_state_down: 'false' }),
  ...idle(noEffect('addresses of distributed routers begin with fa:16:3f:00:00:00'), text, { dvr_base_mac: 'fa:16:3f:00:00:00' }),
  ...idle(noEffect('networks of highly available routers are of the first type that has room'), text, {
    ...{ l3_ha_network_type: '', l3_ha_network_physical_name: '' },
  }),
  ...idle(noEffect('Ironic hears nothing'), text, { http_retries: '3' }),
  ...idle(atAgents, text, { dhcp_lease_duration: '86400', interface_driver: null }),
];

export const idleOptions: readonly Option<ServerProcess>[] = [
  ...section<ServerProcess>('DEFAULT', [...ofProcess, ...ofNetworks]),
  ...section<ServerProcess>('database', [
    ...idle(ownRetry, text, {
      max_retries: '10',
      retry_interval: '10',
      db_retry_interval: '1',
      db_max_retry_interval: '10',
      db_max_retries: '20',
    }),
    ...idle(ownRetry, truth, { db_inc_retry_interval: 'true', use_db_reconnect: 'false' }),
    ...idle(ownDialect, text, {
      backend: 'sqlalchemy',
      engine: '',
      mysql_sql_mode: 'TRADITIONAL',
      connection_debug: '0',
      connection_parameters: '',
    }),
    ...idle(ownDialect, truth, { sqlite_synchronous: 'true', mysql_enable_ndb: 'false', connection_trace: 'false' }),
    idleOption('slave_connection', text, '', noEffect('everything is read where it is written'), { secret: true }),
  ]),
  ...section<ServerProcess>('oslo_concurrency', [
    ...idle(noLocks, text, { lock_path: null }),
    ...idle(noLocks, truth, { disable_process_locking: 'false' }),
  ]),
  ...section<ServerProcess>('oslo_policy', [
    ...idle(noEffect('an action without a rule is decided by `default`'), text, { policy_default_rule: 'default' }),
    ...idle(noEffect('no rule asks a server'), text, {
      ...{ remote_content_type: 'application/x-www-form-urlencoded', remote_ssl_verify_server_crt: 'False' },
      ...{ remote_ssl_ca_crt_file: null, remote_ssl_client_crt_file: null, remote_ssl_client_key_file: null },
    }),
  ]),
  ...section<ServerProcess>('quotas', [
    ...idle(noEffect('every resource that is counted has a limit of its own'), text, { default_quota: '-1' }),
    ...idle(noEffect('use is counted with each change'), text, {
      quota_driver: 'neutron.db.quota.driver_nolock.DbQuotaNoLockDriver',
      track_quota_usage: 'true',
    }),
  ]),
  ...section<ServerProcess>('securitygroup', [
    ...idle(atAgents, text, { firewall_driver: null, permitted_ethertypes: '' }),
    ...idle(atAgents, truth, { enable_ipset: 'true' }),
  ]),
  ...section<ServerProcess>('ml2_type_vxlan', idle(atAgents, text, { vxlan_group: null })),
  ...section<ServerProcess>('healthcheck', idle(noEffect('it is always there'), text, { path: '/healthcheck' })),
  ...section<ServerProcess>(
    'experimental',
    idle(noEffect('the Linux bridge mechanism is there without being allowed'), truth, { linuxbridge: 'false' }),
  ),
];

/** Sections of which nothing has an effect here, and why. */
export const idleSections: Readonly<Record<string, string>> = {
  agent: 'it is for agents',
  ovs: 'it is for agents of Open vSwitch',
  ovs_driver: 'which VNIC types the mechanism binds cannot be chosen',
  sriov_driver: 'there is no SR-IOV mechanism',
  ovn: 'there is no OVN mechanism',
  ironic: 'Ironic hears nothing',
  privsep: 'the server needs no privileges',
  cache: 'nothing is cached outside the server',
  oslo_reports: 'there are no reports',
  oslo_messaging_amqp: 'the bus is RabbitMQ',
  oslo_messaging_kafka: 'the bus is RabbitMQ',
  profiler: 'nothing is traced',
  designate: 'names are published by updates that a name server takes ([rfc2136])',
  network_log: 'it is for agents',
  service_providers: 'the providers of routers come with the server',
};
