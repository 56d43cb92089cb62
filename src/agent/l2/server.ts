// The server's methods that an L2 agent calls, as Neutron's agent calls them (topic q-plugin).
import type { Bus } from '../../contracts/bus.ts';
import { type Answer, type NameOf, parseDetailsList, parseSecurityInfo, type SecurityInfo } from './wire.ts';

/** `rpc_resources_processing_step`. */
const STEP = 20;
/** Devices per question: an answer carries their ports, groups and members. */
const QUESTION = 100;

export interface Outcome {
  /** Devices whose state the server has taken. */
  readonly taken: readonly string[];
  readonly failed: readonly string[];
}

export class Server {
  private readonly bus: Bus;
  private readonly host: string;
  private readonly agentId: string;
  private readonly nameOf: NameOf;

  constructor(bus: Bus, host: string, agentId: string, nameOf: NameOf) {
    this.bus = bus;
    this.host = host;
    this.agentId = agentId;
    this.nameOf = nameOf;
  }

  /** Each call sets the ports to BUILD: never ask just to look. */
  async details(devices: readonly string[], complain: (device: string, why: string) => void): Promise<Map<string, Answer>> {
    const answers = await Promise.all(
      chunks(devices, QUESTION).map(some =>
        this.plugin('1.9', 'get_devices_details_list', { devices: some, agent_id: this.agentId, host: this.host }),
      ),
    );
    return new Map(answers.flatMap(a => [...parseDetailsList(a, this.nameOf, complain)]));
  }

  /** Of the groups `known` no members. A server of Neutron's tells them all the same, and as a list. */
  async security(devices: readonly string[], known: readonly string[]): Promise<SecurityInfo> {
    const how = { call_version: '1.3', members_by_port: true, without_members: known };
    const answers = await Promise.all(
      chunks(devices, QUESTION).map(async some =>
        parseSecurityInfo(await this.plugin('1.3', 'security_group_info_for_devices', { devices: some, ...how }), this.nameOf),
      ),
    );
    return {
      devices: new Map(answers.flatMap(a => [...a.devices])),
      groups: new Map(answers.flatMap(a => [...a.groups])),
      members: new Map(answers.flatMap(a => [...a.members])),
    };
  }

  /** Several devices go in one list; `refresh` asks for the whole table of l2population. */
  async report(up: readonly string[], down: readonly string[], refresh: boolean): Promise<Outcome> {
    const common = { agent_id: this.agentId, host: this.host };
    const taken: string[] = [];
    const failed: string[] = [];
    const [first] = [...up, ...down];
    if (first !== undefined && up.length + down.length === 1) {
      if (up.length === 1)
        await this.plugin('1.9', 'update_device_up', { device: first, ...common, ...(refresh ? { refresh_tunnels: true } : {}) });
      else await this.plugin('1.9', 'update_device_down', { device: first, ...common });
      return { taken: [first], failed };
    }
    for (const [devices_up, devices_down] of [
      ...chunks(up, STEP).map(c => [c, []] as const),
      ...chunks(down, STEP).map(c => [[], c] as const),
    ]) {
      const answer = await this.plugin('1.9', 'update_device_list', { devices_up, devices_down, ...common, refresh_tunnels: refresh });
      const bad = failedDevices(answer);
      for (const device of [...devices_up, ...devices_down]) (bad.has(device) ? failed : taken).push(device);
    }
    return { taken, failed };
  }

  private plugin(version: string, method: string, args: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.bus.call({ topic: 'q-plugin', version }, method, args);
  }
}

function failedDevices(answer: unknown): Set<unknown> {
  const { failed_devices_up: up, failed_devices_down: down } = (answer ?? {}) as {
    failed_devices_up?: unknown;
    failed_devices_down?: unknown;
  };
  return new Set([...(Array.isArray(up) ? up : []), ...(Array.isArray(down) ? down : [])]);
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}
