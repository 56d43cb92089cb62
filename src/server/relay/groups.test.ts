// When a change of a port is one of its groups' members, and when a change of rules leaves members in doubt.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OutboxRow, Row } from '../../contracts/store.ts';
import type { PortFacts } from '../commands/port-rows.ts';
import type { Services } from '../context.ts';
import { groupMessages, memberMessages } from './groups.ts';
import type { Known } from './known.ts';
import { groupMembersUpdated, type Message } from './messages.ts';
import { Together } from './together.ts';

const known = { allHearByName: async () => false } as Known;
const address = { subnet_id: 's', ip_address: '10.0.0.1' };
const before: PortFacts = {
  ...{ network_id: 'n', host: '', mac_address: 'fa:16:3e:00:00:01', device_owner: '', device_id: '', status: 'DOWN' },
  fixed_ips: [address],
  security_groups: ['g'],
};

const told = async (changed: readonly string[], port: Partial<PortFacts>): Promise<number> => {
  const now = { ...before, allowed_address_pairs: [], revision_number: 2, ...port };
  return (await memberMessages(known, { id: 'p', port: now, before, event: 'updated', changed })).length;
};

test('members are told of what was changed, and of what followed from it', async () => {
  assert.equal(await told(['name', 'binding:host_id'], {}), 0);
  assert.equal(await told(['allowed_address_pairs'], {}), 1);
  // As an address of a routed network follows from a host, and a MAC from a device.
  assert.equal(await told(['binding:host_id'], { fixed_ips: [address, { subnet_id: 't', ip_address: '10.0.1.1' }] }), 1);
  assert.equal(await told(['binding:profile'], { mac_address: 'fa:16:3e:00:00:02' }), 1);
  assert.equal(await told(['device_owner'], { security_groups: [] }), 1);
});

async function afterRule(naming: readonly Row[]): Promise<Message[]> {
  const rows: Record<string, readonly Row[]> = { security_group_rules: naming };
  const services = { store: { select: async ({ table }: { table: string }) => rows[table] ?? [] } } as unknown as Services;
  const last = { security_group_id: 'x', remote_group_id: 'g' };
  const gone = { kind: 'security_group_rule', id: 'r', event: 'deleted', revision: 1, at: '2026-01-01T00:10:00.000Z', facts: { last } };
  return (await groupMessages(services, known, gone as unknown as OutboxRow)).slice(1);
}

test('who filters by a group that stopped to be named, and is named again, asks for its members', async () => {
  const [old, young] = [{ created_at: '2026-01-01T00:00:00Z' }, { created_at: '2026-01-01T00:10:00Z' }];
  assert.deepEqual(await afterRule([]), []);
  assert.deepEqual(await afterRule([young, old]), []);
  const [message] = await afterRule([young]);
  assert.deepEqual(message, groupMembersUpdated(['g'], undefined, undefined));
  assert.deepEqual([new Together().keep(message!), new Together().keep(groupMembersUpdated(['g'], [], undefined))], [false, true]);
});
