// The packet marks that address scopes have in a router's namespace. Connections carry them, so whoever takes a router over keeps them.
import type { Iptables } from '../../contracts/host/firewall.ts';
import { gatewayDevice, internalDevice } from '../desired/l3/names.ts';
import type { Family, RouterView } from '../desired/l3/view.ts';
import { inboundMarks } from '../render/l3-firewall-delta.ts';

/** Scope → mark, by the rules that are there, whichever agent wrote them. A router without scopes is not looked at. */
export async function heldMarks(iptables: Iptables, netns: string, router: RouterView): Promise<ReadonlyMap<string, string>> {
  const out = new Map<string, string>();
  for (const family of [4, 6] as const) {
    const scopes = scopesByDevice(router, family);
    if (scopes.length === 0) continue;
    const marks = inboundMarks(await iptables.save(netns, family, 'mangle'));
    for (const [device, scope] of scopes) {
      const mark = marks.get(device);
      if (mark !== undefined && !out.has(scope)) out.set(scope, mark);
    }
  }
  return out;
}

function scopesByDevice({ interfaces, gateway }: RouterView, family: Family): (readonly [device: string, scope: string])[] {
  const inside = interfaces.map(port => [internalDevice(port.id), port.scopes[family]] as const);
  const all = gateway ? [...inside, [gatewayDevice(gateway.id), gateway.scopes[family]] as const] : inside;
  return all.flatMap(([device, scope]) => (scope === null ? [] : [[device, scope] as const]));
}
