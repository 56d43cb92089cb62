// Names and comments in Neutron's iptables rules. The binary's name is cut to 16 characters, a chain's own part to 11.

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

const comments = {
  established: 'Direct packets associated with a known session to the RETURN chain.',
  invalid: 'Drop packets that appear related to an existing connection (e.g. TCP ACK/FIN) but do not have an entry in conntrack.',
  unmatched: 'Send unmatched traffic to the fallback chain.',
  'dhcp-client': 'Allow DHCP client traffic.',
  'dhcp-spoof': 'Prevent DHCP Spoofing by VM.',
  'pair-allow': 'Allow traffic from defined IP/MAC pairs.',
  'pair-drop': 'Drop traffic without an IP/MAC allow rule.',
  icmp6: 'Allow IPv6 ICMP traffic.',
  'ra-drop': 'Drop IPv6 Router Advts from VM Instance.',
  fallback: 'Default drop rule for unmatched traffic.',
  'to-groups': 'Direct traffic from the VM interface to the security group chain.',
  'to-port': 'Jump to the VM specific chain.',
  input: 'Direct incoming traffic from VM to the security group chain.',
  open: 'Accept all packets when port security is disabled.',
} as const;

export const comment = (key: keyof typeof comments): string => `-m comment --comment "${comments[key]}"`;
