// What guards a live port: nothing, or that it sends as itself alone; or it stays dead, because nothing here can guard it as it is to be.
import type { PortDetails } from '../desired/l2-port.ts';
import type { Device } from '../l2/view.ts';
import { compilePort, type PortSecurity } from '../render/security-port.ts';
import { BadRule } from '../render/security-rules.ts';

export type Guard =
  | { readonly kind: 'open' }
  /** `noop`: no rules, but no spoofing either. */
  | { readonly kind: 'itself'; readonly port: PortSecurity }
  | { readonly kind: 'closed'; readonly why: string };

export function guardOf(device: Device, details: PortDetails, firewall: 'openvswitch' | 'noop'): Guard {
  const { security } = device;
  if (!details.port_security_enabled || security?.port_security_enabled === false) return { kind: 'open' };
  if (!security)
    return details.device_owner.startsWith('network:')
      ? { kind: 'open' }
      : { kind: 'closed', why: 'the server has not told its security groups' };
  if (firewall === 'openvswitch')
    return {
      kind: 'closed',
      why: 'its port security is on, and this agent has no firewall for it yet: only firewall_driver = noop, and ports without port security',
    };
  try {
    return { kind: 'itself', port: compilePort({ ...security, device: device.name, rules: [] }) };
  } catch (error) {
    if (error instanceof BadRule) return { kind: 'closed', why: `an address cannot be enforced: ${error.message}` };
    throw error;
  }
}
