// Agents of any kind, as rows of the database.
import { randomUUID } from 'node:crypto';
import type { Store } from '../../../src/contracts/store.ts';
import type { Body } from '../client.ts';

export const dhcpAgent: Body = { agent_type: 'DHCP agent', binary: 'neutron-dhcp-agent', topic: 'dhcp_agent', configurations: {} };

export async function addAgent(store: Store, host: string, kind: Body): Promise<string> {
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  const times = { created_at: now, started_at: now, heartbeat_timestamp: now };
  const id = randomUUID();
  await store.commit({ ops: [{ op: 'insert', table: 'agents', row: { id, host, ...kind, ...times, admin_state_up: true } as never }] });
  return id;
}

export async function addL3Agent(store: Store, host: string, agent_mode: string): Promise<string> {
  const kind = { agent_type: 'L3 agent', binary: 'neutron-l3-agent', topic: 'l3_agent' };
  return addAgent(store, host, { ...kind, configurations: { agent_mode } });
}
