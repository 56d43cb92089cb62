// Asks the server for what is stale, in as few and as small questions as will do.
import type { Log } from '../../contracts/log.ts';
import type { Server } from './server.ts';
import type { Device, View } from './view.ts';
import { addresses, type SecurityDevice } from './wire.ts';

/** Brings the view up to date; rejects when the server did not answer, and then what was stale stays so. */
export async function refresh(view: View, server: Server, log: Log): Promise<void> {
  view.asking++;
  try {
    if (view.allSecurityStale) await refreshAllSecurity(view, server);
    await Promise.all([refreshDevices(view, server, log), refreshGroups(view, server)]);
    // What one answer dropped, the other was not asked about.
    if (view.dirtyGroups.size > 0) await refreshGroups(view, server);
  } finally {
    view.asking--;
    if (view.asking === 0) view.members.settle();
  }
}

async function refreshDevices(view: View, server: Server, log: Log): Promise<void> {
  const stale = view.stale().map(device => ({ device, heard: device.heard }));
  if (stale.length === 0) return;
  const names = stale.map(s => s.device.name);
  const complain = (device: string, why: string): void => log.error('the server described a port that makes no sense', { device, why });
  const known = view.knownMembers();
  const [answers, info] = await Promise.all([server.details(names, complain), server.security(names, known)]);
  for (const { device, heard } of stale) {
    device.asked = heard;
    device.answer = answers.get(device.name) ?? { kind: 'unknown' };
    device.reported = undefined;
  }
  view.takeSecurity(
    info,
    stale.map(s => s.device),
    new Set(known),
  );
}

/** Rules and members belong to groups: it is enough to ask for one device in, and one device that refers to, each group. */
async function refreshGroups(view: View, server: Server): Promise<void> {
  const known = view.knownMembers();
  const dirty = [...view.dirtyGroups];
  const unsure = [...view.unsureGroups];
  const own = [...view.dirtyDevices];
  view.dirtyGroups.clear();
  view.unsureGroups.clear();
  view.dirtyDevices.clear();
  const asked = [...new Set([...own.flatMap(name => view.devices.get(name) ?? []), ...coveringDevices(view, dirty)])];
  if (asked.length === 0) return;
  try {
    const info = await server.security(
      asked.map(d => d.name),
      known,
    );
    view.takeSecurity(info, asked, new Set(known));
  } catch (error) {
    for (const id of dirty) view.dirtyGroups.add(id);
    for (const id of unsure) view.unsureGroups.add(id);
    for (const name of own) view.dirtyDevices.add(name);
    throw error;
  }
}

export function coveringDevices(view: View, groups: readonly string[]): Device[] {
  const secured = [...view.devices.values()].flatMap(device => (device.security ? [{ device, security: device.security }] : []));
  const asked = new Set<Device>();
  const cover = (wanted: string, groupsOf: (s: SecurityDevice) => Iterable<string>): void => {
    const candidates = secured.filter(s => [...groupsOf(s.security)].includes(wanted)).map(s => s.device);
    if (candidates[0] && !candidates.some(c => asked.has(c))) asked.add(candidates[0]);
  };
  for (const id of groups) {
    cover(id, s => s.security_groups);
    cover(id, s => view.remoteGroups(s));
  }
  return [...asked];
}

/** After a gap in the messages: asks what can be asked without touching a port's status, and marks the ports that turn out to differ. */
async function refreshAllSecurity(view: View, server: Server): Promise<void> {
  const secured = [...view.devices.values()].filter(d => d.answer?.kind === 'port');
  view.allSecurityStale = false;
  if (secured.length === 0) return;
  try {
    const info = await server.security(
      secured.map(d => d.name),
      [],
    );
    view.takeSecurity(info, secured);
  } catch (error) {
    view.allSecurityStale = true;
    throw error;
  }
  for (const device of secured) if (differs(device)) device.heard++;
}

function differs(device: Device): boolean {
  const { security, answer } = device;
  if (answer?.kind !== 'port') return false;
  const { details } = answer;
  const unfiltered = details.device_owner.startsWith('network:') || !details.port_security_enabled;
  if (!security) return !unfiltered;
  const same = [...addresses(security.fixed_ips)].sort().join() === [...details.fixed_ips].sort().join();
  return !same || security.admin_state_up !== details.admin_state_up || security.port_security_enabled !== details.port_security_enabled;
}
