import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packets } from '../render/packet/samples.suite.ts';
import { type LoggedPacket, linesOf } from './lines.ts';
import { type PortLog, parseLogs } from './wire.ts';

const id = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;
const port = id(9);
const [hex, pkt] = packets[0]!;
const packet = (more: Partial<LoggedPacket> = {}): LoggedPacket => ({
  ...{ port, action: 'ACCEPT', direction: 'ingress', data: Buffer.from(hex, 'hex') },
  ...more,
});
const group = '11111111-0000-4000-8000-000000000000';
const https = { direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 443, port_range_max: 443 };
interface Told {
  readonly n: number;
  readonly event?: string;
  readonly project?: string;
  readonly rules?: readonly object[];
}
const logs = (...all: readonly Told[]): PortLog[] =>
  parseLogs(
    all.map(({ n, event = 'ALL', project = 'p', rules = [https] }) => ({
      ...{ id: id(n), event, project_id: project },
      ports_log: [{ port_id: port, security_group_rules: rules }],
    })),
  ).get(port) ?? [];
const nobody = (): boolean => false;

test('a line as Neutron’s agent writes it: all logs of a project in one', () => {
  assert.deepEqual(linesOf(packet(), logs({ n: 2 }, { n: 1 }, { n: 3, project: 'q' }), nobody), [
    `action=ACCEPT project_id=p log_resource_ids=['${id(1)}', '${id(2)}'] vm_port=${port} pkt=${pkt}`,
    `action=ACCEPT project_id=q log_resource_ids=['${id(3)}'] vm_port=${port} pkt=${pkt}`,
  ]);
});

test('who wants to know: by event, and of what was accepted by the rules of the log’s groups, in their direction', () => {
  const said = (more: Partial<LoggedPacket>, ...of: readonly Told[]): number => linesOf(packet(more), logs(...of), nobody).length;
  assert.deepEqual([said({}, { n: 1, event: 'DROP' }), said({ action: 'DROP' }, { n: 1, event: 'ACCEPT' })], [0, 0]);
  assert.deepEqual([said({ action: 'DROP' }, { n: 1, event: 'DROP', rules: [] }), said({}, { n: 1, rules: [] })], [1, 0]);
  assert.equal(said({ direction: 'egress' }, { n: 1 }), 0);
  assert.equal(said({ direction: 'egress' }, { n: 1, rules: [{ direction: 'egress', ethertype: 'IPv4' }] }), 1);
  const ofMembers = logs({ n: 1, rules: [{ ...https, remote_group_id: group }] });
  assert.deepEqual([linesOf(packet(), ofMembers, nobody).length, linesOf(packet(), ofMembers, g => g === group).length], [0, 1]);
});

test('what the server says and makes no sense is left out, and the rest counts', () => {
  assert.deepEqual(parseLogs('x').size + parseLogs([null, { id: 'x' }, { id: id(1), ports_log: [{ port_id: 7 }] }]).size, 0);
  assert.equal(logs({ n: 1, rules: [{ direction: 'sideways' }, https] })[0]?.rules.length, 1);
});
