// What configuration files say of an agent of Neutron's kind, by the names that it has in them; and what its process is made of.
import { isAbsolute, join } from 'node:path';
import type { AgentConfig, DhcpConfig, L3Config, LinuxbridgeConfig, MetadataConfig } from '../../../agent/context.ts';
import type { MessagingConfig } from '../../../server/context.ts';
import { ConfigError } from '../ini.ts';

export const agentKinds = ['linuxbridge', 'dhcp', 'l3', 'metadata'] as const;
export type AgentKind = (typeof agentKinds)[number];

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
  readonly interfaceDriver: string;
  readonly proxyUser: string;
  readonly proxyGroup: string;
  /** Empty: below the state path. */
  readonly metadataSocket: string;
  readonly linuxbridge: LinuxbridgeSettings;
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
  readonly firewallDriver: string;
  readonly securityGroups: boolean;
}

export type DhcpSettings = Omit<DhcpConfig, 'dropUser'>;
export type L3Settings = Omit<L3Config, 'dropUser' | 'advertise'> & { readonly least: number; readonly most: number };

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
  interfaceDriver: '',
  proxyUser: '',
  proxyGroup: '',
  metadataSocket: '',
  linuxbridge: {
    interfaceMappings: {},
    bridgeMappings: {},
    enableVxlan: true,
    localIp: '',
    group: '224.0.0.1',
    l2population: false,
    arpResponder: false,
    udpPort: 0,
    firewallDriver: '',
    securityGroups: true,
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

type Parts = 'messaging' | 'linuxbridge' | 'dhcp' | 'l3' | 'metadata';

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
  const { linuxbridge, l3, metadata } = settings;
  if (!isAbsolute(settings.statePath)) throw new ConfigError('state_path: an absolute path is wanted');
  if (kind === 'linuxbridge' && linuxbridge.enableVxlan && linuxbridge.localIp === '' && linuxbridge.l2population)
    throw new ConfigError('[vxlan] l2_population is on, and local_ip is missing');
  if (kind === 'l3' && l3.least > l3.most) throw new ConfigError('min_rtr_adv_interval is more than max_rtr_adv_interval');
  const { certFile, keyFile } = metadata.tls;
  if (kind === 'metadata' && (certFile === '') !== (keyFile === ''))
    throw new ConfigError('nova_client_cert and nova_client_priv_key belong together: one of them is missing');
}

/** `host`: what this machine is called where the files do not say. */
export function agentConfigOf(settings: AgentSettings, { host, isRoot }: { host: string; isRoot: boolean }): AgentConfig {
  const { statePath, dhcp, linuxbridge } = settings;
  const { least, most, ...l3 } = settings.l3;
  return {
    host: settings.messaging.host || host,
    statePath,
    reportIntervalMs: settings.reportInterval * 1000,
    availabilityZone: settings.availabilityZone,
    logHeartbeats: settings.logHeartbeats,
    answer: { firstMs: settings.answerSeconds * 1000, longestMs: settings.longestAnswerSeconds * 1000 },
    ...(isRoot ? { proxyUser: { user: settings.proxyUser || 'nobody', group: settings.proxyGroup || 'nogroup' } } : {}),
    linuxbridge: linuxbridgeConfig(linuxbridge),
    dhcp: { ...dhcp, dropUser: isRoot },
    l3: { ...l3, advertise: { least, most }, dropUser: isRoot },
    metadata: metadataConfig(settings),
  };
}

/** The kernel's own port of VXLAN, which is not the one that IANA has assigned. */
const kernelPort = 8472;

function linuxbridgeConfig(settings: LinuxbridgeSettings): LinuxbridgeConfig {
  const { interfaceMappings, bridgeMappings, enableVxlan, localIp, group, l2population, arpResponder, udpPort } = settings;
  const vxlan = { localIp, group, l2population, arpResponder, udpPort: udpPort || kernelPort };
  return {
    interfaceMappings,
    bridgeMappings,
    ...(enableVxlan && localIp !== '' ? { vxlan } : {}),
    securityGroups: settings.securityGroups && settings.firewallDriver !== 'noop',
  };
}

function metadataConfig({ metadata, metadataSocket, statePath }: AgentSettings): MetadataConfig {
  const { protocol, host, port, secret, mode } = metadata;
  const { caFile, certFile, keyFile, insecure } = metadata.tls;
  const given = { ...(caFile === '' ? {} : { caFile }), ...(certFile === '' ? {} : { certFile, keyFile }), insecure };
  const url = `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return { socket: metadataSocket || join(statePath, 'metadata_proxy'), mode, backend: { kind: 'nova', url, secret, tls: given } };
}
