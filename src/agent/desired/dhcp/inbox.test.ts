import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fold, type Message, type NetworkEvent, URGENT } from './inbox.ts';
import { DEVICE_ID, DHCP_PORT, dhcpPort, network, subnet4, VM1, VM2, vm1, vm2 } from './samples.suite.ts';
import { type DhcpPort, readPort } from './wire.ts';

const known = network([subnet4()], [vm1(), dhcpPort()]);
const port = (dict: unknown): DhcpPort => readPort(dict)?.value ?? assert.fail();
const messages = (...list: readonly (readonly [NetworkEvent, number])[]): Message[] =>
  list.map(([event, priority], arrival) => ({ event, priority, arrival: arrival + 1 }));
const folded = (net: typeof known | undefined, list: readonly Message[], gone: ReadonlySet<string> = new Set()) =>
  fold(net, list, DEVICE_ID, gone);
const ids = (net: typeof known | undefined): readonly string[] => net?.ports.map(p => p.id) ?? [];

test('port messages change the view without asking the server', () => {
  const moved = port(vm1({ fixed_ips: [{ subnet_id: subnet4()['id'], ip_address: '10.50.0.9' }], revision_number: 2 }));
  const out = folded(known, messages([{ kind: 'port', port: moved }, 6], [{ kind: 'port', port: port(vm2()) }, URGENT]));
  assert.equal(out.fetch, false);
  assert.deepEqual(ids(out.network), [VM1, DHCP_PORT, VM2]);
  assert.equal(out.network?.ports[0]?.fixed_ips[0]?.ip_address, '10.50.0.9');
  assert.deepEqual(
    [...out.ports],
    [
      [VM2, URGENT],
      [VM1, 6],
    ],
  );
});

test('an older revision changes nothing; a port of another network neither', () => {
  const newer = folded(known, messages([{ kind: 'port', port: port(vm1({ revision_number: 5 })) }, 6])).network;
  const out = folded(newer, messages([{ kind: 'port', port: port(vm1({ revision_number: 4, mac_address: 'fa:16:3e:00:00:00' })) }, 6]));
  assert.equal(out.network?.ports[0]?.mac_address, 'fa:16:3e:56:49:45');
  assert.equal(out.ports.size, 0);
  const foreign = port(vm2({ network_id: VM1 }));
  assert.deepEqual(ids(folded(known, messages([{ kind: 'port', port: foreign }, 6])).network), [VM1, DHCP_PORT]);
});

test('a deleted port stays deleted, whatever comes late', () => {
  const first = folded(known, messages([{ kind: 'port-gone', port_id: VM1 }, 6]));
  assert.deepEqual([ids(first.network), first.fetch], [[DHCP_PORT], false]);
  const late = folded(
    first.network,
    messages([{ kind: 'port', port: port(vm1()) }, 6], [{ kind: 'view', network: known }, -1]),
    first.gone,
  );
  assert.deepEqual(ids(late.network), [DHCP_PORT]);
});

test('when our own port is deleted the server is asked', () => {
  assert.equal(folded(known, messages([{ kind: 'port-gone', port_id: DHCP_PORT }, 6])).fetch, true);
});

test('changes of network and subnets ask once, and then all ports are reported', () => {
  const out = folded(known, messages([{ kind: 'changed' }, 3], [{ kind: 'changed' }, 1], [{ kind: 'scheduled' }, 0]));
  assert.deepEqual([out.fetch, out.whole, out.remove], [true, true, false]);
});

test('a removal ends what came before it, not what came after', () => {
  const gone: NetworkEvent = { kind: 'removed' };
  const out = folded(known, messages([{ kind: 'changed' }, 3], [gone, 2]));
  assert.deepEqual([out.remove, out.fetch, out.network], [true, false, undefined]);
  const back = folded(known, messages([gone, 2], [{ kind: 'scheduled' }, 0]));
  assert.deepEqual([back.remove, back.fetch], [false, true], 'scheduled to us again');
  const late = folded(known, messages([gone, 2], [{ kind: 'port', port: port(vm2()) }, 6]));
  assert.deepEqual([late.remove, late.network], [true, undefined], 'a port of a network that is not ours');
  const subnet = folded(known, messages([gone, 2], [{ kind: 'changed' }, 3]));
  assert.deepEqual([subnet.remove, subnet.fetch], [true, true], 'the server is asked after it');
});

test('the order is by priority, then arrival', () => {
  const a = port(vm1({ mac_address: 'fa:16:3e:00:00:0a', revision_number: undefined }));
  const b = port(vm1({ mac_address: 'fa:16:3e:00:00:0b', revision_number: undefined }));
  const out = folded(known, messages([{ kind: 'port', port: a }, 6], [{ kind: 'port', port: b }, 5]));
  assert.equal(out.network?.ports[0]?.mac_address, 'fa:16:3e:00:00:0a');
  assert.equal(out.ports.get(VM1), 5, 'the more urgent of the two');
});
