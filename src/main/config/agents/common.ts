// Options that all agents have: who they are, where their files and logs are, and how they talk with the server.

import { address } from '../metrics-options.ts';
import { idleOption, missed, noEffect, option, section } from '../option.ts';
import { rabbitOptions, transportUrl } from '../rabbit.ts';
import { bool, checked, float, int, named, oneOf, string } from '../values.ts';
import { type AgentSettings, sets, within } from './settings.ts';
import { absolutePath } from './types.ts';

/** Only what differs from the defaults is handed on: what the URL says counts more. */
const rabbit = Object.entries(rabbitOptions).map(([name, { type, help, default: otherwise, deprecated = [] }]) => {
  const effect = (settings: AgentSettings, text: string): AgentSettings => {
    const { messaging } = settings;
    return text === otherwise ? settings : { ...settings, messaging: { ...messaging, rabbit: { ...messaging.rabbit, [name]: text } } };
  };
  return option(name, checked(type), help, effect, { default: otherwise, deprecated });
});

const root = noEffect('the agent runs as root itself');
const oneProcess = noEffect('an agent is one process, and works on as much at once as is good');

const ownPlace = missed('it writes to a file or to the standard error output');
const ownForm = missed('lines have the form that oslo.log gives them by default');

const process = section<AgentSettings>('DEFAULT', [
  option('host', named, 'what this machine is called as a host of agents; without it its name', within('messaging', 'host')),
  option('state_path', absolutePath, 'where pid files, leases and configurations of daemons are', sets('statePath'), {
    default: '/var/lib/neutron',
  }),
  option('debug', bool, 'log more', sets('debug'), { default: 'false' }),
  option('log_file', string, 'where lines are written in place of the standard error output', sets('logFile'), { default: '' }),
  option('log_dir', string, 'the folder of log files', sets('logDir'), { default: '', deprecated: [{ name: 'logdir' }] }),
  idleOption('use_syslog', bool, 'syslog', ownPlace, { default: 'false' }),
  idleOption('use_journal', bool, 'the journal', missed('what is written to the standard error output gets there, and nothing else'), {
    default: 'false',
  }),
  idleOption('log_config_append', string, 'a configuration of Python’s logging', ownPlace),
  idleOption('log_date_format', string, 'the form of times', ownForm, { default: '%Y-%m-%d %H:%M:%S' }),
  idleOption('logging_context_format_string', string, 'the form of lines of a request', ownForm),
  idleOption('logging_default_format_string', string, 'the form of other lines', ownForm),
  idleOption('watch_log_file', bool, 'the file is opened anew when it was moved', noEffect('SIGHUP has the file opened anew'), {
    default: 'false',
  }),
]);

const messages = section<AgentSettings>('DEFAULT', [
  option('transport_url', transportUrl, 'the broker, `rabbit://user:password@host:port/vhost`', within('messaging', 'transportUrl'), {
    default: '',
  }),
  option('control_exchange', named, 'the exchange of topics', within('messaging', 'controlExchange'), { default: 'neutron' }),
  option('rpc_response_timeout', int(1, 86_400), 'seconds that an answer may take', sets('answerSeconds'), { default: '60' }),
  option('rpc_response_max_timeout', int(1, 86_400), 'seconds that it may take after others took too long', sets('longestAnswerSeconds'), {
    default: '600',
  }),
  idleOption('executor_thread_pool_size', int(1), 'threads', oneProcess, { default: '64', deprecated: [{ name: 'rpc_thread_pool_size' }] }),
  idleOption('rpc_conn_pool_size', int(1), 'connections', noEffect('an agent has one connection'), { default: '30' }),
]);

const agent = section<AgentSettings>('agent', [
  option('report_interval', float(1, 3600), 'seconds between two reports to the server', sets('reportInterval'), { default: '30' }),
  option('availability_zone', named, 'the zone of this host', sets('availabilityZone'), { default: 'nova' }),
  option('log_agent_heartbeats', bool, 'the server logs each report', sets('logHeartbeats'), { default: 'false' }),
  idleOption('root_helper', string, 'how to become root', root, { default: 'sudo' }),
  idleOption('root_helper_daemon', string, 'the same, as a daemon', root),
  idleOption('use_helper_for_ns_read', bool, 'the same, for lists of namespaces', root, { default: 'true' }),
  idleOption('kill_scripts_path', string, 'scripts that end daemons', noEffect('daemons are ended by signals'), {
    default: '/etc/neutron/kill_scripts/',
  }),
  idleOption(
    'check_child_processes_interval',
    int(0),
    'seconds between looks at daemons',
    noEffect('they are looked at every second or two'),
    {
      default: '60',
    },
  ),
  idleOption(
    'check_child_processes_action',
    oneOf('respawn', 'exit'),
    'what becomes of a daemon that died',
    noEffect('it is started again, and the agent goes on'),
    { default: 'respawn' },
  ),
  idleOption('comment_iptables_rules', bool, 'comments in rules', noEffect('rules have the marks that they need'), { default: 'true' }),
  idleOption('debug_iptables_rules', bool, 'rules are compared twice', noEffect('a pass of its own compares them'), { default: 'false' }),
  idleOption('use_random_fully', bool, 'ports of translated connections by chance', noEffect('they are wherever iptables can'), {
    default: 'true',
  }),
]);

const ofTheServer = section<AgentSettings>('DEFAULT', [
  idleOption('auth_strategy', string, 'who callers of the API are', noEffect('it is the server that is called'), { default: 'keystone' }),
]);

const weft = section<AgentSettings>('weft', [
  option(
    'agent_metrics_listen',
    address,
    'where `/metrics` of this agent is served for Prometheus; without it nowhere',
    sets('metricsListen'),
  ),
]);

const others = [
  ...section<AgentSettings>('oslo_concurrency', [
    idleOption('lock_path', string, 'files of locks', noEffect('an agent has no locks in files')),
    idleOption('disable_process_locking', bool, 'none', noEffect('an agent has no locks in files'), { default: 'false' }),
  ]),
  ...section<AgentSettings>('experimental', [
    idleOption('linuxbridge', bool, 'that Linux bridges are experimental', noEffect('they are not experimental here'), {
      default: 'false',
    }),
  ]),
];

export const commonOptions = [
  ...process,
  ...messages,
  ...section<AgentSettings>('oslo_messaging_rabbit', rabbit),
  ...agent,
  ...ofTheServer,
  ...weft,
  ...others,
];

/** Of the agents that start metadata proxies, and of the one that these ask. */
export const proxyOptions = section<AgentSettings>('DEFAULT', [
  option('metadata_proxy_socket', absolutePath, 'where the metadata agent listens', sets('metadataSocket'), {
    default: '$state_path/metadata_proxy',
  }),
  option('metadata_proxy_user', string, 'who the metadata proxies run as (default: nobody)', sets('proxyUser'), { default: '' }),
  option('metadata_proxy_group', string, 'their group (default: nogroup)', sets('proxyGroup'), { default: '' }),
]);
