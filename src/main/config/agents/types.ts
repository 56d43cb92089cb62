// What only options of agents may be.
import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import type { GroupRange } from '../../../agent/desired/linuxbridge.ts';
import { parseCidr } from '../../../domain/net/cidr.ts';
import { parseIp } from '../../../domain/net/ip.ts';
import { isMulticast } from '../../../domain/net/well-known.ts';
import { ConfigError } from '../ini.ts';
import type { Type } from '../option.ts';
import { listOf, mapped, mappings, oneOf } from '../values.ts';

const shaped = (name: string, fits: (text: string) => boolean, what: string): Type<string> => ({
  name,
  read(text) {
    if (!fits(text)) throw new ConfigError(`${what} is wanted`);
    return text;
  },
});

export const absolutePath = shaped('path', isAbsolute, 'an absolute path');
export const ip = shaped('IP address', text => isIP(text) !== 0, 'an address of this machine');
const isName = (text: string): boolean => /^[A-Za-z0-9_.-]{1,253}$/.test(text);
export const hostAddress = shaped('host', text => isIP(text) !== 0 || isName(text), 'an address or a name');
/** Empty: there is none, and VXLAN needs l2population. */
export const groupOfTunnels = shaped(
  'multicast address or network',
  text => text === '' || isGroup(text),
  'a multicast address, or a network of them,',
);

function isGroup(text: string): boolean {
  const address = text.includes('/') ? parseCidr(text) : parseIp(text);
  if (!address) return false;
  return isMulticast('network' in address ? { version: address.version, value: address.network } : address);
}

/** `239.1.1.1:100:199`: a group, or a network of them, and the least and the greatest VNI that have it. */
export const multicastRanges = listOf<GroupRange>({
  name: 'group:min:max',
  read(text) {
    const [, group = '', low = '', high = ''] = /^(.+):(\d{1,8}):(\d{1,8})$/.exec(text) ?? [];
    if (!isGroup(group) || Number(low) > Number(high))
      throw new ConfigError('a multicast address with two numbers is wanted: 239.1.1.1:100:199');
    return { group, low: Number(low), high: Number(high) };
  },
});

/** `physnet1:eth1,physnet2:eth2`, with names that the kernel takes for a device. */
export const devices = mapped(mappings, mappings.name, found => {
  const wrong = Object.values(found).find(name => !/^[A-Za-z0-9_.@-]{1,15}$/.test(name));
  if (wrong !== undefined) throw new ConfigError(`a device is wanted, and ${JSON.stringify(wrong)} cannot be one`);
  return found;
});

/** `physnet1:br-ex`; a bridge's name may be as long as Open vSwitch takes it. */
export const bridges = mapped(mappings, mappings.name, found => {
  const wrong = Object.values(found).find(name => !/^[A-Za-z0-9_.@-]{1,255}$/.test(name));
  if (wrong !== undefined) throw new ConfigError(`a bridge is wanted, and ${JSON.stringify(wrong)} cannot be one`);
  return found;
});

export const ovsdbConnection = shaped(
  'connection',
  text => /^(?:unix:\/\S+|(?:tcp|ssl):(?:\[[0-9a-fA-F:.]+\]|[^\s:]+):\d{1,5})$/.test(text),
  'unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT',
);

const tunnelType = oneOf('gre', 'vxlan', 'geneve');
export const tunnelTypeList = listOf(tunnelType);

/** Names of a driver's class that stand for its short name. */
const firewalls = {
  iptables: 'iptables',
  nftables: 'nftables',
  noop: 'noop',
  'neutron.agent.linux.iptables_firewall.IptablesFirewallDriver': 'iptables',
  'neutron.agent.firewall.NoopFirewallDriver': 'noop',
} as const;
export const firewallDriver = driverOf(firewalls, "'iptables', 'nftables' or 'noop' is wanted");

/** Entry points of `neutron.interface_drivers`, and their classes. */
export const interfaceDriver = driverOf(
  {
    linuxbridge: 'linuxbridge',
    openvswitch: 'openvswitch',
    null: 'null',
    'neutron.agent.linux.interface.BridgeInterfaceDriver': 'linuxbridge',
    'neutron.agent.linux.interface.OVSInterfaceDriver': 'openvswitch',
    'neutron.agent.linux.interface.NullDriver': 'null',
  },
  "'linuxbridge', 'openvswitch' or 'null' is wanted",
);

const filteredTypes = new Set([0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8]);

/** From 0x0600 on: what is less is a length. What is filtered, or would hide it, is not to be let through whole. */
export const etherTypes = listOf<number>({
  name: 'EtherType',
  read(text) {
    const type = /^0x[0-9a-f]{1,4}$/i.test(text) ? Number(text) : 0;
    if (type < 0x0600) throw new ConfigError('an EtherType in hexadecimal is wanted: 0x88cc');
    if (filteredTypes.has(type)) throw new ConfigError(`${text} passes by rules alone`);
    return type;
  },
});

export const ovsFirewallDriver = driverOf(
  {
    openvswitch: 'openvswitch',
    iptables_hybrid: 'iptables_hybrid',
    // The rules are the same; without a Linux bridge of its own no port has them.
    iptables: 'iptables_hybrid',
    noop: 'noop',
    'neutron.agent.linux.openvswitch_firewall.OVSFirewallDriver': 'openvswitch',
    'neutron.agent.linux.openvswitch_firewall.firewall.OVSFirewallDriver': 'openvswitch',
    'neutron.agent.linux.iptables_firewall.OVSHybridIptablesFirewallDriver': 'iptables_hybrid',
    'neutron.agent.linux.iptables_firewall.IptablesFirewallDriver': 'iptables_hybrid',
    'neutron.agent.firewall.NoopFirewallDriver': 'noop',
  } as const,
  "'openvswitch', 'iptables_hybrid' or 'noop' is wanted",
);

function driverOf<D extends string>(names: Readonly<Record<string, D>>, wanted: string): Type<D> {
  return {
    name: 'string',
    emptyIsNone: true,
    read(text) {
      const driver = Object.hasOwn(names, text) ? names[text] : undefined;
      if (driver === undefined) throw new ConfigError(wanted);
      return driver;
    },
  };
}
