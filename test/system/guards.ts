// What can guard the ports of a BridgeWorld, and how a test sees what it holds.
import type { LinuxbridgeConfig, OpenvswitchConfig } from '../../src/agent/context.ts';
import type { FakeNetwork } from '../../src/agent/l2/fake-server.suite.ts';
import type { Case } from './attack-world.ts';
import type { BridgeWorld, SwitchKind } from './linuxbridge-world.ts';
import { noSandbox, noSwitch } from './need.ts';

export interface Guard {
  /** `firewall_driver`. */
  readonly name: string;
  readonly kind: SwitchKind;
  readonly config: Partial<LinuxbridgeConfig & OpenvswitchConfig>;
  /** A network that spans both hosts. */
  readonly network: Partial<FakeNetwork>;
  readonly skip: string | false;
  /** What guards the ports of h1: rules, flows or elements, one a line, without counters. */
  lines(world: BridgeWorld): Promise<string[]>;
  /** A line that permits everything in, put where a pass must find it: a command of h1. */
  readonly hole: (port: string) => readonly string[];
  /** What goes with a member of a remote group that has these addresses; anything else that goes is a rule too many. */
  memberLines(v4: string, v6: string): RegExp[];
  /** Later fragments of IPv6 have no protocol in a userspace datapath: a rule that names one does not let them in. */
  readonly fragments6: boolean;
  /** Frames that it cannot look at. */
  blind(c: Case): boolean;
  /** Frames that do not pass even where nobody guards. */
  lost(c: Case): boolean;
}

const vlan = { type: 'vlan', segment: 101, physical: 'public' } as const;

/** The tool gives up where somebody changes what it reads. */
async function saved(world: BridgeWorld): Promise<string[]> {
  for (let tries = 1; ; tries++) {
    const done = await world.attempt('h1', 'sh', '-c', 'iptables-save && ip6tables-save');
    if (done.code === 0) return done.stdout.split('\n').filter(line => line.startsWith('-A'));
    if (tries >= 20) throw new Error(done.stderr);
  }
}

const permittedEthertypes = [0x88b5];

export const iptables: Guard = {
  name: 'iptables',
  kind: 'linuxbridge',
  config: {},
  network: {},
  skip: noSandbox(),
  lines: saved,
  hole: port => ['iptables', '-I', `neutron-linuxbri-i${port.slice(0, 10)}`, '-j', 'RETURN'],
  memberLines: () => [],
  fragments6: true,
  blind: () => false,
  // No bridge passes those on.
  lost: c => /bridge/.test(c.name),
};

export const openvswitch: Guard = {
  name: 'openvswitch',
  kind: 'openvswitch',
  config: { permittedEthertypes },
  network: vlan,
  skip: noSandbox() || noSwitch(),
  async lines(world) {
    const dump = await world.on('h1', 'ovs-ofctl', '-O', 'OpenFlow14', 'dump-flows', '--no-stats', 'br-int');
    return dump.split('\n').sort();
  },
  hole: () => ['ovs-ofctl', '-O', 'OpenFlow14', 'add-flow', 'br-int', 'table=82,priority=200,actions=NORMAL'],
  memberLines: (v4, v6) => [new RegExp(`nw_src=${v4}\\b`), new RegExp(`ipv6_src=${v6}\\b`)],
  fragments6: false,
  /** Options of router solicitations are nothing that the switch can look at. */
  blind: c => c.name === 'RS with another MAC',
  // Nor does an access port take tags.
  lost: c => /bridge|tag|PPPoE/.test(c.name),
};

export const iptablesHybrid: Guard = {
  ...openvswitch,
  name: 'iptables_hybrid',
  kind: 'hybrid',
  config: {},
  lines: iptables.lines,
  hole: port => ['iptables', '-I', `neutron-openvswi-i${port.slice(0, 10)}`, '-j', 'RETURN'],
  memberLines: () => [],
  fragments6: true,
  blind: () => false,
};

/** Ports that were plugged for iptables, with the firewall that came after it. */
export const hybridByFlows: Guard = { ...openvswitch, kind: 'hybrid', config: { firewall: 'openvswitch', permittedEthertypes } };

const tables = ['inet neutron-linuxbri-sg', 'bridge neutron-linuxbri-sg'];

export const nftables: Guard = {
  ...iptables,
  name: 'nftables',
  config: { firewallDriver: 'nftables' },
  /** One element a line. */
  async lines(world) {
    const listed = await world.attempt('h1', 'sh', '-c', tables.map(t => `nft list table ${t}`).join(' && '));
    return listed.stdout
      .split(/\n|, (?=\S+(?:,| \}|$))/m)
      .map(line => line.replace(/elements = \{ | \}$|,$|counter packets \d+ bytes \d+ /g, '').trim());
  },
  hole: () => [
    'sh',
    '-c',
    `nft insert rule ${tables[0]} "$(nft list table ${tables[0]} | sed -n 's/.*chain \\(received-[0-9a-f]*\\).*/\\1/p')" accept`,
  ],
  memberLines: (v4, v6) => [new RegExp(`^${v4}$`), new RegExp(`^${v6}$`)],
};
