// Neutron's names in iptables rules, and our comments. The binary's name is cut to 16 characters, a chain's own part to 11.

/** Names of one agent's chains and tables. */
export interface AgentNames {
  /** Its tables of nftables. */
  readonly table: string;
  /** Its word for the chain that `FORWARD` and the like lead to. */
  chain(name: string): string;
  readonly fallback: string;
  readonly group: string;
  port(kind: keyof typeof letters, portId: string): string;
  /** Chains that are this agent's to remove. */
  isOurs(chain: string): boolean;
}

export const topChain = 'neutron-filter-top';

const letters = { ingress: 'i', egress: 'o', spoof: 's' } as const;

/** By the name of Neutron's program. */
export function agentNames(binary: string): AgentNames {
  const wrap = binary.slice(0, 16);
  const chain = (name: string): string => `${wrap}-${name}`;
  return {
    table: wrap,
    chain,
    fallback: chain('sg-fallback'),
    group: chain('sg-chain'),
    port: (kind, portId) => chain(`${letters[kind]}${portId.slice(0, 10)}`),
    isOurs: name => name.startsWith(`${wrap}-`),
  };
}

export const linuxbridgeNames = agentNames('neutron-linuxbridge-agent');
export const openvswitchNames = agentNames('neutron-openvswitch-agent');

/** What `iptables -L` says beside a rule. The words are our own; the names of chains are Neutron's. */
const comments = {
  established: 'follows a connection that was allowed',
  invalid: 'fits no connection that is known',
  unmatched: 'no rule of the groups allows it',
  'dhcp-client': 'asks for a lease',
  'dhcp-spoof': 'instances are no DHCP servers',
  'pair-allow': 'an address of the port',
  'pair-drop': 'not an address of the port',
  icmp6: 'what IPv6 needs on a link',
  'ra-drop': 'instances are no routers',
  fallback: 'denied unless a group allows it',
  'to-groups': 'to or from a filtered port',
  'to-port': 'the port',
  input: 'from a filtered port to the host itself',
  open: 'port security is off',
} as const;

export const comment = (key: keyof typeof comments): string => `-m comment --comment "${comments[key]}"`;
