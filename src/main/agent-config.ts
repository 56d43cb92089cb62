// What one agent process is told: written by `up` as a JSON file, read by agent.ts.
import type { AgentConfig, InterfaceDriverConfig, OpenvswitchConfig } from '../agent/context.ts';
import type { LogLevel } from '../contracts/log.ts';
import type { Owner } from './on-host/made.ts';
import { databaseConnection, integrationBridge, publicBridge } from './sandbox/openvswitch.ts';
import { publicNetwork } from './sandbox/plan.ts';
import type { SwitchKind } from './state/switch.ts';

export interface AgentProcessConfig {
  readonly busSocket: string;
  readonly logs: string;
  readonly logLevel: LogLevel;
  /** Where its metrics are told. */
  readonly metricsSocket: string;
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
  /** Linux bridges where it is not there. */
  readonly openvswitch?: { readonly datapath: 'system' | 'netdev' };
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
  const { host, localIp, statePath, interfaceMappings, bridgeMappings, dropUser, openvswitch } = place;
  const interfaceDriver = openvswitch ? { interfaceDriver: interfaceDriverConfig(openvswitch.datapath) } : {};
  return {
    host,
    statePath,
    reportIntervalMs: 30_000,
    extensions: ['qos'],
    ...(openvswitch
      ? { openvswitch: openvswitchConfig(localIp, openvswitch.datapath), extensions: ['log', 'qos'], packetLog: { rate: 100, burst: 25 } }
      : {
          linuxbridge: {
            interfaceMappings,
            bridgeMappings,
            vxlan: { localIp, group: '224.0.0.1', l2population: true, udpPort: 8472 },
          },
        }),
    dhcp: {
      ...interfaceDriver,
      dnsDomain: 'openstacklocal',
      leaseSeconds: 86_400,
      dnsServers: [],
      enableIsolatedMetadata: true,
      forceMetadata: false,
      dropUser,
    },
    l3: { ...interfaceDriver, enableMetadataProxy: true, metadataPort: 9697, handleInternalOnlyRouters: true, dropUser },
    metadata: { socket: `${statePath}/metadata_proxy`, backend: { kind: 'builtin' } },
  };
}

const timeoutMs = 10_000;

const interfaceDriverConfig = (datapathType: string): InterfaceDriverConfig => ({
  kind: 'openvswitch',
  bridge: integrationBridge,
  useVeth: false,
  datapathType,
  connection: databaseConnection,
  timeoutMs,
});

function openvswitchConfig(localIp: string, datapathType: string): OpenvswitchConfig {
  return {
    connection: databaseConnection,
    timeoutMs,
    integrationBridge,
    tunnelBridge: 'br-tun',
    intPatch: 'patch-tun',
    tunPatch: 'patch-int',
    bridgeMappings: { [publicNetwork.physicalNetwork]: publicBridge },
    datapathType,
    vhostuserDir: '/run/openvswitch',
    macTableSize: 50_000,
    igmpSnooping: false,
    tunnels: {
      types: ['vxlan'],
      localIp,
      l2population: true,
      arpResponder: false,
      vxlanPort: 4789,
      dontFragment: true,
      checksum: false,
    },
    firewall: 'openvswitch',
    permittedEthertypes: [],
  };
}

const l2Agents = { linuxbridge: 'Linux bridge agent', openvswitch: 'Open vSwitch agent' } as const;

/** The agents of one host, as the API lists them. */
export const agentTypesOf = (switchKind: SwitchKind): readonly string[] => [
  l2Agents[switchKind],
  'DHCP agent',
  'L3 agent',
  'Metadata agent',
];
