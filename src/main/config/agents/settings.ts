// What configuration files say of an agent of Neutron's kind, by the names that it has in them; and what its process is made of.
import { hostname } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type {
  AgentConfig,
  DhcpConfig,
  InterfaceDriverConfig,
  L3Config,
  LinuxbridgeConfig,
  MetadataConfig,
  OpenvswitchConfig,
  PacketLogConfig,
} from '../../../agent/context.ts';
import type { GroupRange, TunnelPackets } from '../../../agent/desired/linuxbridge.ts';
import type { MessagingConfig } from '../../../server/context.ts';
import { ConfigError } from '../ini.ts';
import { noResources, type ResourceSettings, refuseResources, resourceReport } from './resource-providers.ts';

export const agentKinds = ['linuxbridge', 'openvswitch', 'dhcp', 'l3', 'metadata'] as const;
export type AgentKind = (typeof agentKinds)[number];
/** Those of a host of `weft up`, in one process. */
export const containedKinds = (l2: 'linuxbridge' | 'openvswitch'): readonly AgentKind[] => [l2, 'dhcp', 'l3', 'metadata'];

type Names = Readonly<Record<string, string>>;

export interface AgentSettings {
  readonly messaging: MessagingConfig;
  readonly debug: boolean;
  readonly logFile: string;
  readonly logDir: string;
  readonly statePath: string;
  /** Seconds. */
  readonly reportInterval: number;
  readonly answerSeconds: number;
  readonly longestAnswerSeconds: number;
  readonly availabilityZone: string;
  readonly logHeartbeats: boolean;
  readonly metricsListen?: { readonly host: string; readonly port: number };
  readonly interfaceDriver: InterfaceDriverConfig['kind'];
  readonly ovsUseVeth: boolean;
  readonly proxyUser: string;
  readonly proxyGroup: string;
  /** Empty: below the state path. */
  readonly metadataSocket: string;
  /** Of an L2 agent. */
  readonly extensions: readonly string[];
  readonly networkLog: { readonly rate: number; readonly burst: number; readonly file: string };
  readonly linuxbridge: LinuxbridgeSettings;
  readonly openvswitch: OpenvswitchSettings;
  readonly dhcp: DhcpSettings;
  readonly l3: L3Settings;
  readonly metadata: MetadataSettings;
}

export interface LinuxbridgeSettings {
  readonly interfaceMappings: Names;
  readonly bridgeMappings: Names;
  readonly enableVxlan: boolean;
  readonly localIp: string;
  readonly group: string;
  readonly l2population: boolean;
  readonly arpResponder: boolean;
  /** 0: the kernel's. */
  readonly udpPort: number;
  readonly groups: readonly GroupRange[];
  readonly leastPort: number;
  readonly greatestPort: number;
  readonly ttl: number;
  readonly tos: number;
  readonly dscp: number;
  readonly dscpInherit: boolean;
  readonly firewallDriver: NonNullable<LinuxbridgeConfig['firewallDriver']>;
  readonly securityGroups: boolean;
  readonly kernelHz: number;
  /** Milliseconds. */
  readonly tbfLatency: number;
}

type Tunnels = NonNullable<OpenvswitchConfig['tunnels']>;

export interface OpenvswitchSettings
  extends Omit<Required<OpenvswitchConfig>, 'tls' | 'timeoutMs' | 'probeMs' | 'tunnels' | 'firewall' | 'resources'>,
    Omit<Tunnels, 'types' | 'dscp'> {
  readonly keyFile: string;
  readonly certFile: string;
  readonly caFile: string;
  readonly timeoutSeconds: number;
  readonly probeSeconds: number;
  readonly tunnelTypes: Tunnels['types'];
  readonly dscp: number;
  readonly dscpInherit: boolean;
  readonly firewallDriver: OpenvswitchConfig['firewall'];
  readonly securityGroups: boolean;
  /** Of a clean-up. */
  readonly allPorts: boolean;
  readonly resources: ResourceSettings;
}

export type DhcpSettings = Omit<DhcpConfig, 'dropUser' | 'interfaceDriver'>;
export type L3Settings = Omit<L3Config, 'dropUser' | 'advertise' | 'interfaceDriver'> & { readonly least: number; readonly most: number };

export interface MetadataSettings {
  readonly protocol: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly secret: string;
  readonly mode: NonNullable<MetadataConfig['mode']>;
  readonly tls: { readonly caFile: string; readonly certFile: string; readonly keyFile: string; readonly insecure: boolean };
}

/** What the tables of options have as defaults is written over these. */
export const defaultAgentSettings: AgentSettings = {
  messaging: { transportUrl: '', controlExchange: 'neutron', host: '', rabbit: {} },
  debug: false,
  logFile: '',
  logDir: '',
  statePath: '/var/lib/neutron',
  reportInterval: 30,
  answerSeconds: 60,
  longestAnswerSeconds: 600,
  availabilityZone: 'nova',
  logHeartbeats: false,
  interfaceDriver: 'linuxbridge',
  ovsUseVeth: false,
  proxyUser: '',
  proxyGroup: '',
  metadataSocket: '',
  extensions: [],
  networkLog: { rate: 100, burst: 25, file: '' },
  linuxbridge: {
    interfaceMappings: {},
    bridgeMappings: {},
    enableVxlan: true,
    localIp: '',
    group: '224.0.0.1',
    l2population: false,
    arpResponder: false,
    udpPort: 0,
    groups: [],
    leastPort: 0,
    greatestPort: 0,
    ttl: 0,
    tos: 0,
    dscp: 0,
    dscpInherit: false,
    firewallDriver: 'iptables',
    securityGroups: true,
    kernelHz: 250,
    tbfLatency: 50,
  },
  openvswitch: {
    connection: 'tcp:127.0.0.1:6640',
    keyFile: '',
    certFile: '',
    caFile: '',
    timeoutSeconds: 10,
    probeSeconds: 10,
    integrationBridge: 'br-int',
    tunnelBridge: 'br-tun',
    intPatch: 'patch-tun',
    tunPatch: 'patch-int',
    bridgeMappings: {},
    datapathType: 'system',
    vhostuserDir: '/var/run/openvswitch',
    macTableSize: 50_000,
    igmpSnooping: false,
    localIp: '',
    tunnelTypes: [],
    l2population: false,
    arpResponder: false,
    vxlanPort: 4789,
    dontFragment: true,
    checksum: false,
    dscp: 0,
    dscpInherit: false,
    firewallDriver: 'openvswitch',
    securityGroups: true,
    allPorts: false,
    permittedEthertypes: [],
    resources: noResources,
  },
  dhcp: { dnsDomain: 'openstacklocal', leaseSeconds: 86_400, dnsServers: [], enableIsolatedMetadata: false, forceMetadata: false },
  l3: { enableMetadataProxy: true, metadataPort: 9697, handleInternalOnlyRouters: true, least: 30, most: 100 },
  metadata: {
    protocol: 'http',
    host: '127.0.0.1',
    port: 8775,
    secret: '',
    mode: 'deduce',
    tls: { caFile: '', certFile: '', keyFile: '', insecure: false },
  },
};

/** Effect of an option that is one value. */
export const sets =
  <K extends keyof AgentSettings>(key: K) =>
  (settings: AgentSettings, value: AgentSettings[K]): AgentSettings => ({ ...settings, [key]: value });

type Parts = 'messaging' | 'networkLog' | 'linuxbridge' | 'openvswitch' | 'dhcp' | 'l3' | 'metadata';

/** Effect of an option that is a part of one. */
export const within =
  <K extends Parts, P extends keyof AgentSettings[K]>(key: K, part: P) =>
  (settings: AgentSettings, value: AgentSettings[K][P]): AgentSettings => ({ ...settings, [key]: { ...settings[key], [part]: value } });

export const tls =
  <P extends keyof MetadataSettings['tls']>(part: P) =>
  (settings: AgentSettings, value: MetadataSettings['tls'][P]): AgentSettings => {
    const { metadata } = settings;
    return { ...settings, metadata: { ...metadata, tls: { ...metadata.tls, [part]: value } } };
  };

/** What is wrong with values that are right each by itself. */
export function refuseAgent(kind: AgentKind, settings: AgentSettings): void {
  const { linuxbridge, openvswitch, l3, metadata } = settings;
  if (!isAbsolute(settings.statePath)) throw new ConfigError('state_path: an absolute path is wanted');
  if (kind === 'linuxbridge' && linuxbridge.enableVxlan) refuseVxlan(linuxbridge);
  if (kind === 'openvswitch') {
    refuseOpenvswitch(openvswitch);
    refuseResources(openvswitch.resources, Object.values(openvswitch.bridgeMappings), settings.messaging.host || hostname());
  }
  if ((kind === 'dhcp' || kind === 'l3') && settings.interfaceDriver === 'openvswitch') refuseConnection(openvswitch);
  if (kind === 'l3' && l3.least > l3.most) throw new ConfigError('min_rtr_adv_interval is more than max_rtr_adv_interval');
  const { certFile, keyFile } = metadata.tls;
  if (kind === 'metadata' && (certFile === '') !== (keyFile === ''))
    throw new ConfigError('nova_client_cert and nova_client_priv_key belong together: one of them is missing');
}

function refuseConnection({ connection, keyFile, certFile, caFile }: OpenvswitchSettings): void {
  if (connection.startsWith('ssl:') && [keyFile, certFile, caFile].includes(''))
    throw new ConfigError('[ovs] ssl: needs ssl_key_file, ssl_cert_file and ssl_ca_cert_file');
}

function refuseVxlan({ localIp, l2population, group, groups, leastPort, greatestPort }: LinuxbridgeSettings): void {
  if (localIp === '' && l2population) throw new ConfigError('[vxlan] l2_population is on, and local_ip is missing');
  if (leastPort > greatestPort) throw new ConfigError('[vxlan] udp_srcport_min is more than udp_srcport_max');
  if (localIp === '' || l2population) return;
  if (group === '') throw new ConfigError('[vxlan] without l2_population tunnels need a vxlan_group');
  const wrong = [group, ...groups.map(range => range.group)].find(text => text.includes(':') !== localIp.includes(':'));
  if (wrong !== undefined) throw new ConfigError(`[vxlan] ${wrong} and local_ip ${localIp} are not of the same IP version`);
}

function refuseOpenvswitch(settings: OpenvswitchSettings): void {
  const { localIp, tunnelTypes, l2population, ...names } = settings;
  if (tunnelTypes.length > 0 && localIp === '') throw new ConfigError('[agent] tunnel_types are there, and [ovs] local_ip is missing');
  if (l2population && tunnelTypes.length === 0) throw new ConfigError('[agent] l2_population is on, and there are no tunnel_types');
  refuseConnection(settings);
  const bridges = [
    names.integrationBridge,
    ...(tunnelTypes.length > 0 ? [names.tunnelBridge] : []),
    ...Object.values(names.bridgeMappings),
  ];
  if (new Set(bridges).size < bridges.length) throw new ConfigError(`[ovs] a bridge is named twice: ${bridges.join(', ')}`);
}

/** `host`: what this machine is called where the files do not say. */
export function agentConfigOf(settings: AgentSettings, { host, isRoot }: { host: string; isRoot: boolean }): AgentConfig {
  const { statePath, dhcp, linuxbridge, openvswitch } = settings;
  const { least, most, ...l3 } = settings.l3;
  const interfaceDriver = interfaceDriverConfig(settings);
  return {
    host: settings.messaging.host || host,
    statePath,
    reportIntervalMs: settings.reportInterval * 1000,
    availabilityZone: settings.availabilityZone,
    logHeartbeats: settings.logHeartbeats,
    ...(settings.extensions.length > 0 ? { extensions: settings.extensions } : {}),
    ...(settings.extensions.includes('log') ? { packetLog: packetLogConfig(settings) } : {}),
    answer: { firstMs: settings.answerSeconds * 1000, longestMs: settings.longestAnswerSeconds * 1000 },
    ...(isRoot ? { proxyUser: { user: settings.proxyUser || 'nobody', group: settings.proxyGroup || 'nogroup' } } : {}),
    linuxbridge: linuxbridgeConfig(linuxbridge),
    openvswitch: {
      ...openvswitchConfig(openvswitch),
      resources: resourceReport(openvswitch.resources, Object.values(openvswitch.bridgeMappings), {
        machine: host,
        host: settings.messaging.host || host,
      }),
    },
    dhcp: { ...dhcp, interfaceDriver, dropUser: isRoot },
    l3: { ...l3, interfaceDriver, advertise: { least, most }, dropUser: isRoot },
    metadata: metadataConfig(settings),
  };
}

function interfaceDriverConfig({ interfaceDriver: kind, ovsUseVeth, openvswitch }: AgentSettings): InterfaceDriverConfig {
  if (kind !== 'openvswitch') return { kind };
  const { connection, tls, timeoutMs, datapathType, integrationBridge } = openvswitchConfig(openvswitch);
  return { kind, bridge: integrationBridge, useVeth: ovsUseVeth, datapathType, connection, timeoutMs, ...(tls ? { tls } : {}) };
}

const packetLogConfig = ({ networkLog: { file, ...limit } }: AgentSettings): PacketLogConfig => ({
  ...limit,
  ...(file === '' ? {} : { file }),
});

/** The kernel's own port of VXLAN, which is not the one that IANA has assigned. */
const kernelPort = 8472;

function linuxbridgeConfig(settings: LinuxbridgeSettings): LinuxbridgeConfig {
  const { interfaceMappings, bridgeMappings, enableVxlan, localIp, group, groups, l2population, arpResponder, udpPort } = settings;
  const vxlan = { localIp, group, groups, l2population, arpResponder, udpPort: udpPort || kernelPort, packets: tunnelPackets(settings) };
  return {
    interfaceMappings,
    bridgeMappings,
    ...(enableVxlan && localIp !== '' ? { vxlan } : {}),
    firewallDriver: settings.securityGroups ? settings.firewallDriver : 'noop',
    qos: { kernelHz: settings.kernelHz, latencyMs: settings.tbfLatency },
  };
}

/** `tos` counts more than `dscp_inherit`, and that more than `dscp`; what is 0 is the kernel's. */
function tunnelPackets({ ttl, tos, dscp, dscpInherit, leastPort, greatestPort }: LinuxbridgeSettings): TunnelPackets {
  const mark = tos || (dscpInherit ? 'inherit' : dscp << 2);
  return {
    ...(ttl === 0 ? {} : { ttl }),
    ...(mark === 0 ? {} : { tos: mark }),
    ...(greatestPort === 0 ? {} : { sourcePorts: [leastPort, greatestPort] as const }),
  };
}

function openvswitchConfig(settings: OpenvswitchSettings): OpenvswitchConfig {
  const { connection, keyFile, certFile, caFile, timeoutSeconds, probeSeconds, firewallDriver, securityGroups, permittedEthertypes } =
    settings;
  const { tunnelTypes: types, localIp, l2population, arpResponder, vxlanPort, dontFragment, checksum, dscp, dscpInherit } = settings;
  const { integrationBridge, tunnelBridge, intPatch, tunPatch, bridgeMappings, datapathType, vhostuserDir, macTableSize, igmpSnooping } =
    settings;
  const mark = dscpInherit ? ({ dscp: 'inherit' } as const) : dscp === 0 ? {} : { dscp };
  const tunnels = { types, localIp, l2population, arpResponder, vxlanPort, dontFragment, checksum, ...mark };
  return {
    connection,
    ...(connection.startsWith('ssl:') ? { tls: { keyFile, certFile, caFile } } : {}),
    timeoutMs: timeoutSeconds * 1000,
    probeMs: probeSeconds * 1000,
    integrationBridge,
    tunnelBridge,
    intPatch,
    tunPatch,
    bridgeMappings,
    datapathType,
    vhostuserDir,
    macTableSize,
    igmpSnooping,
    ...(types.length > 0 ? { tunnels } : {}),
    firewall: securityGroups ? firewallDriver : 'noop',
    permittedEthertypes,
  };
}

function metadataConfig({ metadata, metadataSocket, statePath }: AgentSettings): MetadataConfig {
  const { protocol, host, port, secret, mode } = metadata;
  const { caFile, certFile, keyFile, insecure } = metadata.tls;
  const given = { ...(caFile === '' ? {} : { caFile }), ...(certFile === '' ? {} : { certFile, keyFile }), insecure };
  const url = `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return { socket: metadataSocket || join(statePath, 'metadata_proxy'), mode, backend: { kind: 'nova', url, secret, tls: given } };
}
