// The agents by their kinds: what starts each, and what it is called in Neutron.
import type { AgentContext, AgentPart } from '../agent/context.ts';
import { startDhcpAgent } from '../agent/dhcp/agent.ts';
import { startL3Agent } from '../agent/l3/agent.ts';
import { startLinuxbridgeAgent } from '../agent/linuxbridge/agent.ts';
import { startMetadataAgent } from '../agent/metadata/agent.ts';
import { startOpenvswitchAgent } from '../agent/openvswitch/agent.ts';
import type { AgentKind } from './config/agents/settings.ts';

export const agentStarts: Readonly<Record<AgentKind, (ctx: AgentContext) => Promise<AgentPart>>> = {
  linuxbridge: startLinuxbridgeAgent,
  openvswitch: startOpenvswitchAgent,
  dhcp: startDhcpAgent,
  l3: startL3Agent,
  metadata: startMetadataAgent,
};
