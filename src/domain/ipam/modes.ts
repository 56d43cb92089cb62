// IPv6 address modes: which combinations make sense, and what they mean for addressing.
import { invalidInput } from '../errors.ts';

export interface Modes {
  readonly ip_version: number;
  readonly ipv6_ra_mode?: string | null | undefined;
  readonly ipv6_address_mode?: string | null | undefined;
}

const isAuto = (mode: string | null | undefined): boolean => mode === 'slaac' || mode === 'dhcpv6-stateless';

/** Ports of such a subnet get their address from the MAC (EUI-64): either mode suffices. */
export function isAutoAddress(subnet: Modes): boolean {
  return subnet.ip_version === 6 && (isAuto(subnet.ipv6_ra_mode) || isAuto(subnet.ipv6_address_mode));
}

/** The rules for a new subnet; `prefix` is the length of its cidr. */
export function checkModes(subnet: Modes & { readonly cidr: string; readonly enable_dhcp: boolean }, prefix: number): void {
  const ra = subnet.ipv6_ra_mode ?? null;
  const address = subnet.ipv6_address_mode ?? null;
  if (subnet.ip_version === 4) {
    if (ra !== null) throw invalidInput('ipv6_ra_mode is not valid when ip_version is 4');
    if (address !== null) throw invalidInput('ipv6_address_mode is not valid when ip_version is 4');
    return;
  }
  if (ra === null && address === null) return;
  if (!subnet.enable_dhcp) throw invalidInput('ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False');
  if (ra !== null && address !== null && ra !== address) {
    throw invalidInput(
      `ipv6_ra_mode set to '${ra}' with ipv6_address_mode set to '${address}' is not valid. If both attributes are set, they must be the same value`,
    );
  }
  if (isAutoAddress(subnet) && prefix !== 64) {
    throw invalidInput(
      `Invalid CIDR ${subnet.cidr} for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the prefix to be /64`,
    );
  }
}

/** DHCP cannot be turned off while one of the modes needs it. */
export function checkModesOnUpdate(current: Modes, enable_dhcp: boolean | undefined): void {
  if (enable_dhcp === false && current.ip_version === 6 && (current.ipv6_ra_mode || current.ipv6_address_mode)) {
    throw invalidInput('Cannot disable enable_dhcp with ipv6 attributes set');
  }
}
