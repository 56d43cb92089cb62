// The agents as programs with their tables of options.
import { extensionsOf } from '../../../agent/l2/extensions.ts';
import type { Option } from '../option.ts';
import type { Program } from '../program.ts';
import { amqpOptions } from '../rabbit.ts';
import { commonOptions, proxyOptions } from './common.ts';
import { dhcpOptions } from './dhcp.ts';
import { l3Options } from './l3.ts';
import { linuxbridgeOptions } from './linuxbridge.ts';
import { metadataOptions } from './metadata.ts';
import { openvswitchOptions } from './openvswitch.ts';
import { type AgentKind, type AgentSettings, defaultAgentSettings, refuseAgent } from './settings.ts';

const own: Readonly<Record<AgentKind, readonly Option<AgentSettings>[]>> = {
  linuxbridge: linuxbridgeOptions,
  openvswitch: openvswitchOptions,
  dhcp: [...proxyOptions, ...dhcpOptions],
  l3: [...proxyOptions, ...l3Options],
  metadata: [...proxyOptions, ...metadataOptions],
};

const titles: Readonly<Record<AgentKind, string>> = {
  linuxbridge: 'Linux bridge agent',
  openvswitch: 'Open vSwitch agent',
  dhcp: 'DHCP agent',
  l3: 'L3 agent',
  metadata: 'Metadata agent',
};

/** Below /etc/neutron. */
const files: Readonly<Record<AgentKind, string>> = {
  linuxbridge: 'plugins/ml2/linuxbridge_agent.ini',
  openvswitch: 'plugins/ml2/openvswitch_agent.ini',
  dhcp: 'dhcp_agent.ini',
  l3: 'l3_agent.ini',
  metadata: 'metadata_agent.ini',
};

const agentProgram = (kind: AgentKind): Program<AgentSettings> => ({
  name: `${kind}-agent`,
  title: titles[kind],
  files: ['neutron.conf', files[kind]],
  dirs: ['agent.conf.d', 'conf.d/common', `conf.d/neutron-${kind}-agent`],
  options: [...commonOptions, ...own[kind]],
  idleSections: { cache: 'nothing is cached outside the agent' },
  defaults: defaultAgentSettings,
  whole(settings) {
    refuseAgent(kind, settings);
    if (settings.messaging.transportUrl !== '') amqpOptions(settings.messaging);
  },
  doubts: settings => (kind === 'linuxbridge' || kind === 'openvswitch' ? extensionDoubts(kind, settings) : []),
});

function extensionDoubts(kind: keyof typeof extensionsOf, { extensions, openvswitch }: AgentSettings): string[] {
  const here = extensionsOf[kind];
  const missing = extensions
    .filter(name => !here.includes(name))
    .map(name => `[agent] extensions: this agent has no ${name}, only ${here.join(' and ')}`);
  const isMute =
    kind === 'openvswitch' && extensions.includes('log') && !(openvswitch.securityGroups && openvswitch.firewallDriver === 'openvswitch');
  return isMute ? [...missing, '[agent] extensions: log has no effect without firewall_driver = openvswitch'] : missing;
}

export const agentProgramOf: Readonly<Record<AgentKind, Program<AgentSettings>>> = {
  linuxbridge: agentProgram('linuxbridge'),
  openvswitch: agentProgram('openvswitch'),
  dhcp: agentProgram('dhcp'),
  l3: agentProgram('l3'),
  metadata: agentProgram('metadata'),
};
