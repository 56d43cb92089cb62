// What a `port_update` makes stale. The server sends one for every change of a port, and asking for details resets its status: so look first.
import type { Json } from '../../contracts/bus.ts';
import { parseMac } from '../../domain/net/mac.ts';
import type { Device, View } from './view.ts';
import { addresses, uuidOrNull } from './wire.ts';

/** Answers whether anything is to be done. */
export function heardOfPort(view: View, port: Json | undefined): boolean {
  if (typeof port !== 'object' || port === null || Array.isArray(port)) return false;
  const fields = port as Readonly<Record<string, Json>>;
  const device = view.ofPort(fields['id']);
  if (!device) return false;
  const policed = takePolicies(view, device, fields);
  if (changed(device, fields)) {
    device.heard++;
    return true;
  }
  // The answer to a question that is on its way may be older.
  if (view.asking === 0 && sameTexts(device.security?.security_groups ?? [], fields['security_groups'])) return policed;
  view.dirtyDevices.add(device.name);
  return true;
}

/** Which QoS policies are the port's: they are told whole, so nothing need be asked. Answers whether they are others than before. */
export function takePolicies(view: View, device: Device, port: Readonly<Record<string, unknown>>): boolean {
  if (device.answer?.kind !== 'port' || !('qos_policy_id' in port) || !('qos_network_policy_id' in port)) return false;
  const revision = Number(port['revision_number'] ?? 0);
  if (revision < device.revision) return false;
  device.revision = revision;
  const { details } = device.answer;
  const qos_policy_id = uuidOrNull(port['qos_policy_id']);
  const qos_network_policy_id = uuidOrNull(port['qos_network_policy_id']);
  if (qos_policy_id === details.qos_policy_id && qos_network_policy_id === details.qos_network_policy_id) return false;
  device.answer = { kind: 'port', details: { ...details, qos_policy_id, qos_network_policy_id } };
  // The answer to a question that is on its way may be older.
  if (view.asking > 0) device.heard++;
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
