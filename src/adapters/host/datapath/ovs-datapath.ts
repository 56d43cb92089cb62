// The door to Open vSwitch's tracked connections by ovs-vswitchd's own commands, which know both datapaths.
import type { Datapath, TrackedConnection } from '../../../contracts/host/datapath.ts';
import { HostRefusal } from '../../../contracts/host/firewall.ts';
import { canBeNamed, parseConnection, tupleText } from './tuples.ts';
import { Unixctl } from './unixctl.ts';

export class OvsDatapath implements Datapath {
  private readonly daemon: Unixctl;

  constructor(daemon = new Unixctl()) {
    this.daemon = daemon;
  }

  async connections(type: string, zone: number): Promise<readonly TrackedConnection[]> {
    const text = await this.daemon.run('dpctl/dump-conntrack', datapath(type), zoneWord(zone));
    return text.split('\n').flatMap(line => parseConnection(line) ?? []);
  }

  async forget(type: string, connections: readonly TrackedConnection[]): Promise<void> {
    for (const c of connections.filter(canBeNamed)) {
      try {
        await this.flush(type, zoneWord(c.zone), tupleText(c));
      } catch (error) {
        if (!/No such file or directory/.test(String(error))) throw error;
      }
    }
  }

  async forgetZone(type: string, zone: number): Promise<void> {
    await this.flush(type, zoneWord(zone));
  }

  /** Open vSwitch 3.1 does not take the datapath's name here, and needs none where there is but one. */
  private async flush(type: string, ...words: readonly string[]): Promise<void> {
    const name = datapath(type);
    try {
      await this.daemon.run('dpctl/flush-conntrack', ...words);
    } catch (error) {
      if (!/multiple datapaths/.test(String(error))) throw error;
      await this.daemon.run('dpctl/flush-conntrack', name, ...words);
    }
  }
}

/** The name that ovs-vswitchd gives the one datapath of a type. */
function datapath(type: string): string {
  if (!/^[a-z][a-z0-9_-]*$/.test(type)) throw new HostRefusal('ovs-vswitchd', `no datapath type: ${JSON.stringify(type)}`);
  return `${type}@ovs-${type}`;
}

function zoneWord(zone: number): string {
  if (!Number.isInteger(zone) || zone < 0 || zone > 65_535) throw new HostRefusal('ovs-vswitchd', `no zone: ${zone}`);
  return `zone=${zone}`;
}
