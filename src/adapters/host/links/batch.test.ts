// Batches as text: in how few processes, in what order, and which change a tool's complaint belongs to.
import assert from 'node:assert/strict';
import test from 'node:test';
import type { LinkChange } from '../../../contracts/host/links.ts';
import { plan, refusals } from './batch.ts';

const fdb = (n: number): LinkChange => ({ do: 'add-fdb', dev: 'vx', mac: '00:00:00:00:00:00', dst: `10.0.0.${n}` });
const neighbour = (n: number): LinkChange => ({ do: 'replace-neighbour', dev: 'vx', ip: `10.1.0.${n}`, mac: '02:00:00:00:00:01' });
const up = (name: string): LinkChange => ({ do: 'set-link', name, up: true });

const shape = (batch: readonly LinkChange[]): string[] => plan(batch).segments.map(s => `${s.tool} ${s.lines.map(l => l.index).join(' ')}`);

test('what does not touch a link itself may go before the FDB entries', () => {
  assert.deepEqual(shape([up('vx'), fdb(1), neighbour(1), fdb(2), neighbour(2)]), ['ip 0 2 4', 'bridge 1 3']);
  assert.deepEqual(shape([fdb(1), neighbour(1), fdb(2)]), ['ip 1', 'bridge 0 2']);
});

test('a change of a link stays behind the FDB entries that it stood behind', () => {
  assert.deepEqual(shape([up('vx'), fdb(1), { do: 'del-link', name: 'vx' }, neighbour(1)]), ['ip 0', 'bridge 1', 'ip 2 3']);
  assert.deepEqual(shape([fdb(1), up('vx'), fdb(2)]), ['bridge 0', 'ip 1', 'bridge 2']);
});

test('an empty batch is no process', () => assert.deepEqual(plan([]).segments, []));

test('a veth pair is one line, with what belongs to each end', () => {
  const link = {
    kind: 'veth',
    name: 'a',
    peer: 'b',
    peerNetns: 'n1',
    mtu: 1450,
    mac: '02:00:00:00:00:0A',
    peerMac: '02:00:00:00:00:0b',
  } as const;
  assert.equal(
    plan([{ do: 'add-link', link }]).segments[0]?.lines[0]?.text,
    'link add name a mtu 1450 address 02:00:00:00:00:0a type veth peer name b mtu 1450 address 02:00:00:00:00:0b netns n1',
  );
});

test('a batch line cannot name a family: the default route’s destination does', () => {
  const line = (family: 4 | 6, via?: string): string | undefined =>
    plan([{ do: 'replace-route', route: { dst: 'default', dev: 'a', family, ...(via && { via }) } }]).segments[0]?.lines[0]?.text;
  assert.equal(line(4), 'route replace 0.0.0.0/0 dev a');
  assert.equal(line(6), 'route replace ::/0 dev a');
  assert.equal(line(4, 'fe80::1'), 'route replace 0.0.0.0/0 via inet6 fe80::1 dev a');
});

test('no word of a change can end its line, or add an option', () => {
  const evil = ['a\nlink del b', 'a b', 'a;b', '-force', "a'b", 'a"b', 'a\\', '$(x)', 'a#', '\u0000'];
  for (const word of evil) {
    const changes: LinkChange[] = [
      { do: 'del-link', name: word },
      { do: 'set-link', name: 'a', master: word },
      { do: 'set-link', name: 'a', netns: word },
      { do: 'set-link', name: 'a', rename: word },
      { do: 'set-link', name: 'a', mac: word },
      { do: 'add-address', dev: 'a', cidr: word },
      { do: 'replace-route', route: { dst: word, family: 4 } },
      { do: 'replace-route', route: { dst: 'default', via: word, family: 4 } },
      { do: 'replace-route', route: { dst: 'default', proto: word, family: 4 } },
      { do: 'add-fdb', dev: 'a', mac: '02:00:00:00:00:01', dst: word },
      { do: 'del-neighbour', dev: 'a', ip: word },
    ];
    assert.equal(plan(changes).refused.length, changes.length, JSON.stringify(word));
    assert.deepEqual(plan(changes).segments, []);
  }
  assert.equal(plan([{ do: 'set-link', name: 'a', alias: 'x\ny' }]).refused.length, 1);
});

test('the tool’s complaints are given to the changes whose lines they name', () => {
  const lines = [4, 7, 9].map(index => ({ index, text: '' }));
  const stderr = 'Cannot find device "x"\nCommand failed -:1\nError: a.\nmore words\nCommand failed -:3\n';
  assert.deepEqual(refusals(lines, 1, stderr), [
    { index: 4, reason: 'Cannot find device "x"' },
    { index: 9, reason: 'Error: a.; more words' },
  ]);
  assert.deepEqual(refusals(lines, 0, ''), []);
  assert.deepEqual(
    refusals(lines, 1, 'Cannot open network namespace "n": No such file or directory\n').map(r => r.index),
    [4, 7, 9],
  );
});
