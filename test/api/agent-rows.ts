// Live L2 agents as rows of the database, for servers that no agent can speak to.
import { randomUUID } from 'node:crypto';
import type { Body } from './client.ts';
import { openDatabase } from './open-database.ts';

const kinds = {
  linuxbridge: { agent_type: 'Linux bridge agent', binary: 'neutron-linuxbridge-agent', topic: 'N/A' },
  openvswitch: { agent_type: 'Open vSwitch agent', binary: 'neutron-openvswitch-agent', topic: 'N/A' },
} as const;

export async function addAgents(
  file: string,
  hosts: readonly string[],
  configurations: Body = { tunnel_types: ['vxlan'] },
  kind: keyof typeof kinds = 'linuxbridge',
): Promise<void> {
  await using store = await openDatabase(file);
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  const times = { created_at: now, started_at: now, heartbeat_timestamp: now };
  await store.commit({
    guards: [],
    outbox: [],
    ops: hosts.map(host => ({
      op: 'insert',
      table: 'agents',
      row: { id: randomUUID(), host, ...kinds[kind], ...times, admin_state_up: true, configurations: configurations as never },
    })),
  });
}
