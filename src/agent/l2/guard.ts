// What guards a port that is to be wired: nothing, its rules, or that it is shut because it makes no sense.
import type { PortDetails } from '../desired/l2-port.ts';
import { compilePort, type PortSecurity } from '../render/security-port.ts';
import { BadRule, type WireRule } from '../render/security-rules.ts';
import type { Device, View } from './view.ts';
import type { SecurityDevice } from './wire.ts';

export type Guard =
  | { readonly kind: 'open' }
  | { readonly kind: 'guarded'; readonly port: PortSecurity }
  | { readonly kind: 'closed'; readonly why: string };

export const shut = (why: string): Guard => ({ kind: 'closed', why });

/** Without `ruled` the port has no rules: who it is alone. */
export function guardOf(view: View, device: Pick<Device, 'name' | 'security'>, details: PortDetails, ruled = true): Guard {
  const { security } = device;
  if (!details.port_security_enabled || security?.port_security_enabled === false) return { kind: 'open' };
  if (!security)
    return details.device_owner.startsWith('network:') ? { kind: 'open' } : shut('the server has not told its security groups');
  try {
    return { kind: 'guarded', port: compiledPort(view, device.name, security, ruled) };
  } catch (error) {
    if (error instanceof BadRule) return unenforceable(error);
    throw error;
  }
}

export const unenforceable = (error: BadRule): Guard => shut(`a rule or address cannot be enforced: ${error.message}`);

interface Compiled {
  readonly device: string;
  /** Those of provider networks and of the port's groups, in their order. */
  readonly groups: readonly (readonly WireRule[])[];
  readonly port: PortSecurity;
}

/** By the server's word on the port's security; the view keeps a word that is told again as it was. */
const compiled = new WeakMap<SecurityDevice, Compiled>();
const noRules: readonly WireRule[] = [];

/** The port compiled; the same value again as long as neither the port nor the rules of its groups were told anew. */
function compiledPort(view: View, device: string, security: SecurityDevice, ruled: boolean): PortSecurity {
  const groups = ruled ? [security.provider_rules, ...security.security_groups.map(g => view.groups.get(g) ?? noRules)] : [];
  const known = compiled.get(security);
  if (known?.device === device && known.groups.length === groups.length && groups.every((g, i) => g === known.groups[i])) return known.port;
  const port = compilePort({ ...security, device, rules: groups.flat() });
  compiled.set(security, { device, groups, port });
  return port;
}
