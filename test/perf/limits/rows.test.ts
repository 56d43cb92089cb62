import assert from 'node:assert/strict';
import { test } from 'node:test';
import { portCreateOf, type Recorded, rowsLike } from './rows.ts';

const statement = (text: string, ...binds: Recorded['binds']): Recorded => ({ text, binds });
const network = '1ec864dd-2948-4213-85cf-ca3d094b1f08';

function create(id: string, mac: string, ip: string, name: string): Recorded[] {
  return [
    statement('INSERT INTO "ip_allocations" (port_id, ip_address, network_id) VALUES (?, ?, ?)', id, ip, network),
    statement('INSERT INTO "ports" (id, mac_address, name, network_id, mtu) VALUES (?, ?, ?, ?, ?)', id, mac, name, network, null),
    statement('UPDATE "quota_usages" SET in_use = in_use + ?', 1),
  ];
}

const [one, other] = [
  create('948481de-2de9-4bbd-982c-e963c855c095', 'fa:16:3e:72:35:be', '10.0.31.123', 'a'),
  create('13daa79f-edcc-442b-b122-4b1be3c07b18', 'fa:16:3e:00:00:01', '10.0.31.124', 'b'),
];

test('the transaction that makes a port, without what it reads', () => {
  const recorded = [
    statement('SELECT 1'),
    ...[statement('BEGIN IMMEDIATE'), statement('UPDATE weft_reader SET seq = ?', 1), statement('COMMIT')],
    ...[statement('BEGIN IMMEDIATE'), statement('SELECT 2'), ...one, statement('COMMIT')],
    statement('DELETE FROM weft_outbox'),
  ];
  assert.deepEqual(portCreateOf(recorded), one);
  assert.equal(portCreateOf(recorded.slice(0, 4)), undefined);
});

test('ids and addresses are new, the same wherever they stand, and all else stays', () => {
  const rows = rowsLike(one, other);
  const seen = new Set<unknown>();
  for (let n = 0; n < 1000; n++) {
    const [[portId, ip, net] = [], [id, mac, name, sameNet, nothing] = [], quota] = rows(n);
    assert.equal(portId, id);
    assert.deepEqual([net, sameNet, name, nothing, quota], [network, network, 'a', null, [1]]);
    assert.match(String(mac), /^fa:16:3e(:[\da-f]{2}){3}$/);
    assert.match(String(ip), /^10(\.\d{1,3}){3}$/);
    for (const value of [id, ip, mac]) seen.add(value);
  }
  assert.equal(seen.size, 3000);
});

test('what cannot be compared is refused', () => {
  assert.throws(() => rowsLike(one, other.slice(1)), /different statements/);
  assert.throws(() => rowsLike(one, one), /the same rows/);
});
