// weft cleanup: what agents leave on a machine when they are gone for good.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openHost } from '../../adapters/host/open-host.ts';
import { isBridgeName } from '../../agent/desired/linuxbridge-names.ts';
import { isHybridBridge } from '../../agent/desired/openvswitch/hybrid.ts';
import { type AgentNames, linuxbridgeNames, openvswitchNames } from '../../agent/render/iptables-names.ts';
import { Failure } from '../../cli/verb.ts';
import type { BridgesPlace, CleanupDesk, NamespacesPlace, SwitchPlace } from '../../cli/verbs/cleanup.ts';
import { HostRefusal } from '../../contracts/host/firewall.ts';
import type { Host } from '../../contracts/host/host.ts';
import { OvsdbAway, SwitchAway } from '../../contracts/host/ovsdb.ts';
import { partOf } from '../config/agents/partly.ts';
import { type AgentKind, agentConfigOf } from '../config/agents/settings.ts';
import { cleanBridges } from './bridges.ts';
import { cleanFilters } from './filters.ts';
import { type AgentType, agentTypes, cleanNamespaces, idOf } from './namespaces.ts';
import { cleanSwitch } from './ovs.ts';
import { runningAgents } from './running.ts';

type Out = (line: string) => void;

export const cleanupDesk: CleanupDesk = {
  async bridges({ configSources, force }: BridgesPlace, out: Out): Promise<number> {
    const settings = partOf('linuxbridge', ['physical_interface_mappings', 'bridge_mappings'], configSources);
    refuse(['linuxbridge'], force);
    const { linuxbridge } = agentConfigOf(settings, { host: '', isRoot: true });
    if (!linuxbridge) throw new Error('no configuration');
    const host = openHost();
    const status = told(await cleanBridges(host.links, linuxbridge), 'something is plugged into it', out);
    const mapped = Object.values(linuxbridge.bridgeMappings);
    await filters(host, 'linuxbridge', linuxbridgeNames, bridge => isBridgeName(bridge) || mapped.includes(bridge), out);
    return status;
  },
  async namespaces({ configSources, force, agentType }: NamespacesPlace, out: Out): Promise<number> {
    const settings = partOf('dhcp', ['state_path', 'dhcp_confs'], configSources);
    const types: readonly AgentType[] = agentType === undefined ? agentTypes : [agentType];
    refuse(types, force);
    const done = await cleanNamespaces({ links: openHost().links, types, force });
    const folder = settings.dhcp.folder ?? join(settings.statePath, 'dhcp');
    // What its dnsmasq had read and leased: without a namespace nobody asks for it.
    for (const name of done.removed)
      if (force && name.startsWith('qdhcp-')) rmSync(join(folder, idOf(name)), { recursive: true, force: true });
    return told(done, 'it is not empty (--force removes it all the same)', out);
  },
  async ovs({ configSources, allPorts, force }: SwitchPlace, out: Out): Promise<number> {
    const flag = allPorts ? '--all-ports' : '--plugged-ports';
    const settings = partOf('openvswitch', switchOptions, configSources, [
      // Thousands of ports take their time.
      { group: 'ovs', name: 'ovsdb_timeout', text: '600' },
      ...(allPorts === undefined ? [] : [{ group: 'DEFAULT', name: 'ovs_all_ports', text: String(allPorts), flag }]),
    ]);
    const { openvswitch } = agentConfigOf(settings, { host: '', isRoot: true });
    if (!openvswitch) throw new Error('no configuration');
    refuse(['openvswitch', 'dhcp', 'l3'], force);
    try {
      const host = openHost();
      await using session = host.ovsdb.open(openvswitch);
      const done = await cleanSwitch({ session, ...settings.openvswitch });
      const status = told({ ...done, problems: [] }, 'it is not to be cleaned up (external_ids)', out);
      await filters(host, 'openvswitch', openvswitchNames, isHybridBridge, out);
      return status;
    } catch (error) {
      throw error instanceof OvsdbAway || error instanceof SwitchAway || error instanceof HostRefusal ? new Failure(error.message) : error;
    }
  },
};

/** Those of an agent that runs stay: a tap that comes would find none. */
async function filters(host: Host, kind: AgentKind, names: AgentNames, isOurs: (bridge: string) => boolean, out: Out): Promise<void> {
  if (runningAgents().some(agent => agent.kinds.includes(kind))) return;
  try {
    told({ ...(await cleanFilters(host, names, isOurs)), problems: [] }, 'taps are here that it shuts', out);
  } catch (error) {
    throw error instanceof HostRefusal ? new Failure(error.message) : error;
  }
}

const switchOptions = [
  'ovs_all_ports',
  'integration_bridge',
  'ovsdb_connection',
  'ovsdb_timeout',
  ...['key', 'cert', 'ca_cert'].map(name => `ssl_${name}_file`),
];

interface Cleaned {
  readonly removed: readonly string[];
  readonly kept: readonly string[];
  readonly problems: readonly string[];
}

function told({ removed, kept, problems }: Cleaned, why: string, out: Out): number {
  for (const name of removed) out(`removed ${name}`);
  for (const name of kept) out(`kept ${name}: ${why}`);
  for (const problem of problems) out(`not done: ${problem}`);
  return problems.length > 0 ? 1 : 0;
}

/** An agent that runs would make anew what is taken away, or miss it. */
function refuse(kinds: readonly AgentKind[], force: boolean): void {
  if (process.getuid?.() !== 0) throw new Failure('this changes the network of the machine, which needs root');
  const running = runningAgents().filter(agent => agent.kinds.some(kind => kinds.includes(kind)));
  if (running.length === 0 || force) return;
  const named = running.map(({ pid, kinds: theirs }) => `${theirs.filter(kind => kinds.includes(kind)).join(', ')} (process ${pid})`);
  throw new Failure(`agents run on this machine: ${named.join(', ')}; stop them first, or say --force`);
}
