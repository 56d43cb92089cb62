// Agents as a server knows them: heartbeats and reports over its socket, with nothing behind them.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { connectUnixBus } from '../../../src/adapters/bus-unix/unix-bus.ts';
import { systemClock } from '../../../src/adapters/clock/system-clock.ts';
import type { Bus, Json } from '../../../src/contracts/bus.ts';
import type { Log } from '../../../src/contracts/log.ts';

const silent: Log = { debug() {}, info() {}, warning() {}, error() {}, child: () => silent };

interface Kind {
  readonly agent_type: string;
  readonly binary: string;
  readonly topic: string;
  readonly configurations: Readonly<Record<string, Json>>;
}

const l2: Kind = {
  agent_type: 'Linux bridge agent',
  binary: 'neutron-linuxbridge-agent',
  topic: 'N/A',
  configurations: { tunnel_types: ['vxlan'], tunneling_ip: '192.0.2.1', l2_population: true, bridge_mappings: {}, interface_mappings: {} },
};
const dhcp: Kind = { agent_type: 'DHCP agent', binary: 'neutron-dhcp-agent', topic: 'dhcp_agent', configurations: {} };
const l3: Kind = { agent_type: 'L3 agent', binary: 'neutron-l3-agent', topic: 'l3_agent', configurations: { agent_mode: 'legacy' } };

export class Agents implements AsyncDisposable {
  private readonly bus: Bus;

  private constructor(bus: Bus) {
    this.bus = bus;
  }

  /** Of the server whose state is in that folder. */
  static async join(folder: string): Promise<Agents> {
    return new Agents(await connectUnixBus(join(folder, 'bus.sock'), { clock: systemClock, log: silent }));
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.bus[Symbol.asyncDispose]();
  }

  /** A compute host; `network`: one with DHCP and routers. */
  async report(host: string, role: 'compute' | 'network'): Promise<void> {
    for (const kind of role === 'compute' ? [l2] : [l2, dhcp, l3]) {
      const agent_state = { ...kind, host, uuid: randomUUID(), start_flag: true, availability_zone: 'nova' };
      const time = new Date().toISOString().replace('Z', '');
      await this.call('q-reports-plugin', '1.2', 'report_state', { agent_state: { agent_state }, time });
    }
  }

  /** What agents ask and say of a port that is wired and served: it is ACTIVE afterwards. */
  async wire(host: string, port: string): Promise<void> {
    const agent_id = `lb-${host}`;
    await this.call('q-plugin', '1.9', 'get_devices_details_list', { devices: [port], host, agent_id });
    await this.call('q-plugin', '1.9', 'update_device_up', { device: port, host, agent_id });
    await this.call('q-plugin', '1.7', 'dhcp_ready_on_ports', { port_ids: [port] });
  }

  private call(topic: string, version: string, method: string, args: Readonly<Record<string, Json>>): Promise<unknown> {
    return this.bus.call({ topic, version }, method, args);
  }
}
