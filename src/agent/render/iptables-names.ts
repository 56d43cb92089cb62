// Neutron's names in iptables rules, and our comments. The binary's name is cut to 16 characters, a chain's own part to 11.

const wrap = 'neutron-linuxbri';

export const topChain = 'neutron-filter-top';
export const chain = (name: string): string => `${wrap}-${name}`;
export const fallbackChain = chain('sg-fallback');
export const groupChain = chain('sg-chain');

/** Chains that are this agent's to remove. */
export const isOurs = (name: string): boolean => name.startsWith(`${wrap}-`);

const letters = { ingress: 'i', egress: 'o', spoof: 's' } as const;

export function portChain(kind: keyof typeof letters, portId: string): string {
  return chain(`${letters[kind]}${portId.slice(0, 10)}`);
}

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
