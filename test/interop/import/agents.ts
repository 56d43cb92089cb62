// Agents that report to a server as Neutron's do, as far as a server can tell.
import { randomUUID } from 'node:crypto';
import { openAmqpBus } from '../../../src/adapters/bus-amqp/amqp-bus.ts';
import { systemClock as clock } from '../../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../../src/adapters/log/text-log.ts';
import type { Bus } from '../../../src/contracts/bus.ts';
import { amqpOptions } from '../../../src/main/config/rabbit.ts';

export const openBus = (transportUrl: string): Promise<Bus> =>
  openAmqpBus({
    amqp: amqpOptions({ transportUrl, controlExchange: 'neutron', host: 'test', rabbit: {} }),
    clock,
    log: textLog({ sink: { write: () => {} } }),
  });

const kinds = {
  'Linux bridge agent': ['neutron-linuxbridge-agent', 'N/A'],
  'DHCP agent': ['neutron-dhcp-agent', 'dhcp_agent'],
  'L3 agent': ['neutron-l3-agent', 'l3_agent'],
} as const;

export type Kind = keyof typeof kinds;

export async function report(bus: Bus, kind: Kind, host: string, configurations: object): Promise<void> {
  const [binary, topic] = kinds[kind];
  const zone = kind === 'Linux bridge agent' ? {} : { availability_zone: 'nova' };
  const agent_state = { agent_type: kind, binary, topic, host, uuid: randomUUID(), configurations, start_flag: true, ...zone };
  const args = { agent_state: { agent_state }, time: new Date().toISOString().replace('Z', '') };
  await bus.call({ topic: 'q-reports-plugin', version: '1.2' }, 'report_state', args, { timeoutMs: 60_000 });
}

/** What every host says of itself. */
export async function reportHost(bus: Bus, host: string, number: number): Promise<void> {
  await report(bus, 'Linux bridge agent', host, {
    interface_mappings: { physnet1: 'eth1' },
    bridge_mappings: {},
    tunnel_types: ['vxlan'],
    tunneling_ip: `10.99.0.${number}`,
    l2_population: true,
  });
  await report(bus, 'DHCP agent', host, { networks: 0, subnets: 0, ports: 0, dhcp_lease_duration: 86_400 });
  await report(bus, 'L3 agent', host, { agent_mode: number === 3 ? 'dvr_snat' : 'legacy', interface_driver: 'linuxbridge' });
}

/** The agent of the host has wired the port. */
export async function plugged(bus: Bus, host: string, portId: string): Promise<void> {
  const args = { device: portId, agent_id: `lb${host}`, host };
  await bus.call({ topic: 'q-plugin', version: '1.4' }, 'update_device_up', args, { timeoutMs: 60_000 });
}
