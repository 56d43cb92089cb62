// What one agent process is told: written by `up` as a JSON file, read by agent.ts.
import type { AgentConfig } from '../agent/context.ts';
import type { LogLevel } from '../contracts/log.ts';
import type { Owner } from './on-host/made.ts';
import { publicNetwork } from './sandbox/plan.ts';

export interface AgentProcessConfig {
  readonly busSocket: string;
  readonly logs: string;
  readonly logLevel: LogLevel;
  readonly agent: AgentConfig;
  /** On the machine's own network: how what the agents make is told from what others have there. */
  readonly owner?: Owner;
}

export interface AgentPlace {
  readonly host: string;
  /** The address of its VXLAN ends. */
  readonly localIp: string;
  /** `state_path`: pid files, leases and configurations of daemons. */
  readonly statePath: string;
  readonly interfaceMappings: Readonly<Record<string, string>>;
  readonly bridgeMappings: Readonly<Record<string, string>>;
  /** False in a user namespace, where there is only one user. */
  readonly dropUser: boolean;
  readonly owner?: Owner;
}

/** A contained host keeps the state of its daemons in its own /run: it is gone with them. */
export function containedPlace(host: { readonly name: string; readonly localIp: string }, rootless: boolean): AgentPlace {
  return {
    host: host.name,
    localIp: host.localIp,
    statePath: '/run/weft',
    interfaceMappings: { [publicNetwork.physicalNetwork]: publicNetwork.device },
    bridgeMappings: {},
    dropUser: !rootless,
  };
}

export function agentConfig(place: AgentPlace): AgentConfig {
  const { host, localIp, statePath, interfaceMappings, bridgeMappings, dropUser } = place;
  return {
    host,
    statePath,
    reportIntervalMs: 30_000,
    linuxbridge: {
      interfaceMappings,
      bridgeMappings,
      vxlan: { localIp, group: '224.0.0.1', l2population: true, udpPort: 8472 },
    },
    dhcp: {
      dnsDomain: 'openstacklocal',
      leaseSeconds: 86_400,
      dnsServers: [],
      enableIsolatedMetadata: true,
      forceMetadata: false,
      dropUser,
    },
    l3: { enableMetadataProxy: true, metadataPort: 9697, handleInternalOnlyRouters: true, dropUser },
    metadata: { socket: `${statePath}/metadata_proxy`, backend: { kind: 'builtin' } },
  };
}

/** The agents of one host, as the API lists them, by the name of their log. */
export const agentParts = {
  linuxbridge: 'Linux bridge agent',
  dhcp: 'DHCP agent',
  l3: 'L3 agent',
  metadata: 'Metadata agent',
} as const;
