// Which conntrack helpers may be asked for, and the protocols that each follows.
import { apiError } from './errors.ts';

/** The helpers that Neutron's L3 agent allows by default, with their transports. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  amanda: ['tcp'],
  ftp: ['tcp'],
  h323: ['udp', 'tcp'],
  irc: ['tcp'],
  'netbios-ns': ['udp'],
  pptp: ['tcp'],
  sane: ['tcp'],
  sip: ['udp', 'tcp'],
  snmp: ['udp'],
  tftp: ['udp'],
};

export function checkHelper({ helper, protocol }: { readonly helper: string; readonly protocol: string }): void {
  const protocols = Object.hasOwn(allowed, helper) ? allowed[helper] : undefined;
  if (!protocols) throw apiError('ConntrackHelperNotAllowed', { helper });
  if (!protocols.includes(protocol)) {
    throw apiError('InvalidProtocolForHelper', { helper, protocol, supported_protocols: protocols.join(', ') });
  }
}
