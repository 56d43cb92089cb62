// weft cleanup: what agents leave on a machine when they are gone for good.
import { flag, text, usage, type Verb } from '../verb.ts';
import { type ConfigSource, configFilesOf, configOption } from './config-option.ts';

export interface BridgesPlace {
  readonly configSources: readonly ConfigSource[];
  readonly force: boolean;
}

export interface NamespacesPlace extends BridgesPlace {
  readonly agentType: 'dhcp' | 'l3' | undefined;
}

export interface SwitchPlace extends BridgesPlace {
  /** Undefined: as the files say. */
  readonly allPorts: boolean | undefined;
}

export interface CleanupDesk {
  bridges(place: BridgesPlace, out: (line: string) => void): Promise<number>;
  namespaces(place: NamespacesPlace, out: (line: string) => void): Promise<number>;
  ovs(place: SwitchPlace, out: (line: string) => void): Promise<number>;
}

const files = Object.fromEntries(
  Object.entries(configOption)
    .filter(([name]) => name !== 'policy-file')
    .map(([name, spec]) => [name, name === 'config-file' ? { ...spec, help: "options, under the names of the agents' files" } : spec]),
);

export function cleanupVerbs(desk: CleanupDesk): Verb[] {
  const bridges: Verb = {
    path: ['cleanup', 'bridges'],
    usage: '',
    summary: 'remove the bridges of networks that have no port on this machine',
    details: [
      'Bridges that Linux bridge agents made, of Weft or of Neutron (brq…), into which nothing is plugged but their own uplinks. These go, too, but for the devices of physical_interface_mappings, which get their addresses back. Bridges of bridge_mappings stay. Chains, sets and tables that these agents made in iptables and nftables go when no tap is here any more that they shut. Refused while a Linux bridge agent runs here, unless with --force.',
    ],
    examples: ['weft cleanup bridges --config-file /etc/neutron/plugins/ml2/linuxbridge_agent.ini'],
    options: { ...files, force: { type: 'boolean', help: 'also while the agent runs' } },
    args: [0, 0],
    run: call => desk.bridges({ configSources: configFilesOf(call).configSources, force: flag(call, 'force') }, call.out),
  };
  const namespaces: Verb = {
    path: ['cleanup', 'namespaces'],
    usage: '',
    summary: 'remove the namespaces that DHCP and L3 agents left on this machine',
    details: [
      'Those of DHCP networks (qdhcp-…) and routers (qrouter-…, snat-…, fip-…), of Weft or of Neutron, with no device and no process in them. With --force all of them, with their devices and processes, also while agents run: every instance here is then without DHCP and routers.',
    ],
    examples: ['weft cleanup namespaces', 'weft cleanup namespaces --agent-type dhcp --force'],
    options: {
      ...files,
      'agent-type': { type: 'string', value: 'dhcp|l3', help: 'only those of that agent' },
      force: { type: 'boolean', help: 'also those that are not empty, and while agents run' },
    },
    args: [0, 0],
    run(call) {
      const agentType = text(call, 'agent-type');
      if (agentType !== undefined && agentType !== 'dhcp' && agentType !== 'l3')
        throw usage(namespaces, `--agent-type takes dhcp or l3, not ${JSON.stringify(agentType)}`);
      return desk.namespaces({ configSources: configFilesOf(call).configSources, agentType, force: flag(call, 'force') }, call.out);
    },
  };
  const ovs: Verb = {
    path: ['cleanup', 'ovs'],
    usage: '',
    summary: 'remove the ports of instances, DHCP and routers from the integration bridge of Open vSwitch',
    details: [
      "Those that Nova and the agents, of Weft or of Neutron, plugged into integration_bridge (their interfaces have external_ids:iface-id and attached-mac), but for those with external_ids:skip_cleanup. With --all-ports every port of every bridge, the bridges' own too; so it is where the files have ovs_all_ports. Bridges stay. What the Open vSwitch agent made in iptables and nftables goes when no tap is here any more that it shuts. Refused while agents run here that plug ports, unless with --force.",
    ],
    examples: ['weft cleanup ovs --config-file /etc/neutron/plugins/ml2/openvswitch_agent.ini'],
    options: {
      ...files,
      'all-ports': { type: 'boolean', help: 'every port of every bridge' },
      'plugged-ports': { type: 'boolean', help: 'not that, whatever the files say' },
      force: { type: 'boolean', help: 'also while agents run' },
    },
    args: [0, 0],
    run(call) {
      const [all, plugged] = [flag(call, 'all-ports'), flag(call, 'plugged-ports')];
      if (all && plugged) throw usage(ovs, '--all-ports and --plugged-ports contradict each other');
      const allPorts = all ? true : plugged ? false : undefined;
      return desk.ovs({ configSources: configFilesOf(call).configSources, allPorts, force: flag(call, 'force') }, call.out);
    },
  };
  return [bridges, namespaces, ovs];
}
