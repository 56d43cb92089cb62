// What a `port_update` makes stale. The server sends one for every change of a port, and asking for details resets its status: so look first.
import type { Json } from '../../contracts/bus.ts';
import { parseMac } from '../../domain/net/mac.ts';
import type { Device, View } from './view.ts';
import { addresses } from './wire.ts';

/** Answers whether anything is to be done. */
export function heardOfPort(view: View, port: Json | undefined): boolean {
  if (typeof port !== 'object' || port === null || Array.isArray(port)) return false;
  const fields = port as Readonly<Record<string, Json>>;
  const device = view.ofPort(fields['id']);
  if (!device) return false;
  if (changed(device, fields)) {
    device.heard++;
    return true;
  }
  if (sameTexts(device.security?.security_groups ?? [], fields['security_groups'])) return false;
  view.dirtyDevices.add(device.name);
  return true;
}

/** Whether the port differs in anything but its groups from what is realised, or waits to be told as realised. */
function changed(device: Device, port: Readonly<Record<string, Json>>): boolean {
  if (device.answer?.kind !== 'port' || port['status'] !== 'ACTIVE') return true;
  const { details } = device.answer;
  return (
    port['admin_state_up'] !== details.admin_state_up ||
    port['network_id'] !== details.network_id ||
    port['device_owner'] !== details.device_owner ||
    (port['port_security_enabled'] !== false) !== details.port_security_enabled ||
    parseMac(String(port['mac_address'])) !== details.mac_address ||
    !sameTexts(details.fixed_ips, addresses(port['fixed_ips'])) ||
    !sameTexts(pairTexts(device.security?.allowed_address_pairs ?? []), pairTexts(port['allowed_address_pairs']))
  );
}

function sameTexts(known: readonly string[], told: unknown): boolean {
  return Array.isArray(told) && [...known].sort().join() === (told as unknown[]).map(String).sort().join();
}

function pairTexts(pairs: unknown): string[] {
  const all: readonly unknown[] = Array.isArray(pairs) ? pairs : [];
  return all.map(p => {
    const { mac_address, ip_address } = p as { mac_address?: unknown; ip_address?: unknown };
    return `${String(mac_address)} ${String(ip_address)}`;
  });
}
