// weft agent: one of Neutron's agents, told by Neutron's files.
import { flag, text, type Verb } from '../verb.ts';
import { type ConfigSource, configFilesOf, configOption } from './config-option.ts';

export interface AgentOptions {
  readonly kind: string;
  readonly configSources: readonly ConfigSource[];
  readonly busSocket: string | undefined;
  readonly debug: boolean;
  /** These count more than what the files say. */
  readonly logFile: string | undefined;
  readonly logDir: string | undefined;
  readonly statePath: string | undefined;
}

export function agentVerb(work: (options: AgentOptions) => Promise<number>): Verb {
  const { 'config-file': file, 'config-dir': dir } = configOption;
  return {
    path: ['agent'],
    usage: 'linuxbridge|openvswitch|dhcp|l3|metadata',
    summary: "run one of Neutron's agents on this machine, and stay until stopped",
    details: [
      "It meets the server, Weft's or Neutron's, on the broker that transport_url names, and is told by the files of Neutron's agent of that name: neutron.conf with linuxbridge_agent.ini, openvswitch_agent.ini, dhcp_agent.ini, l3_agent.ini or metadata_agent.ini. SIGHUP has it read them again, for what the log says and where; SIGTERM ends it, and what it made stays.",
      'The Open vSwitch agent is not whole yet: what it does not have it says at its start.',
    ],
    examples: [
      'weft agent linuxbridge --config-file /etc/neutron/neutron.conf --config-file /etc/neutron/plugins/ml2/linuxbridge_agent.ini',
      'weft agent dhcp --config-file /etc/neutron/neutron.conf --config-file /etc/neutron/dhcp_agent.ini',
    ],
    options: {
      ...(file ? { 'config-file': { ...file, help: "options, under the names of the files of Neutron's agents" } } : {}),
      ...(dir ? { 'config-dir': dir } : {}),
      'bus-socket': { type: 'string', value: 'FILE', help: 'meet a server of this machine at bus.sock in its state directory instead' },
      'log-file': { type: 'string', value: 'FILE', help: 'where lines are written (default: standard error output)' },
      'log-dir': { type: 'string', value: 'DIR', help: 'the folder of that file; alone: of one called as the agent' },
      'state-path': { type: 'string', value: 'DIR', help: 'where pid files, leases and configurations of daemons are' },
      debug: { type: 'boolean', help: 'log more' },
    },
    args: [1, 1],
    run: call =>
      work({
        kind: call.args[0] ?? '',
        configSources: configFilesOf(call).configSources,
        busSocket: text(call, 'bus-socket'),
        debug: flag(call, 'debug'),
        logFile: text(call, 'log-file'),
        logDir: text(call, 'log-dir'),
        statePath: text(call, 'state-path'),
      }),
  };
}
