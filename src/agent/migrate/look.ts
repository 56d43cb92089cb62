// Looks at everything a move is planned by. Nothing is changed.
import { hostNetns } from '../../contracts/host/netns.ts';
import type { OvsPicture } from '../../contracts/host/ovsdb.ts';
import type { Situation, SwitchThere } from '../desired/migrate/situation.ts';
import type { Doors } from './doors.ts';

export async function lookAround({ hostName, host, cloud, session, target }: Doors): Promise<Situation> {
  const [there, links, v4, v6, openvswitch] = await Promise.all([
    cloud.look(),
    host.links.list(hostNetns),
    host.links.routes(hostNetns, 4),
    host.links.routes(hostNetns, 6),
    switchOf(session),
  ]);
  return { host: hostName, cloud: there, target, links, routes: [...v4, ...v6], openvswitch };
}

async function switchOf(session: Doors['session']): Promise<SwitchThere | string> {
  try {
    const picture = await session.picture();
    if (!(await session.switchAlive())) return 'its database does, and ovs-vswitchd does not take up what is in it';
    return bridgesOf(picture);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const bridgesOf = ({ bridges }: OvsPicture): SwitchThere =>
  new Map([...bridges].map(([name, { datapath_type, ports }]) => [name, { datapathType: datapath_type, ports: new Set(ports.keys()) }]));
