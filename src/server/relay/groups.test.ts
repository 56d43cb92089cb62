// When a change of a port is one of its groups' members.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PortFacts } from '../commands/port-rows.ts';
import { memberMessages } from './groups.ts';
import type { Known } from './known.ts';

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
